import Redoubt
import RedoubtCore
import Synchronization

/// Whether the memory option holds: how far the process grows while a database larger than it is written and read.
///
/// The rows are small (they need the largest search indexes), middling, and outside their page; two threads write them
/// one by one and in batches, read them at random, and scan them.
struct MemoryBenchmark {
    /// The most that the process may grow, in parts of the memory option.
    static let ratioMaximum = 1.10

    private static let smallValueSize = 8
    private static let largeValueSize = 40_000
    private static let batchSize = 100

    private let suite: Suite
    private let configuration: Configuration
    private let budget: Int

    init(_ suite: Suite, memory: ByteCount) {
        self.suite = suite
        var configuration = Configuration()
        configuration.memory = memory
        self.configuration = configuration
        budget = memory.rawValue
    }

    /// A third of the budget in small rows, half in middling ones, nine tenths in large ones: 1.75 times the budget.
    private var smallCount: Int { budget / 3 / 50 }
    private var middleCount: Int { budget / 2 / 140 }
    private var largeCount: Int { budget / 10 * 9 / Self.largeValueSize }

    func run() throws -> [Measurement] {
        let before = try residentBytes("VmRSS")
        let database = try Database.open(at: suite.folder + "/memory", configuration: configuration)
        let small = try database.createKeyspace("small")
        let middle = try database.createKeyspace("middle")
        let large = try database.createKeyspace("large")
        let start = Clock.seconds()
        try write(small, smallCount, Self.smallValueSize)
        try writeBatches(database, middle, middleCount, Rows.valueSize)
        try write(large, largeCount, Self.largeValueSize)
        try read(small, smallCount, Self.smallValueSize)
        try read(middle, middleCount, Rows.valueSize)
        try read(large, largeCount, Self.largeValueSize)
        for (keyspace, count) in [(small, smallCount), (middle, middleCount), (large, largeCount)] {
            let found = try keyspace.count()
            guard found == count else { throw BenchmarkFailure("\(found) of \(count) rows of \(keyspace.name)") }
        }
        let pages = try database.statistics().filePageCount
        let growth = try residentBytes("VmHWM") - before
        try database.close()
        try judge(growth: growth, dataBytes: Int(pages) * 16384, seconds: Clock.seconds() - start)
        return [Measurement(name: "memory-growth", unit: "bytes", runs: [Double(growth)], checksum: pages)]
    }

    private func judge(growth: Int, dataBytes: Int, seconds: Double) throws {
        let ratio = Double(growth) / Double(budget)
        let percent = Int((ratio * 100).rounded(.up))
        print("memory: budget \(budget >> 20) MiB, data \(dataBytes >> 20) MiB, \(Int(seconds)) s of work")
        let bound = Int((Self.ratioMaximum * 100).rounded())
        print("memory: growth \(growth >> 20) MiB, \(percent) % of the budget (bound \(bound) %)")
        guard dataBytes > budget else { throw BenchmarkFailure("the data fit into the budget") }
        guard ratio <= Self.ratioMaximum else { throw BenchmarkFailure("the process outgrew the memory option") }
    }

    /// A field of /proc/self/status: what is resident now (VmRSS), or was at most (VmHWM).
    private func residentBytes(_ field: String) throws -> Int {
        let line = Machine.firstLine(of: "/proc/self/status", after: field)
        guard let kibibytes = line.flatMap({ Int($0.filter(\.isNumber)) }) else {
            throw BenchmarkFailure("/proc/self/status has no \(field)")
        }
        return kibibytes << 10
    }

    // MARK: Work

    /// The key of row `index`: spread, so that rows arrive in no order.
    private static func setKey(_ key: inout [UInt8], _ index: Int) {
        let number = (UInt64(index) &* 0x9E37_79B9_7F4A_7C15).bigEndian
        unsafe key.withUnsafeMutableBytes { unsafe $0.storeBytes(of: number, as: UInt64.self) }
    }

    private static func setValue(_ value: inout [UInt8], _ index: Int) {
        unsafe value.withUnsafeMutableBytes { unsafe $0.storeBytes(of: UInt64(index), as: UInt64.self) }
    }

    /// Runs `body` on two threads; the first error counts.
    private func onTwoThreads(_ body: @escaping @Sendable (Int) throws -> Void) throws {
        let failure = Mutex<(any Error)?>(nil)
        let report: @Sendable (any Error) -> Void = { error in failure.withLock { $0 = error } }
        _ = try Clock.time(threads: 2) { thread in
            do { try body(thread) } catch { report(error) }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    private func write(_ keyspace: Keyspace, _ count: Int, _ valueSize: Int) throws {
        try onTwoThreads { thread in
            var key = [UInt8](repeating: 0, count: Rows.keySize)
            var value = [UInt8](repeating: 5, count: valueSize)
            for index in stride(from: thread, to: count, by: 2) {
                Self.setKey(&key, index)
                Self.setValue(&value, index)
                try keyspace.put(key, value, durability: .deferred)
            }
        }
    }

    private func writeBatches(
        _ database: Database,
        _ keyspace: Keyspace,
        _ count: Int,
        _ valueSize: Int
    ) throws {
        try onTwoThreads { thread in
            var key = [UInt8](repeating: 0, count: Rows.keySize)
            var value = [UInt8](repeating: 6, count: valueSize)
            for first in stride(from: thread * Self.batchSize, to: count, by: 2 * Self.batchSize) {
                var batch = WriteBatch()
                for index in first..<min(first + Self.batchSize, count) {
                    Self.setKey(&key, index)
                    Self.setValue(&value, index)
                    try batch.put(key, value, in: keyspace)
                }
                try database.write(batch, durability: .deferred)
            }
        }
    }

    private func read(_ keyspace: Keyspace, _ count: Int, _ valueSize: Int) throws {
        try onTwoThreads { thread in
            var random = SeededRandom(seed: UInt64(thread))
            var key = [UInt8](repeating: 0, count: Rows.keySize)
            for _ in 0..<min(count / 4, 100_000) {
                let index = random.below(count)
                Self.setKey(&key, index)
                guard let value = try keyspace.get(key), value.count == valueSize,
                    unsafe value.withUnsafeBytes({ unsafe $0.loadUnaligned(as: UInt64.self) }) == UInt64(index)
                else { throw BenchmarkFailure("row \(index) of \(keyspace.name) is not what was written") }
            }
        }
    }
}
