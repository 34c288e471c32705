import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Testing

/// Goal: a program with threads is under siege as one without is: the seed decides who runs. Method: a writer and a
/// syncer that acknowledges what was written before its sync began, or, wrong, before it ended.
@Suite(.timeLimit(.minutes(20))) struct SiegeThreadTests {
    private final class Progress: Sendable {
        private let lock = SiegeLock()
        nonisolated(unsafe) private var number = 0

        var written: Int {
            get { lock.withLock { unsafe number } }
            set { lock.withLock { unsafe number = newValue } }
        }
    }

    private static func work(_ world: SiegeWorld, isWrong: Bool) throws {
        let file = try world.storage.open("/log", role: .redo, creating: true, readOnly: false)
        try file.extend(to: UInt64(LogStore.count * LogStore.recordSize))
        try file.sync()
        try world.storage.syncDirectory("/")
        let progress = Progress()
        let writer = try world.start("writer") {
            do {
                let buffer = try AlignedBuffer(byteCount: LogStore.recordSize)
                for number in 1...LogStore.count {
                    LogStore.fill(buffer, number)
                    world.issued(number)
                    let offset = UInt64((number - 1) * LogStore.recordSize)
                    try unsafe file.write(UnsafeRawBufferPointer(buffer.bytes), at: offset)
                    progress.written = number
                }
            } catch {
                Issue.record("\(error)")
            }
        }
        var acknowledged = 0
        while acknowledged < LogStore.count {
            let before = progress.written
            try file.sync()
            // A call of the storage, where the other thread may come in between.
            let size = try file.size()
            try world.storage.syncDirectory("/")
            let durable = isWrong && size > 0 ? progress.written : before
            while acknowledged < durable {
                acknowledged += 1
                world.acknowledged(acknowledged)
            }
        }
        writer.join()
    }

    private static func verdict(seed: UInt64, isWrong: Bool) throws -> Verdict {
        var budget = SiegeBudget()
        budget.seed = seed
        budget.checkingWorld = .oneThread
        return try Siege.powerCuts(budget) { world in
            try work(world, isWrong: isWrong)
        } check: { disk in
            [try LogStore.recover(disk, .none)]
        }
    }

    @Test func `who acknowledges what a sync did not cover is found out`() throws {
        var found = 0
        for seed in 1...8 as ClosedRange<UInt64> {
            let right = try Self.verdict(seed: seed, isWrong: false)
            #expect(right.isGood, "seed \(seed): \(right)")
            let wrong = try Self.verdict(seed: seed, isWrong: true)
            found += wrong.violationCount > 0 ? 1 : 0
            let again = try Self.verdict(seed: seed, isWrong: true)
            let counts = [wrong, again].map { [$0.pointCount, $0.stateCount, $0.violationCount] }
            #expect(counts[0] == counts[1], "seed \(seed) is one siege")
        }
        #expect(found > 0)
    }

    @Test func `a world of one thread starts none`() throws {
        let world = SiegeWorld(SimulatedStorage())
        var budget = SiegeBudget()
        budget.world = .oneThread
        #expect(throws: RedoubtError.self) {
            _ = try Siege.powerCuts(budget) { world in
                try Self.work(world, isWrong: false)
            } check: { _ in
                [0]
            }
        }
        // Outside a siege it is a thread of the system.
        try world.start("alone") {}.join()
    }
}
