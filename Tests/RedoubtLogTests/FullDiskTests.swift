import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: redo and checkpoints that find no space lose nothing, and are written when there is some; nobody waits for
/// ever, and nothing is acknowledged that is not durable.
///
/// Method: faults of a simulated disk that leave half of what did not fit, at each write in turn and for a while; what
/// a power cut leaves is scanned.
@Suite(.timeLimit(.minutes(20))) struct FullDiskTests {
    private static let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)

    @Test(arguments: Configuration.RedoLog.Shape.allCases, [true, false])
    func `redo that finds no space is told, refused, and written when there is some`(
        shape: Configuration.RedoLog.Shape,
        starts: Bool
    ) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        let fixture = try LogFixture(configuration, starts: starts)
        let log = fixture.log
        try log.waitUntilFlushed(fixture.append(0).end)
        for turn: UInt64 in 1...2 {
            fixture.storage.inject(SimulatedFault(.write, role: .redo, isPermanent: true, effect: Self.full))
            let range = fixture.append(turn)
            let told = Atomic<Int>(0)
            try onThreads(3, within: 30) { thread in
                switch thread {
                case 0: #expect(code { () throws(RedoubtError) in try log.waitUntilFlushed(range.end) } == .notDurable)
                case 1: #expect(code { () throws(RedoubtError) in try log.waitUntilWritten(range.end) } == .notDurable)
                default:
                    log.whenFlushed(range.end) {
                        #expect($0?.code == .notDurable)
                        told.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
            #expect(spin { told.load(ordering: .relaxed) == 1 })
            #expect(!log.tryAcquireCapacity(bytes: 100))
            if starts {
                #expect(code { () throws(RedoubtError) in try log.acquireCapacity(bytes: 100) } == .diskFull)
            }
            #expect(!fixture.health.isFenced && log.flushedLSN < range.end)
            fixture.storage.removeFaults()
            // By itself, if there is a thread.
            if !starts { try log.waitUntilFlushed(range.end) }
            #expect(spin { log.flushedLSN >= range.end })
            try log.acquireCapacity(bytes: 100)
            log.releaseCapacity(bytes: 100)
        }
        #expect(try LogFixture.scan(fixture.storage.powerCut(.none)).numbers == [0, 1, 2])
        log.stop()
    }

    @Test(arguments: [true, false])
    func `the loss of space and its return are told once each time`(starts: Bool) throws {
        let fixture = try LogFixture(starts: starts)
        let (ranOut, returned) = (Count(), Count())
        _ = fixture.log.events.listen { event in
            switch event.kind {
            case .spaceRanOut: ranOut.value.wrappingAdd(1, ordering: .relaxed)
            case .spaceReturned: returned.value.wrappingAdd(1, ordering: .relaxed)
            default: break
            }
        }
        for turn in 1...2 {
            fixture.storage.inject(SimulatedFault(.write, role: .redo, isPermanent: true, effect: Self.full))
            let range = fixture.append(UInt64(turn))
            for _ in 0..<3 {
                #expect(code { () throws(RedoubtError) in try fixture.log.waitUntilFlushed(range.end) } == .notDurable)
            }
            #expect(ranOut.present == turn && returned.present == turn - 1)
            fixture.storage.removeFaults()
            #expect(spin { (try? fixture.log.waitUntilFlushed(range.end)) != nil })
            #expect(spin { returned.present == turn } && ranOut.present == turn)
        }
        fixture.log.stop()
    }

    private final class Count: Sendable {
        let value = Atomic<Int>(0)
        var present: Int { value.load(ordering: .relaxed) }
    }

    @Test func `no space for any one write of the log is waited out`() throws {
        var index = 0
        var hasFired = true
        while hasFired {
            let outcome = try SimulatedScheduler(seed: UInt64(index)).run { [index] in
                Result { try Self.fill(failing: index) }
            }.get()
            hasFired = outcome
            index += 2
        }
        #expect(index > 40, "\(index) writes")
    }

    /// Goes round the files with one write that finds no space; returns whether there was one.
    private static func fill(failing index: Int) throws -> Bool {
        let fixture = try LogFixture(starts: true)
        let log = fixture.log
        fixture.storage.inject(SimulatedFault(.write, role: .redo, skipping: index, effect: full))
        var numbers: [UInt64] = []
        for number: UInt64 in 0..<40 {
            let range = fixture.append(number, byteCount: 30_000)
            numbers.append(number)
            try log.waitUntilFlushed(range.end)
            guard number % 4 == 3 else { continue }
            do throws(RedoubtError) {
                try log.writeCheckpoint(range.end)
            } catch {
                guard error.code == .diskFull else { throw error }
                let found = try LogFixture.scan(fixture.storage.powerCut(.all)).numbers
                #expect(found == [] || found == numbers.suffix(found.count), "write \(index)")
                try log.writeCheckpoint(range.end)
            }
            numbers = []
        }
        let last = fixture.append(99)
        try log.waitUntilFlushed(last.end)
        #expect(try LogFixture.scan(fixture.storage.powerCut(.none)).numbers == [99], "write \(index)")
        log.stop()
        #expect(!fixture.health.isFenced)
        return fixture.storage.firedFaultCount > 0
    }

    @Test func `a sync that finds no space fences`() throws {
        let fixture = try LogFixture(starts: true)
        fixture.storage.inject(SimulatedFault(.sync, role: .redo, effect: Self.full))
        let range = fixture.append(0)
        #expect(code { () throws(RedoubtError) in try fixture.log.waitUntilFlushed(range.end) } == .fenced)
        #expect(fixture.health.isFenced)
        fixture.log.stop()
    }

    @Test func `a checkpoint that finds no space keeps the one before, also when it is tried again and again`() throws {
        let fixture = try LogFixture()
        let log = fixture.log
        for number: UInt64 in 0..<3 {
            try log.waitUntilFlushed(fixture.append(number).end)
            try log.writeCheckpoint(log.currentLSN)
        }
        let kept = fixture.append(7)
        try log.waitUntilFlushed(kept.end)
        fixture.storage.inject(SimulatedFault(.write, role: .redo, isPermanent: true, effect: Self.full))
        for seed: UInt64 in 0..<5 {
            #expect(code { () throws(RedoubtError) in try log.writeCheckpoint(kept.end) } == .diskFull)
            #expect(log.checkpointLSN == kept.start && !fixture.health.isFenced)
            // A checkpoint whose half was written may hold or not; both are right.
            let found = try LogFixture.scan(fixture.storage.powerCut(PowerCut(.seeded(seed)))).numbers
            #expect(found == [7] || found == [])
        }
        fixture.storage.removeFaults()
        try log.writeCheckpoint(kept.end)
        #expect(try LogFixture.scan(fixture.storage.powerCut(.none)).numbers == [])
    }

    @Test func `what is durable is not called otherwise because redo after it finds no space`() {
        let continuations = FlushContinuations()
        let told = Mutex<[UInt64: RedoubtError.Code?]>([:])
        for position: UInt64 in [10, 20, 30] {
            continuations.add(position) { error in told.withLock { $0[position] = .some(error?.code) } }
        }
        continuations.run(flushed: 20, error: RedoubtError(.notDurable, "no space"))
        #expect(told.withLock { $0 } == [10: nil, 20: nil, 30: .notDurable])
    }

    @Test func `a log buffer full of redo that finds no space fences in the end, and nobody hangs`() throws {
        let scheduler = SimulatedScheduler(seed: 1)
        let seen = try scheduler.run { () -> Result<RedoubtError.Code?, any Error> in
            Result {
                let fixture = try LogFixture(starts: true)
                fixture.storage.inject(SimulatedFault(.write, role: .redo, isPermanent: true, effect: Self.full))
                // Far more than the buffer holds, without credit.
                for number: UInt64 in 0..<40 { fixture.append(number, byteCount: 60_000) }
                defer { fixture.log.stop() }
                return code { () throws(RedoubtError) in try fixture.log.waitUntilFlushed(fixture.log.currentLSN) }
            }
        }.get()
        #expect(seen == .fenced)
    }
}
