import RedoubtCore
import RedoubtPolicy
import Testing

@testable import FlushLab

/// Goal: the load that a trace shows is found again, and lines that are none are refused.
///
/// Method: runs of the model whose load is known, told as a database would tell them.
@Suite struct LoadTraceTests {
    /// A database that changes `pages` pages with `redo` bytes each, in memory, first at one rate and then at another.
    private static func known(pages: Int, redo: Double, frames: Int = 16384) -> Scenario {
        var scenario = Scenario()
        (scenario.pageCount, scenario.frameCount, scenario.redoCapacity) = (pages, frames, 64 << 20)
        scenario.freeFrameTarget = 128
        var phase = Scenario.Phase()
        (phase.seconds, phase.threads, phase.rate) = (8, 16, 5000)
        phase.workload.redoPerChange = redo
        phase.workload.processorTime = 2000
        var faster = phase
        faster.rate = 20000
        scenario.phases = [phase, faster]
        return scenario
    }

    private static func line(_ fields: [String: Int], process: Int = 7) -> String {
        let known: [CounterName] = [
            .currentLSN, .checkpointBoundLSN, .checkpointLSN, .redoAsyncAge, .redoSyncAge, .redoMaximumAge,
            .redoCapacity,
            .poolFrames, .poolFreeFrames, .poolDirtyPages, .pagesRead, .pagesWrittenAdaptive, .pagesWrittenIdle,
            .pagesWrittenSync, .pagesWrittenLRU, .pagesWrittenRequest, .filePages, .backPressureState, .recoveryPhase,
            .poolPagesLoaded,
        ]
        let numbers = known.map { "\"\($0.rawValue)\":\(fields[$0.rawValue] ?? 0)" }.joined(separator: ",")
        return "{\"processID\":\(process),\"wallNanoseconds\":\(fields["time"] ?? 0),\"other\":5,"
            + "\"wait.pageRead\":{\"count\":3,\"nanoseconds\":17},\(numbers)}\n"
    }

    /// What a database that did `result` would have said every `tenths` tenths of a second.
    private static func told(_ result: RunResult, every tenths: Int) -> String {
        var text = ""
        var sum = (end: 1_000_000, reads: 0, active: 0, idle: 0, sync: 0, lru: 0)
        for (index, sample) in result.samples.enumerated() {
            sum.end += sample.redo
            sum.reads += sample.reads
            sum.active += sample.writesActive
            sum.idle += sample.writesIdle
            sum.sync += sample.writesSync
            sum.lru += sample.writesLRU
            guard index % tenths == 0 else { continue }
            text += line([
                "time": 1_700_000_000_000_000_000 + index * 100_000_000, "currentLSN": sum.end,
                "checkpointBoundLSN": sum.end - sample.redoAge, "checkpointLSN": sum.end - sample.checkpointAge,
                "redoCapacity": result.scenario.redoCapacity, "redoSyncAge": result.syncLimit,
                "redoAsyncAge": result.asyncLimit, "redoMaximumAge": result.stopLimit,
                "poolFrames": result.scenario.frameCount, "poolFreeFrames": sample.free, "poolDirtyPages": sample.dirty,
                "pagesRead": sum.reads, "pagesWrittenAdaptive": sum.active, "pagesWrittenIdle": sum.idle,
                "pagesWrittenSync": sum.sync, "pagesWrittenLRU": sum.lru, "filePages": 40_000,
            ])
        }
        return text
    }

    private static func trace(_ text: String) throws(ScenarioProblem) -> LoadTrace {
        try LoadTrace(jsonLines: Array(text.utf8), file: "trace")
    }

    @Test(arguments: [(4000, 200.0), (8000, 1000.0)])
    func `the pages and the redo of a change are found again`(pages: Int, redo: Double) throws {
        let result = VirtualRun.run(Self.known(pages: pages, redo: redo), policy: .mysql80)
        let spread = try Self.trace(Self.told(result, every: 3)).spread
        #expect((0.85...1.15).contains(Double(spread.pageCount) / Double(pages)), "\(spread)")
        #expect((0.85...1.15).contains(spread.redoPerChange / redo), "\(spread)")
    }

