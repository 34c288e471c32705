import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtEngine

/// Goal: options at the ends of their ranges, in whatever combination, open a database or are refused by name, and can
/// be changed while threads write: nothing stops for good, and nothing is lost.
///
/// Method: an engine with all its threads in virtual time; each seed draws what it is opened with and a sequence of
/// changes, each option at one of its ends. The seed is in every failure.
@Suite(.timeLimit(.minutes(20))) struct OptionExtremesTests {
    private typealias Change = @Sendable (inout Configuration, inout SeededRandom) -> Void

    /// How a run ended.
    private enum Ending: Equatable {
        case refused(String)
        case ended(changes: Int, refusals: Int)
        case wrong(String)
    }

    @Test(arguments: 0..<24 as Range<UInt64>)
    func `options at their ends are refused by name or work`(seed: UInt64) {
        let ending = SimulatedScheduler(seed: seed).run { Self.run(seed: seed) }
        switch ending {
        case .refused(let message):
            #expect(message.contains("memory"), "seed=\(seed): \(message)")
        case .ended(let changes, let refusals):
            #expect(changes > 0, "seed=\(seed): \(refusals) changes were refused, and none was made")
        case .wrong(let problem):
            Issue.record("seed=\(seed): \(problem)")
        }
    }

    private static let writerCount = 3
    private static let roundCount = 150
    private static let rowCount = 60

    private static func run(seed: UInt64) -> Ending {
        var random = SeededRandom(seed: seed)
        var configuration = EngineFixture.configuration
        for change in fixed + live { change(&configuration, &random) }
        do {
            try configuration.validate()
        } catch {
            // Two ends that contradict each other: the changes below meet these; here one of them gives way.
            configuration.flushing = Configuration.Flushing()
        }
        let storage = SimulatedStorage(options: .judging)
        do {
            let engine: Engine
            do throws(RedoubtError) {
                engine = try Engine.open(path: EngineFixture.path, configuration: configuration, storage: storage)
            } catch {
                return error.code == .invalidConfiguration ? .refused(error.message) : .wrong("\(error)")
            }
            let ending = try use(engine, &random)
            try engine.close()
            return ending
        } catch {
            return .wrong("\(error)")
        }
    }

    private static func use(_ engine: Engine, _ random: inout SeededRandom) throws -> Ending {
        _ = try engine.createKeyspace("rows")
        let problem = Mutex<String?>(nil)
        let writing = Atomic<Int>(writerCount)
        let writers = try (0..<writerCount).map { number in
            try Scheduling.start("writer") {
                do { try write(engine, number) } catch { problem.withLock { $0 = "\(error)" } }
                writing.wrappingSubtract(1, ordering: .releasing)
            }
        }
        var made = 0
        var refused = 0
        let names = ConfigurationOption.all.map(\.name)
        while writing.load(ordering: .acquiring) > 0 {
            do throws(RedoubtError) {
                try engine.change { options in
                    for _ in 0..<3 { live[random.below(live.count)](&options, &random) }
                }
                made += 1
            } catch {
                refused += 1
                if error.code != .invalidConfiguration || !names.contains(where: error.message.hasPrefix) {
                    problem.withLock { $0 = "\(error)" }
                }
            }
            Scheduling.sleep(microseconds: 1 + random.below(40_000))
        }
        for writer in writers { Scheduling.join(writer) }
        for number in 0..<writerCount * rowCount {
            let last = (0..<roundCount).last { key(number / rowCount, $0) == "row \(number)" }
            let expected = last.map { value(number / rowCount, $0) }
            if try engine.get("rows", "row \(number)") != expected { return .wrong("row \(number) is not as written") }
        }
        return problem.withLock { $0 }.map(Ending.wrong) ?? .ended(changes: made, refusals: refused)
    }

    private static func write(_ engine: Engine, _ number: Int) throws {
        for round in 0..<roundCount {
            try engine.putDeferred("rows", key(number, round), value(number, round))
            Scheduling.sleep(microseconds: 3000)
        }
    }

    private static func key(_ writer: Int, _ round: Int) -> String {
        "row \(writer * rowCount + round &* 7919 % rowCount)"
    }

    private static func value(_ writer: Int, _ round: Int) -> [UInt8] {
        // Some stand off their page.
        [UInt8](repeating: UInt8(truncatingIfNeeded: round &+ writer), count: round % 10 == 0 ? 40_000 : 3000)
    }

    private static func one<Value>(_ values: [Value], _ random: inout SeededRandom) -> Value {
        values[random.below(values.count)]
    }

    /// What can only be set when opening.
    private static let fixed: [Change] = [
        { $0.memory = one([.mebibytes(8), .mebibytes(12), .mebibytes(24)], &$1) },
        { $0.bufferPool.instanceCount = one([0, 1, 8, 64], &$1) },
        { $0.bufferPool.hugePages = one([true, false], &$1) },
        { $0.bufferPool.loadsAtOpen = one([true, false], &$1) },
        { $0.redoLog.fileCount = one([4, 32], &$1) },
        { $0.redoLog.bufferCapacity = one([.kibibytes(256), .mebibytes(1), .mebibytes(4)], &$1) },
        { $0.redoLog.shape = one(Configuration.RedoLog.Shape.allCases, &$1) },
        { $0.redoLog.writeAheadSize = one([.bytes(512), .kibibytes(16)], &$1) },
        { $0.flushing.cleanerThreads = one([1, 64], &$1) },
        { $0.flushing.doublewriteBatchPages = one([1, 512], &$1) },
        { $0.flushing.doublewrite = one(Configuration.Doublewrite.allCases, &$1) },
        { $0.storage.queueDepth = one([1, 1024], &$1) },
    ]

    /// What can be changed while open.
    private static let live: [Change] = [
        { $0.durability = one([.flushed, .written, .deferred], &$1) },
        { $0.bufferPool.oldSublistPercent = one([5, 95], &$1) },
        { $0.bufferPool.oldSublistMilliseconds = one([0, Int(UInt32.max)], &$1) },
        { $0.bufferPool.lruScanDepth = one([16, Int(UInt32.max)], &$1) },
        { $0.bufferPool.readAheadThreshold = one([0, 1, 64], &$1) },
        { $0.bufferPool.randomReadAhead = one([true, false], &$1) },
        { $0.bufferPool.dumpPercent = one([1, 100], &$1) },
        { $0.redoLog.capacity = one([.mebibytes(2), .mebibytes(5), .mebibytes(64)], &$1) },
        { $0.redoLog.checkpointIntervalMilliseconds = one([10, Int(Int32.max)], &$1) },
        { $0.redoLog.deferredFlushMilliseconds = one([1, Int(Int32.max)], &$1) },
        { $0.flushing.policy = one(FlushingPolicy.allCases, &$1) },
        { $0.flushing.ioCapacity = one([.automatic, 100, 2000, .pagesPerSecond(Int(Int32.max))], &$1) },
        { $0.flushing.ioCapacityMaximum = one([100, 2000, Int(Int32.max)], &$1) },
        { $0.flushing.dirtyPagePercentMaximum = one([1, 99], &$1) },
        { $0.flushing.dirtyPagePercentLowWater = one([0, 1, 99], &$1) },
        { $0.flushing.adaptive = one([true, false], &$1) },
        { $0.flushing.redoAgePercentLowWater = one([0, 70], &$1) },
        { $0.flushing.averagingLoops = one([1, 1000], &$1) },
        { $0.flushing.flushSync = one([true, false], &$1) },
        { $0.flushing.idlePercent = one([0, 100], &$1) },
        { $0.flushing.neighbours = one(Configuration.Neighbours.allCases, &$1) },
        { $0.flushing.targetRecoveryTime = one([.seconds(1), .seconds(3600)], &$1) },
    ]
}
