import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Threads that update rows chosen at random, at a pace that can be changed at any time.
final class UpdateLoad: Sendable {
    /// Where the time of all threads went, in nanoseconds.
    private struct Times {
        var total = 0
        var running = 0
        var runnable = 0
        var waits = [Int](repeating: 0, count: WaitReason.allCases.count)
    }

    /// The pace that stands for as fast as the threads can.
    static let unlimited = -1
    /// How long a thread works before it says where its time went.
    private static let accountNanoseconds: UInt64 = 50_000_000
    /// How far a paced thread may fall behind before it gives up what it missed: 0.1 s.
    private static let backlogNanoseconds: UInt64 = 100_000_000

    private let keyspace: Keyspace
    private let rows: Rows
    private let threadCount: Int
    private let counts: [LatencyCounts]
    private let times: Mutex<Times>
    private let wantedPace = Atomic<Int>(0)
    private let changed = Event()
    private let ending = Atomic<Bool>(false)
    private let failure = Mutex<RedoubtError?>(nil)

    init(_ keyspace: Keyspace, rows: Rows, threadCount: Int) {
        self.keyspace = keyspace
        self.rows = rows
        self.threadCount = threadCount
        counts = (0..<threadCount).map { _ in LatencyCounts() }
        times = Mutex(Times())
    }

    /// Updates a second that all threads together aim at; 0 is a pause.
    var pace: Int {
        get { wantedPace.load(ordering: .acquiring) }
        set {
            wantedPace.store(newValue, ordering: .releasing)
            changed.signal()
        }
    }

    /// The error that ended a thread, if one did.
    var error: RedoubtError? { failure.withLock { $0 } }

    /// Starts the threads.
    func start() throws -> [EngineThread] {
        var threads: [EngineThread] = []
        for index in 0..<threadCount {
            threads.append(try Scheduling.start("update-\(index)") { self.work(index) })
        }
        return threads
    }

    /// Lets the threads end.
    func stop() {
        ending.store(true, ordering: .releasing)
        changed.signal()
    }

    /// Fills in what the threads have done; `before` has the counts of the last sample.
    func read(into sample: inout Sample, before: inout [UInt64]) {
        if before.isEmpty { before = [UInt64](repeating: 0, count: Bucket.count) }
        sample[.pace] = pace
        for bucket in 0..<Bucket.count {
            let sum = counts.reduce(0) { $0 + $1.count(bucket) }
            if sum > before[bucket] { sample.latencies.add(bucket, sum - before[bucket]) }
            before[bucket] = sum
        }
        sample[.updates] = counts.reduce(0) { $0 + Int($1.total) }
        sample[.longest] = Int(counts.map { $0.takeLongest() }.max() ?? 0)
        let times = times.withLock { $0 }
        sample[.accounted] = times.total
        sample[.running] = times.running
        sample[.runnable] = times.runnable
        sample.waits = times.waits
    }

    private func work(_ index: Int) {
        do throws(RedoubtError) {
            try update(index)
        } catch {
            let found = error
            failure.withLock { $0 = found }
        }
    }

    private func waitForPace() {
        let ticket = changed.ticket
        if pace == 0 { changed.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 100)) }
    }

    private func update(_ index: Int) throws(RedoubtError) {
        var updater = Updater(index: index, rows: rows, random: SeededRandom(seed: UInt64(0xF1_0000 + index)))
        while !ending.load(ordering: .relaxed) {
            if pace == 0 {
                waitForPace()
                continue
            }
            let account = try ThreadAccount.measure { () throws(RedoubtError) in try work(&updater) }
            times.withLock { times in
                times.total += Int(account.total.wall)
                times.running += Int(account.work)
                times.runnable += Int(account.queued)
                for reason in WaitReason.allCases { times.waits[reason.index] += Int(account[reason]) }
            }
        }
    }

    /// Updates for a moment.
    private func work(_ updater: inout Updater) throws(RedoubtError) {
        let counts = counts[updater.index]
        let end = Scheduling.now().nanoseconds + Self.accountNanoseconds
        var start = Scheduling.now().nanoseconds
        while start < end {
            let pace = pace
            if pace == 0 { return }
            updater.prepare()
            if pace > 0 {
                let interval = UInt64(threadCount) * 1_000_000_000 / UInt64(pace)
                let due = max(updater.due + interval, start - Self.backlogNanoseconds)
                updater.due = due
                if due > start {
                    Scheduling.sleep(microseconds: Int(due - start) / 1000 + 1)
                    start = Scheduling.now().nanoseconds
                }
            }
            try keyspace.put(updater.key, updater.value, durability: .deferred)
            let now = Scheduling.now().nanoseconds
            counts.add(now - start)
            start = now
        }
    }
}

/// What one thread updates next.
private struct Updater {
    let index: Int
    let rows: Rows
    var random: SeededRandom
    var key = [UInt8](repeating: 0, count: Rows.keySize)
    /// When the next update is due, if there is a pace.
    var due: UInt64 = 0
    // One for each length, so that none is made anew.
    private var values = (100...Rows.valueSizeMaximum).map { [UInt8](repeating: 7, count: $0) }
    private var size = 0

    init(index: Int, rows: Rows, random: SeededRandom) {
        self.index = index
        self.rows = rows
        self.random = random
    }

    /// The value to write.
    var value: [UInt8] { values[size] }

    /// Chooses a row.
    mutating func prepare() {
        let row = random.below(rows.count)
        size = rows.valueSize(row) - 100
        rows.setKey(&key, row)
        rows.setValue(&values[size], random.next())
    }
}
