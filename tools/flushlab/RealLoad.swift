import FlushLab
import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Threads that do the transactions of a scenario's phases on a database.
final class RealLoad: Sendable {
    /// The bytes of a key; values take ``valueSize``.
    static let keySize = 8
    /// The bytes of a value.
    static let valueSize = 150
    /// The bytes of a page that a row takes, about.
    static let bytesPerRow = 190

    /// How long a thread works before it says where its time went, in nanoseconds.
    private static let accountNanoseconds: UInt64 = 20_000_000
    /// Transactions that a thread may be late and still make good, as in the model.
    private static let backlog = 10.0

    /// What the threads did since the last sample.
    struct Progress: Sendable {
        var durations = DurationCounts()
        var waits = [Double](repeating: 0, count: WaitReason.allCases.count)
    }

    private struct Work: Sendable {
        var phase: Scenario.Phase
        var begin: UInt64
        var number: Int
    }

    private let keyspace: Keyspace
    private let rowCount: Int
    private let seed: UInt64
    private let progress = Mutex(Progress())
    private let work = Mutex<Work?>(nil)
    private let generation = Atomic<Int>(0)
    private let changed = Event()
    private let ending = Atomic<Bool>(false)
    private let failure = Mutex<RedoubtError?>(nil)

    init(_ keyspace: Keyspace, rowCount: Int, seed: UInt64) {
        self.keyspace = keyspace
        self.rowCount = rowCount
        self.seed = seed
    }

    /// The error that ended a thread, if one did.
    var error: RedoubtError? { failure.withLock { $0 } }

    /// Starts `count` threads, which wait for a phase.
    func start(_ count: Int) throws(RedoubtError) -> [EngineThread] {
        var threads: [EngineThread] = []
        for index in 0..<count {
            threads.append(try Scheduling.start("client-\(index)") { self.run(index) })
        }
        return threads
    }

    /// Begins a phase.
    func begin(_ phase: Scenario.Phase, number: Int) {
        work.withLock { $0 = Work(phase: phase, begin: Scheduling.now().nanoseconds, number: number) }
        generation.add(1, ordering: .acquiringAndReleasing)
        changed.signal()
    }

    /// Lets the threads end.
    func stop() {
        ending.store(true, ordering: .releasing)
        generation.add(1, ordering: .acquiringAndReleasing)
        changed.signal()
    }

    /// Returns what was done since the last call.
    func take() -> Progress {
        progress.withLock { present in
            let taken = present
            present = Progress()
            return taken
        }
    }

    private func run(_ index: Int) {
        do throws(RedoubtError) {
            while !ending.load(ordering: .acquiring) {
                let ticket = changed.ticket
                let present = generation.load(ordering: .acquiring)
                guard let work = work.withLock({ $0 }), index < work.phase.threads else {
                    changed.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 100))
                    continue
                }
                var client = Client(self, work, index: index)
                while generation.load(ordering: .acquiring) == present { try account(&client, present) }
            }
        } catch {
            let found = error
            failure.withLock { $0 = found }
        }
    }

    private func account(_ client: inout Client, _ present: Int) throws(RedoubtError) {
        client.durations.clear()
        let account = try ThreadAccount.measure { () throws(RedoubtError) in
            let end = Scheduling.now().nanoseconds + Self.accountNanoseconds
            while generation.load(ordering: .relaxed) == present {
                try client.transact()
                if Scheduling.now().nanoseconds >= end { break }
            }
        }
        progress.withLock { progress in
            progress.durations.merge(client.durations)
            for reason in WaitReason.allCases { progress.waits[reason.index] += Double(account[reason]) }
        }
    }

    /// One thread's part of a phase.
    private struct Client {
        private let load: RealLoad
        private let phase: Scenario.Phase
        private let begin: UInt64
        private let rowsPerPage: Int
        private let pageCount: Int
        private var chooser: PageChooser
        private var random: SeededRandom
        private var key = [UInt8](repeating: 0, count: RealLoad.keySize)
        private var value = [UInt8](repeating: 7, count: RealLoad.valueSize)
        private var due: Double
        var durations = DurationCounts()

        init(_ load: RealLoad, _ work: Work, index: Int) {
            self.load = load
            phase = work.phase
            begin = work.begin
            rowsPerPage = max(1, 16384 / RealLoad.bytesPerRow)
            pageCount = max(1, load.rowCount / rowsPerPage)
            let seed = load.seed &+ UInt64(index &* 1_000_003 &+ work.number &* 7919)
            chooser = PageChooser(work.phase.workload.pattern, count: pageCount, seed: seed)
            random = SeededRandom(seed: seed ^ 0xC11E)
            due = Double(work.begin) + (work.phase.rate.map { 1e9 * Double(index) / max(1, $0) } ?? 0)
        }

        mutating func transact() throws(RedoubtError) {
            var now = Scheduling.now().nanoseconds
            if let rate = phase.rate {
                let share = Double(now - begin) / max(1, phase.seconds * 1e9)
                let present = rate + ((phase.endRate ?? rate) - rate) * min(1, share)
                let interval = min(1e11, 1e9 * Double(phase.threads) / max(0.001, present))
                if due > Double(now) {
                    // Short sleeps, so that the end of a phase is noticed.
                    let pause = min(due - Double(now), 5e7)
                    Scheduling.sleep(microseconds: Int(pause / 1000) + 1)
                    now = Scheduling.now().nanoseconds
                    if due > Double(now) + 1e6 { return }
                }
                due = max(due, Double(now) - RealLoad.backlog * interval) + interval
            }
            for _ in 0..<whole(phase.workload.reads) {
                chooseKey()
                _ = try load.keyspace.get(key)
            }
            let changes = whole(phase.workload.changes)
            for number in 0..<changes {
                chooseKey()
                setValue()
                let isLast = number == changes - 1 && phase.workload.isDurable
                try load.keyspace.put(key, value, durability: isLast ? .flushed : .deferred)
            }
            durations.add(Scheduling.now().nanoseconds - now)
        }

        private mutating func chooseKey() {
            let row = min(load.rowCount - 1, chooser.next() * rowsPerPage + random.below(rowsPerPage))
            RealLoad.setKey(&key, row, of: load.rowCount)
        }

        private mutating func setValue() {
            var content = random.next()
            for index in 0..<96 {
                value[index] = UInt8(truncatingIfNeeded: content)
                content = content >> 8 | content << 56
            }
        }

        private mutating func whole(_ count: Double) -> Int {
            let floor = count.rounded(.down)
            return Int(floor) + (chooser.unit() < count - floor ? 1 : 0)
        }
    }

    /// Writes the key of row `index`, in the order of the index.
    static func setKey(_ key: inout [UInt8], _ index: Int, of count: Int) {
        let number = UInt64(index) &* (UInt64.max / UInt64(count + 1)) &+ 12345
        for byte in 0..<keySize { key[byte] = UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * byte)) }
    }
}
