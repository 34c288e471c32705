import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Threads that update rows chosen at random, at a pace that can be changed at any time.
final class UpdateLoad: Sendable {
    /// The pace that stands for as fast as the threads can.
    static let unlimited = -1
    /// How far a paced thread may fall behind before it gives up what it missed: 0.1 s.
    private static let backlogNanoseconds: UInt64 = 100_000_000

    private let keyspace: Keyspace
    private let rows: Rows
    private let threadCount: Int
    private let counts: [LatencyCounts]
    private let threadIDs: Mutex<[Int]>
    private let wantedPace = Atomic<Int>(0)
    private let changed = Event()
    private let ending = Atomic<Bool>(false)
    private let failure = Mutex<RedoubtError?>(nil)

    init(_ keyspace: Keyspace, rows: Rows, threadCount: Int) {
        self.keyspace = keyspace
        self.rows = rows
        self.threadCount = threadCount
        counts = (0..<threadCount).map { _ in LatencyCounts() }
        threadIDs = Mutex([Int](repeating: 0, count: threadCount))
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
        for id in threadIDs.withLock({ $0 }) {
            let schedule = ProcessFigures.schedule(ofThread: id)
            sample[.running] += schedule.running
            sample[.runnable] += schedule.runnable
        }
    }

    private func work(_ index: Int) {
        threadIDs.withLock { $0[index] = ProcessFigures.thread }
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
        var random = SeededRandom(seed: UInt64(0xF1_0000 + index))
        var key = [UInt8](repeating: 0, count: Rows.keySize)
        var values = (100...Rows.valueSizeMaximum).map { [UInt8](repeating: UInt8(index), count: $0) }
        let counts = counts[index]
        var next: UInt64 = 0
        while !ending.load(ordering: .relaxed) {
            let pace = pace
            if pace == 0 {
                waitForPace()
                continue
            }
            let row = random.below(rows.count)
            let size = rows.valueSize(row) - 100
            rows.setKey(&key, row)
            rows.setValue(&values[size], random.next())
            var start = Scheduling.now().nanoseconds
            if pace > 0 {
                let interval = UInt64(threadCount) * 1_000_000_000 / UInt64(pace)
                next = max(next + interval, start - Self.backlogNanoseconds)
                if next > start {
                    Scheduling.sleep(microseconds: Int(next - start) / 1000 + 1)
                    start = Scheduling.now().nanoseconds
                }
            }
            try keyspace.put(key, values[size], durability: .deferred)
            counts.add(Scheduling.now().nanoseconds - start)
        }
    }
}
