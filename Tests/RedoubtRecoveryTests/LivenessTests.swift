import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtEngine

/// Goal: what needs more memory than there is goes on or is refused; nobody waits for ever.
///
/// Method: engines in a simulated world, each scenario with the rule kept and with the rule broken on purpose.
@Suite(.timeLimit(.minutes(20))) struct LivenessTests {
    private static let rowByteCount = 7000
    private static let rowCount = 1400

    private static func configuration(memory: ByteCount) -> Configuration {
        var configuration = EngineFixture.configuration
        configuration.memory = memory
        configuration.redoLog.capacity = .mebibytes(64)
        configuration.redoLog.bufferCapacity = .kibibytes(256)
        return configuration
    }

    /// Runs `body` in a simulated world.
    private func simulated<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let outcome = SimulatedScheduler(seed: 1).run { () -> Result<Value, any Error> in Result { try body() } }
        return try outcome.get()
    }

    private static func put(_ engine: Engine, _ row: Int) throws {
        let tree = engine.tree(try engine.keyspace("k"))
        let value = [UInt8](repeating: UInt8(row & 255), count: rowByteCount)
        _ = try unsafe Array("row \(10_000 + row)".utf8).withUnsafeBytes { key in
            try unsafe value.withUnsafeBytes { unsafe try tree.put(key, $0) }
        }
    }

    /// A disk with more redo, and more pages that lack it, than 8 MiB of memory hold.
    private static func crashed() throws -> SimulatedStorage {
        let storage = SimulatedStorage(options: .judging)
        let engine = try open(storage, memory: .mebibytes(64), breaking: nil)
        _ = try engine.createKeyspace("k")
        for row in 0..<rowCount { try put(engine, row) }
        try engine.kernel.log.waitUntilFlushed(engine.kernel.log.currentLSN)
        let copy = storage.copy()
        try engine.close()
        return copy
    }

    private static func open(
        _ storage: SimulatedStorage,
        memory: ByteCount,
        threads: Bool = false,
        breaking rule: CleanerFault?,
        progress: (@Sendable (RecoveryProgress) -> Void)? = nil
    ) throws -> Engine {
        var options = EngineOptions()
        options.usesBackgroundThreads = threads
        #if REDOUBT_INTERLEAVING
        options.faults = rule?.rawValue ?? 0
        #endif
        return try Engine.open(
            path: EngineFixture.path,
            configuration: configuration(memory: memory),
            storage: storage,
            options: options,
            progress: progress
        )
    }

    /// How a scenario ends.
    private enum End: Sendable {
        /// A recovery goes on to its end, with all rows.
        case recovered
        /// It does, but gathers more redo at once than it may.
        case gatheredTooMuch
        /// It finds no frame.
        case ranOutOfFrames
        /// A batch is refused because of its size.
        case refused
        /// It waits.
        case waits
        /// It is answered in another way.
        case answered
    }

    /// Returns how a recovery of more redo than memory ends.
    private func recovery(breaking rule: CleanerFault?) throws -> End {
        try simulated {
            // The records of the largest batch, and of all.
            let records = Mutex((most: UInt64(0), sum: UInt64(0)))
            let engine: Engine
            do {
                engine = try Self.open(try Self.crashed(), memory: .mebibytes(8), breaking: rule) { progress in
                    guard progress.phase == .applying, progress.position == progress.total else { return }
                    records.withLock { $0 = (max($0.most, progress.total), $0.sum + progress.total) }
                }
            } catch let error as RedoubtError where error.code == .poolExhausted {
                return .ranOutOfFrames
            }
            let rows = try engine.content()["k"] ?? [:]
            let isRight = (0..<Self.rowCount).allSatisfy {
                rows["row \(10_000 + $0)"] == [UInt8](repeating: UInt8($0 & 255), count: Self.rowByteCount)
            }
            #expect(isRight && rows.count == Self.rowCount)
            #expect(engine.statistics()[.pagesWritten] > engine.statistics()[.poolFrames])
            try engine.close()
            // 2 MiB of redo at once.
            return records.withLock { 3 * $0.most < $0.sum ? .recovered : .gatheredTooMuch }
        }
    }

    @Test func `recovery of more redo than memory applies, writes and goes on`() throws {
        #expect(try recovery(breaking: nil) == .recovered)
        #if REDOUBT_INTERLEAVING
        #expect(try recovery(breaking: .recoveryMakesNoRoom) == .ranOutOfFrames)
        #expect(try recovery(breaking: .recoveryGathersAll) == .gatheredTooMuch)
        #endif
    }

    /// Changes 150 rows of `tree`, short enough to stay in their pages, in one batch.
    ///
    /// Changes of rows that are there are one group; place for new ones is made, and logged, before.
    private static func change(_ tree: Tree, to byte: UInt8) throws {
        let value = [UInt8](repeating: byte, count: 2500)
        for part in 0..<(byte == 0 ? 15 : 1) {
            var batch = TreeBatch(like: tree)
            for row in byte == 0 ? 10 * part..<10 * part + 10 : 0..<150 {
                try unsafe Array("row \(row)".utf8).withUnsafeBytes { key in
                    try unsafe value.withUnsafeBytes { unsafe try batch.put(tree, key, $0) }
                }
            }
            _ = try batch.commit()
        }
    }

    /// Returns what becomes of a batch larger than the log buffer within half a second.
    private func largeGroup(breaking rule: CleanerFault?) throws -> End {
        try simulated {
            let storage = SimulatedStorage(options: .judging)
            let engine = try Self.open(storage, memory: .mebibytes(16), threads: true, breaking: rule)
            let tree = engine.tree(try engine.createKeyspace("k"))
            try Self.change(tree, to: 0)
            #if REDOUBT_INTERLEAVING
            if rule != nil { engine.kernel.log.acceptAnyGroup() }
            #endif
            let answer = Answer()
            let thread = try Scheduling.start("writer") {
                do {
                    try Self.change(tree, to: 1)
                    answer.give(nil)
                } catch {
                    answer.give((error as? RedoubtError)?.code)
                }
            }
            let deadline = Scheduling.now().advanced(milliseconds: 500)
            while !answer.isGiven && Scheduling.now() < deadline { Scheduling.sleep(microseconds: 1000) }
            let end = !answer.isGiven ? End.waits : answer.code == .batchTooLarge ? .refused : .answered
            // Whatever the broken rule lets the thread wait for, a fence ends.
            if rule != nil { engine.kernel.pool.fence(RedoubtError(.systemCallFailed, "the scenario is over")) }
            Scheduling.join(thread)
            if rule == nil { try engine.close() } else { #expect(throws: RedoubtError.self) { try engine.close() } }
            return end
        }
    }

    @Test func `a group larger than the log buffer is refused before anybody waits for room`() throws {
        #expect(try largeGroup(breaking: nil) == .refused)
        #if REDOUBT_INTERLEAVING
        #expect(try largeGroup(breaking: .admitsAnyGroup) == .waits)
        #endif
    }
}

/// What became of a batch.
private final class Answer: Sendable {
    private let state = Mutex<(isGiven: Bool, code: RedoubtError.Code?)>((false, nil))
    var isGiven: Bool { state.withLock { $0.isGiven } }
    var code: RedoubtError.Code? { state.withLock { $0.code } }
    func give(_ code: RedoubtError.Code?) { state.withLock { $0 = (true, code) } }
}
