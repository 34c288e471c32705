import RedoubtCore
import RedoubtPolicy
import Testing

@testable import FlushLab

/// Goal: a run repeats byte by byte, loses nothing, and keeps to the limits of the redo under every policy. Method: few
/// runs of a few virtual seconds, and what can be counted of them.
@Suite struct VirtualRunTests {
    /// Redo is the bottleneck: data in memory, a small log.
    private static func redoBound() -> Scenario {
        var scenario = Scenario()
        (scenario.pageCount, scenario.frameCount, scenario.redoCapacity) = (2048, 8192, 16 << 20)
        scenario.freeFrameTarget = 128
        scenario.device.writeRate = 4000
        var phase = Scenario.Phase()
        (phase.seconds, phase.threads) = (4, 4)
        phase.workload.processorTime = 100_000
        phase.workload.redoPerChange = 1000
        scenario.phases = [phase]
        return scenario
    }

    /// Memory is the bottleneck: data four times the pool.
    private static func memoryBound() -> Scenario {
        var scenario = redoBound()
        (scenario.pageCount, scenario.frameCount, scenario.redoCapacity) = (8192, 2048, 64 << 20)
        return scenario
    }

    @Test(arguments: FlushingPolicy.allCases)
    func `the same seed gives the same run, another one another`(policy: FlushingPolicy) {
        let scenario = Self.memoryBound()
        let first = VirtualRun.run(scenario, policy: policy)
        #expect(first == VirtualRun.run(scenario, policy: policy))
        var other = scenario
        other.seed = 2
        #expect(first.samples != VirtualRun.run(other, policy: policy).samples)
    }

