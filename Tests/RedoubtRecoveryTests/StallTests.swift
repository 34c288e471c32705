import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a caller that hangs for more than a second is reported while it hangs, with the reason, whatever hangs; and
/// writers that outrun flushing are slowed, not stopped.
/// Method: the whole engine with its threads in virtual time, over a storage of which one kind of call stops.
@Suite(.serialized, .timeLimit(.minutes(20))) struct StallTests {
    /// What was seen of a stall.
    private struct Sight: Sendable {
        var present: [PresentWait] = []
        var during: [DatabaseEvent.Kind] = []
        var after: [DatabaseEvent.Kind] = []
        var totals: [WaitTotals] = []
        var stallCount: UInt64 = 0
        var failure: String?
    }

    /// Lets `call`, or what `prepare` has brought about, hang for 3.3 virtual seconds while a client does `work`.
    private func sight(
        of call: BlockableStorage.Call?,
        seed: UInt64,
        prepare: @escaping @Sendable (Engine) throws -> Void = { _ in },
        release: @escaping @Sendable (Engine) throws -> Void = { _ in },
        work: @escaping @Sendable (Engine) throws -> Void
    ) -> Sight {
        SimulatedScheduler(seed: seed).run {
            var sight = Sight()
            do {
                let storage = BlockableStorage(SimulatedStorage(options: .judging))
                let engine = try EngineFixture.open(storage)
                _ = try engine.createKeyspace("rows")
                try prepare(engine)
                let events = Mutex<[DatabaseEvent.Kind]>([])
                let token = engine.kernel.events.listen { event in
                    switch event.kind {
                    case .stallBegan, .stallEnded: events.withLock { $0.append(event.kind) }
                    default: break
                    }
                }
                if let call { storage.block(call) }
                let problem = Mutex<String?>(nil)
                let client = try Scheduling.start("client") {
                    do { try work(engine) } catch { problem.withLock { $0 = "\(error)" } }
                }
                Scheduling.sleep(microseconds: 3_300_000)
                sight.present = engine.watchdog.presentStalls
                sight.during = events.withLock { $0 }
                storage.release()
                try release(engine)
                Scheduling.join(client)
                Scheduling.sleep(microseconds: 600_000)
                sight.after = events.withLock { $0 }
                sight.totals = WaitReason.allCases.map { engine.waits[$0] }
                sight.stallCount = engine.watchdog.stallCount
                sight.failure = problem.withLock { $0 }
                engine.kernel.events.stopListening(token)
                try engine.close()
            } catch {
                sight.failure = "\(error)"
            }
            return sight
        }
    }

    private func judge(_ sight: Sight, _ reason: WaitReason) {
        #expect(sight.failure == nil)
        #expect(sight.present.map(\.reason) == [reason])
        #expect(sight.present.allSatisfy { $0.nanoseconds > 2_000_000_000 && $0.nanoseconds < 3_310_000_000 })
        guard sight.during.count == 1, case .stallBegan(reason, let began) = sight.during[0] else {
            Issue.record("no report while it hung: \(sight.during)")
            return
        }
        #expect(began >= 1_000_000_000 && began < 1_260_000_000, "within a quarter of a second: \(began)")
        guard sight.after.count == 2, case .stallEnded(reason, let ended) = sight.after[1] else {
            Issue.record("no report of the end: \(sight.after)")
            return
        }
        let longest = sight.totals[reason.index].nanosecondsMaximum
        #expect(longest > 2_000_000_000)
        #expect(ended >= longest && ended < longest + 260_000_000, "\(ended) of \(longest)")
        #expect(sight.stallCount == 1)
    }

    @Test(arguments: [UInt64(1), 2])
    func `a redo write that hangs holds up who waits for it to be durable`(seed: UInt64) {
        judge(sight(of: .write(.redo), seed: seed) { try $0.put("rows", "key", [1, 2, 3]) }, .logFlush)
    }

    @Test func `a read that hangs holds up who wants the page`() {
        let value = [UInt8](repeating: 7, count: 3000)
        let sight = sight(
            of: .read(.data),
            seed: 3,
            prepare: { engine in
                // More than the pool, so that the first rows are not in memory.
                for number in 0..<4000 { try engine.putDeferred("rows", Self.key(number), value) }
            },
            work: { engine in
                let found = try engine.get("rows", Self.key(3))
                #expect(found == value)
            }
        )
        judge(sight, .pageRead)
    }

    @Test func `page writes that hang hold up writers at the end of the redo log`() {
        let sight = sight(of: .write(.data), seed: 4) { engine in
            for number in 0..<8000 { try engine.putDeferred("rows", Self.key(number % 50), Self.value(number)) }
        }
        judge(sight, .redoCapacity)
    }

    @Test func `a value off its page that finds no slot is one wait, however often it looks`() {
        let sight = sight(
            of: nil,
            seed: 6,
            prepare: { engine in try engine.setSlots(isTaken: true) },
            release: { engine in try engine.setSlots(isTaken: false) },
            work: { engine in try engine.putDeferred("rows", "large", [UInt8](repeating: 7, count: 40_000)) }
        )
        judge(sight, .largeValue)
    }

    @Test func `threads of an idle engine are nobody's waits`() {
        let total = SimulatedScheduler(seed: 5).run { () -> UInt64? in
            guard let engine = try? EngineFixture.open(SimulatedStorage(options: .judging), threads: true) else {
                return nil
            }
            let before = engine.waits.nanoseconds
            Scheduling.sleep(microseconds: 5_000_000)
            defer { try? engine.close() }
            return engine.waits.nanoseconds - before
        }
        #expect(total == 0)
    }

    static func key(_ number: Int) -> String { "key \(1_000_000 + number)" }
    static func value(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1000) }
}

extension EngineFixture {
    /// Opens a database with all its threads on a storage of any kind.
    fileprivate static func open(_ storage: BlockableStorage) throws -> Engine {
        var configuration = configuration
        configuration.redoLog.shape = .single
        return try Engine.open(path: path, configuration: configuration, storage: storage)
    }
}

extension Engine {
    /// Takes all slots that name values being written or freed, or empties them.
    fileprivate func setSlots(isTaken: Bool) throws {
        let space = try keyspace("rows")
        var transaction = try MiniTransaction.begin(kernel, redoBytes: 8192, pins: 1)
        let header = try PendingChains.latchHeader(&transaction, space)
        for slot in 0..<PendingChains.slotCount {
            if isTaken {
                let page = PageNumber(rawValue: 40)
                PendingChains.set(&transaction, header, slot: slot, page: page, kind: .freeing)
            } else {
                PendingChains.clear(&transaction, header, slot: slot)
            }
        }
        transaction.commit()
    }

    /// Gives `key` of keyspace `name` a value, durable at some time.
    func putDeferred(_ name: String, _ key: String, _ value: [UInt8]) throws {
        let tree = tree(try keyspace(name))
        try unsafe Array(key.utf8).withUnsafeBytes { key in
            _ = try unsafe value.withUnsafeBytes { value in try unsafe tree.put(key, value) }
        }
    }
}