    @Test(arguments: [FlushingPolicy.mysql80, .redoubt])
    func `a policy does with a trace what it did`(policy: FlushingPolicy) throws {
        let result = VirtualRun.run(Self.known(pages: 6000, redo: 500), policy: policy)
        let trace = try Self.trace(Self.told(result, every: 5))
        let scenario = trace.scenario(name: "again")
        let again = VirtualRun.run(scenario, policy: policy)
        func sums(_ run: RunResult) -> (redo: Double, writes: Double) {
            run.samples.reduce(into: (0, 0)) { sum, sample in
                sum.0 += Double(sample.redo)
                sum.1 += Double(sample.writes)
            }
        }
        let (first, second, recorded) = (sums(result), sums(again), sums(trace.result(scenario)))
        #expect((0.9...1.1).contains(second.redo / first.redo), "\(first) \(second)")
        #expect((0.8...1.2).contains(second.writes / first.writes), "\(first) \(second)")
        // But for what is before the first look.
        #expect(
            (0.95...1.01).contains(recorded.redo / first.redo) && (0.9...1.01).contains(recorded.writes / first.writes)
        )
    }

    @Test func `reads come as often as they came`() throws {
        let result = VirtualRun.run(Self.known(pages: 8000, redo: 300, frames: 2000), policy: .redoubt)
        let trace = try Self.trace(Self.told(result, every: 5))
        let again = VirtualRun.run(trace.scenario(name: "again"), policy: .redoubt)
        let (first, second) = (result.samples.reduce(0) { $0 + $1.reads }, again.samples.reduce(0) { $0 + $1.reads })
        #expect(first > 10_000)
        #expect((0.8...1.2).contains(Double(second) / Double(first)), "\(first) \(second)")
    }

    @Test func `a scenario of a trace can be written and read`() throws {
        let result = VirtualRun.run(Self.known(pages: 4000, redo: 200), policy: .mysql80)
        let scenario = try Self.trace(Self.told(result, every: 10)).scenario(name: "again")
        let read = try Scenario(name: "again", text: scenario.text)
        #expect(read.text == scenario.text)
        #expect(read.phases.count == scenario.phases.count && scenario.phases.count > 1)
    }

    @Test func `what a record cannot know is not told as nothing`() throws {
        let result = VirtualRun.run(Self.known(pages: 4000, redo: 200), policy: .mysql80)
        let trace = try Self.trace(Self.told(result, every: 10))
        let verdict = Verdict(trace.result(trace.scenario(name: "again")))
        let unknown: [Figure] = [
            .p99, .longestCommit, .bytesPerTransaction, .bytesPerDay, .waitedForRedo, .slowShare, .longestStall,
        ]
        for figure in unknown { #expect(verdict.value(of: figure) == nil, "\(figure)") }
        #expect(verdict.value(of: .pagesPerTransaction) != nil && verdict.value(of: .meanRate) != nil)
        for word in ["commits", "device", "stall"] { #expect(!verdict.words.contains(word), "\(verdict.words)") }
        let page = LabPage([LabRun(name: "recorded", trace.result(trace.scenario(name: "again")))]).html
        #expect(page.contains("Throughput of recorded") && !page.contains("Device queue of recorded"))
    }

    @Test func `times in which nobody did anything stay so`() throws {
        var text = ""
        for second in 0..<20 {
            let end = 1_000_000 + (second < 10 ? second : 10) * 500_000
            text += Self.line(["time": 1_000_000_000 * (second + 1), "currentLSN": end, "filePages": 500])
        }
        let scenario = try Self.trace(text).scenario(name: "pause")
        #expect(scenario.phases.map(\.threads) == [32, 0])
        #expect(scenario.phases.map(\.seconds) == [10, 9])
    }

    @Test func `data in files that nobody touched was read`() throws {
        let text = (0..<20).map { second in
            Self.line([
                "time": 1_000_000_000 * (second + 1), "currentLSN": 1_000_000 + second * 500_000, "poolFrames": 2000,
                "poolDirtyPages": 300, "pagesWrittenAdaptive": second * 400, "filePages": 1_000_000,
                "redoCapacity": 64 << 20,
            ])
        }
        let scenario = try Self.trace(text.joined()).scenario(name: "hot")
        #expect(scenario.pageCount <= 2000)
        #expect(VirtualRun.run(scenario, policy: .mysql80).samples.reduce(0) { $0 + $1.reads } < 100)
    }

    /// A trace of the same load all the time, looked at `count` times.
    private static func even(_ count: Int, every nanoseconds: Int) throws -> LoadTrace {
        let text = (0..<count).map { number in
            line([
                "time": 1_000_000_000 + number * nanoseconds, "currentLSN": 1_000_000 + number * 500_000,
                "poolFrames": 2000, "poolDirtyPages": 300 + number % 3, "pagesWrittenAdaptive": number * 400,
                "redoCapacity": 64 << 20, "filePages": 1500,
            ])
        }
        return try trace(text.joined())
    }

    @Test func `a policy that was slow for ten seconds was judged by phases of one`() throws {
        let scenario = try Self.even(61, every: 1_000_000_000).scenario(name: "even")
        #expect(scenario.phases.count == 1)
        var result = RunResult(scenario: scenario, policy: .mysql80)
        result.samples = (1...600).map { tenth in
            var sample = Sample()
            (sample.time, sample.transactions) = (Double(tenth) / 10, (200..<300).contains(tenth) ? 200 : 1000)
            return sample
        }
        #expect(Verdict(result).slowShare > 0.1)
    }

    @Test func `looks that were no whole tenths apart lost load`() throws {
        let scenario = try Self.even(101, every: 1_040_000_000).scenario(name: "odd")
        #expect(abs(scenario.seconds - 104) < 0.2)
        let redo = scenario.phases.reduce(0) { $0 + ($1.rate ?? 0) * $1.seconds * $1.workload.redoPerChange }
        #expect(abs(redo / 50e6 - 1) < 0.005, "\(redo)")
    }

    @Test func `what a database said while it was opened was taken for load`() throws {
        let opening = Self.line(["time": 600_000_000, "recoveryPhase": 2])
        let rest = (0..<5).map {
            Self.line(["time": 1_000_000_000 * ($0 + 1), "currentLSN": 5_000_000_000 + $0 * 1000])
        }
        let trace = try Self.trace(opening + rest.joined())
        #expect(trace.looks.count == 5 && trace.looks[0].time == 0 && trace.seconds == 4)
    }

    @Test func `what is no trace is refused`() throws {
        let good = Self.line(["time": 1_000_000_000, "currentLSN": 10])
        let later = Self.line(["time": 4_000_000_000, "currentLSN": 20])
        _ = try Self.trace(good + later)
        let wrong: [(String, Int)] = [
            ("", 0), (good, 0), (good + Self.line(["time": 2_000_000_000, "currentLSN": 20]), 0),
            (good + Self.line(["time": 4_000_000_000, "currentLSN": 10]), 0), (good + "nonsense\n", 2),
            (good + "{\"processID\":7}\n", 2), (later + good, 2),
            (good + Self.line(["time": 4_000_000_000, "currentLSN": 20], process: 8), 2),
            (good + Self.line(["time": 4_000_000_000, "currentLSN": 5]), 2),
            (good + Self.line(["time": 70_000_000_000, "currentLSN": 20]), 2),
            (good + later.replacing("{\"count\":3", with: "{\"count\":{}"), 2),
            (good + "\n\n" + Self.line(["time": 4_000_000_000, "currentLSN": 5]), 4),
            (good + String(repeating: " ", count: 70_000) + later, 2),
        ]
        for (text, line) in wrong {
            let problem = #expect(throws: ScenarioProblem.self, "\(text)") { try Self.trace(text) }
            #expect(problem?.line == line, "\(text)")
        }
    }
}