    @Test(arguments: FlushingPolicy.allCases)
    func `the age of the redo stays below the limit at which writers stop`(policy: FlushingPolicy) {
        let result = VirtualRun.run(Self.redoBound(), policy: policy)
        #expect(result.samples.count == 40)
        let most = result.samples.map(\.checkpointAge).max() ?? 0
        // Whoever was admitted below the limit may still add what one slice of each client adds.
        #expect(most <= result.stopLimit + 4 * 20_000, "\(most) of \(result.stopLimit)")
        #expect(most > result.stopLimit / 4, "the load is too small for the limit to matter: \(most)")
        #expect(result.samples.reduce(0) { $0 + $1.transactions } > 1000)
        for sample in result.samples { #expect(sample.redoAge <= sample.checkpointAge + 1) }
    }

    @Test(arguments: FlushingPolicy.allCases)
    func `every frame has a page or is free, and every change is counted once`(policy: FlushingPolicy) {
        let scenario = Self.memoryBound()
        let result = VirtualRun.run(scenario, policy: policy)
        let sum = result.samples.reduce(into: (redo: 0, done: 0, reads: 0, writes: 0)) { sum, sample in
            sum.redo += sample.redo
            sum.done += sample.transactions
            sum.reads += sample.reads
            sum.writes += sample.writes
        }
        #expect(sum.done > 1000)
        // A transaction is one change of 1000 bytes; those under way at the end are not counted as done.
        #expect((0...8).contains(sum.redo / 1000 - sum.done), "\(sum)")
        // Three of four pages are not in memory, and what is read pushes out what was changed.
        #expect((0.6...0.9).contains(Double(sum.reads) / Double(sum.done)), "\(sum)")
        #expect(sum.writes > sum.reads / 4, "\(sum)")
        for sample in result.samples {
            #expect((0...scenario.frameCount).contains(sample.free))
            #expect((0...scenario.frameCount).contains(sample.dirty))
        }
    }

    @Test func `cleaner threads without an instance took their part of the window`() {
        var scenario = Self.redoBound()
        scenario.phases[0].rate = 5000
        scenario.options.cleanerThreads = 1
        let one = VirtualRun.run(scenario, policy: .redoubt)
        scenario.options.cleanerThreads = 4
        #expect(VirtualRun.run(scenario, policy: .redoubt).samples == one.samples)
    }

    @Test func `clients wait for what is short, and for nothing else`() {
        func waits(_ scenario: Scenario) -> (frames: Double, redo: Double, reads: Double, commit: Double) {
            VirtualRun.run(scenario, policy: .mysql80).samples.reduce(into: (0, 0, 0, 0)) { sum, sample in
                sum.0 += sample.waitFrames
                sum.1 += sample.waitRedo + sample.waitAdmission
                sum.2 += sample.waitReads
                sum.3 += sample.waitCommit
            }
        }
        let redo = waits(Self.redoBound())
        #expect(redo.redo > 0 && redo.frames == 0 && redo.reads == 0 && redo.commit == 0, "\(redo)")
        let memory = waits(Self.memoryBound())
        #expect(memory.reads > 0 && memory.commit == 0, "\(memory)")
        var durable = Self.redoBound()
        durable.phases[0].workload.isDurable = true
        let commit = waits(durable)
        #expect(commit.commit > 0 && commit.frames == 0, "\(commit)")
    }

    @Test(arguments: [FlushingPolicy.mysql80, .redoubt])
    func `clients and writers had more processors than there are`(policy: FlushingPolicy) {
        var scenario = Self.redoBound()
        scenario.device.writeRate = 0
        (scenario.machine.processors, scenario.machine.pageWriteTime) = (2, 50_000)
        scenario.phases[0].threads = 8
        let result = VirtualRun.run(scenario, policy: policy)
        let done = result.samples.reduce(0) { $0 + $1.transactions }
        let writes = result.samples.reduce(0) { $0 + $1.writes }
        let used = Double(done) * 100e-6 + Double(writes) * 50e-6
        // What is under way at the ends may count for one side only.
        #expect(used < 1.05 * 2 * 4, "\(used) s of processors in 4 s")
        #expect(used > 0.8 * 2 * 4, "\(used) s: something else was the limit")
    }

    @Test func `a rate is kept, also one that rises`() {
        var scenario = Self.redoBound()
        (scenario.phases[0].rate, scenario.phases[0].endRate) = (1000, 3000)
        scenario.phases[0].seconds = 10
        let samples = VirtualRun.run(scenario, policy: .redoubt).samples
        let first = samples[..<10].reduce(0) { $0 + $1.transactions }
        let last = samples[90...].reduce(0) { $0 + $1.transactions }
        #expect((1050...1150).contains(first), "\(first)")
        #expect((2800...2960).contains(last), "\(last)")
    }

    @Test func `phases follow each other, and a pause is one`() {
        var scenario = Self.redoBound()
        var pause = scenario.phases[0]
        (pause.threads, pause.seconds) = (0, 2)
        scenario.phases = [scenario.phases[0], pause, scenario.phases[0]]
        let samples = VirtualRun.run(scenario, policy: .mysql80).samples
        #expect(samples.count == 100)
        // Transactions that were under way end in the pause.
        #expect(samples[42..<60].allSatisfy { $0.transactions == 0 && $0.redo == 0 })
        #expect(samples[60...].reduce(0) { $0 + $1.transactions } > 1000)
    }

    @Test func `a client was two after a phase of pauses`() {
        var scenario = Self.redoBound()
        scenario.redoCapacity = 1 << 30
        scenario.machine.processors = 4
        var slow = scenario.phases[0]
        (slow.rate, slow.seconds) = (1000, 1)
        let fast = scenario.phases[0]
        scenario.phases = [slow, fast, slow, fast]
        let samples = VirtualRun.run(scenario, policy: .mysql80).samples
        // Four clients that take 0.1 ms each do 40,000 a second at most.
        let most = samples.map(\.transactions).max() ?? 0
        #expect((3500...4200).contains(most), "\(most) in a tenth")
    }

    @Test func `checkpoints were written ever more often`() {
        var scenario = Self.redoBound()
        scenario.checkpointInterval = 500
        var quiet = scenario.phases[0]
        (quiet.rate, quiet.seconds) = (200, 5)
        scenario.phases = [scenario.phases[0], quiet]
        let ages = VirtualRun.run(scenario, policy: .redoubt).samples.suffix(40).map(\.checkpointAge)
        // A checkpoint takes away what has been written; between two of them the age only grows.
        let falls = zip(ages, ages.dropFirst()).count { $1 < $0 }
        #expect(falls <= 9, "\(falls) in four seconds of two a second")
    }

    @Test func `appends make pages anew, without reading them`() {
        var scenario = Self.memoryBound()
        (scenario.phases[0].workload.changes, scenario.phases[0].workload.appends) = (0, 100)
        let result = VirtualRun.run(scenario, policy: .redoubt)
        let sum = result.samples.reduce(into: (reads: 0, writes: 0, bytes: 0)) { sum, sample in
            sum.reads += sample.reads
            sum.writes += sample.writes
            sum.bytes += sample.deviceBytes
        }
        #expect(sum.reads == 0)
        #expect(sum.writes > 100)
        let redo = result.samples.reduce(0) { $0 + $1.redo }
        // Pages made anew need no copies: once each, and the redo.
        #expect(Double(sum.bytes) < 1.2 * Double(sum.writes * 16384 + redo), "\(sum) \(redo)")
    }

    @Test func `a policy is told what the engine would tell it`() {
        var count = 0
        var scenario = Self.memoryBound()
        scenario.instanceCount = 2
        _ = VirtualRun.run(scenario, policy: .mysql80) { inputs, recommendation in
            count += 1
            #expect(inputs.instances.count == 2)
            #expect(recommendation.listPages.count == 2)
            #expect(inputs.checkpointLSN <= inputs.currentLSN)
            if let oldest = inputs.oldestModification { #expect(oldest <= inputs.currentLSN) }
            for instance in inputs.instances { #expect(instance.ages.total == instance.dirtyPageCount) }
        }
        #expect(count >= 4)
    }
}
