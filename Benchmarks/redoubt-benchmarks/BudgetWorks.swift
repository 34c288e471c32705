import CBinarySearch
import Redoubt
import RedoubtCore

/// The works of the instruction budget, each done once inside a function that a profiler recognises; for tools/budget.
///
/// Keys of 16 bytes, values of 100, everything in memory, by one thread, `.deferred`. For each work a line says its
/// name, the operations counted, and the time of one.
struct BudgetWorks {
    private static let keySize = 16
    /// Enough for a tree of three levels.
    private static let rowCount = 300_000
    private static let operationCount = 20_000
    private static let batchSize = 1000
    private static let scanLength = 100
    /// The rows of the keyspace that random inserts double, so that splits are counted as often as they happen.
    private static let insertCount = 20_000

    private let configuration: Configuration
    private let path: String

    init(_ suite: Suite) {
        var configuration = Configuration()
        configuration.memory = .mebibytes(256)
        configuration.redoLog.capacity = .mebibytes(256)
        self.configuration = configuration
        path = suite.folder + "/budget"
    }

    func run() throws {
        let database = try Database.open(at: path, configuration: configuration)
        let rows = try database.createKeyspace("rows")
        let inserts = try database.createKeyspace("inserts")
        try load(rows, Self.rowCount)
        try read(rows)
        try scan(rows)
        try update(rows)
        try updateInBatches(database, rows)
        try insert(inserts)
        try insertInBatches(database, try database.createKeyspace("batches"))
        try insertAscending(try database.createKeyspace("ascending"))
        try append(database, try database.createKeyspace("appended"))
        try delete(rows)
        let loaded = try database.createKeyspace("loaded")
        try measure("sorted-load", Self.operationCount) { try load(loaded, Self.operationCount) }
        guard try loaded.count() == Self.operationCount else { throw BenchmarkFailure("rows are missing") }
        try database.close()
    }

    // MARK: Works

    private func load(_ keyspace: Keyspace, _ count: Int) throws {
        unsafe try withRow { (key, value) throws(RedoubtError) in
            var load = keyspace.sortedLoad()
            for index in 0..<count {
                unsafe Self.setKey(key, Self.number(index))
                unsafe try load.add(UnsafeRawBufferPointer(key), UnsafeRawBufferPointer(value))
            }
            try load.finish(durability: .deferred)
        }
    }

    private func read(_ keyspace: Keyspace) throws {
        let once = { (seed: UInt64) throws in
            unsafe try withRow { (key, value) throws(RedoubtError) in
                var random = SeededRandom(seed: seed)
                var found = 0
                for _ in 0..<Self.operationCount {
                    unsafe Self.setKey(key, Self.number(random.below(Self.rowCount)))
                    let isThere = unsafe try keyspace.withValue(of: UnsafeRawBufferPointer(key)) {
                        (bytes, _) throws(RedoubtError) in
                        unsafe bytes.withUnsafeBytes { unsafe value.copyMemory(from: $0) }
                    }
                    found += isThere ? 1 : 0
                }
                precondition(found == Self.operationCount, "rows are missing")
            }
        }
        // What is read twice has search indexes, which are built once and used for long.
        for seed in 1...2 { try touchAll(keyspace, UInt64(seed)) }
        try measure("read", Self.operationCount) { try once(3) }
    }

    /// Reads a row of every leaf.
    private func touchAll(_ keyspace: Keyspace, _ seed: UInt64) throws {
        unsafe try withRow { (key, _) throws(RedoubtError) in
            for index in stride(from: Int(seed), to: Self.rowCount, by: 50) {
                unsafe Self.setKey(key, Self.number(index))
                _ = unsafe try keyspace.contains(UnsafeRawBufferPointer(key))
            }
        }
    }

    private func scan(_ keyspace: Keyspace) throws {
        try measure("scan", Self.rowCount) {
            var byteCount = 0
            var count = 0
            try keyspace.forEach { (row) throws(RedoubtError) in
                row.withBytes { key, value in byteCount += key.byteCount + value.byteCount }
                count += 1
                return true
            }
            guard count == Self.rowCount else { throw BenchmarkFailure("\(count) rows were scanned") }
        }
        let scans = Self.operationCount / Self.scanLength
        try measure("scan-100", scans * Self.scanLength) {
            var random = SeededRandom(seed: 4)
            var total = 0
            for _ in 0..<scans {
                var key = [UInt8](repeating: 0, count: Self.keySize)
                let number = Self.number(random.below(Self.rowCount - Self.scanLength))
                unsafe key.withUnsafeMutableBytes { unsafe Self.setKey($0, number) }
                var count = 0
                try keyspace.forEach(KeyRange(from: key)) { (row) throws(RedoubtError) in
                    row.withBytes { key, value in total += key.byteCount + value.byteCount }
                    count += 1
                    return count < Self.scanLength
                }
            }
            guard total == scans * Self.scanLength * 116 else { throw BenchmarkFailure("\(total) bytes were scanned") }
        }
    }

    private func update(_ keyspace: Keyspace) throws {
        try measure("update", Self.operationCount) {
            unsafe try withRow { (key, value) throws(RedoubtError) in
                var random = SeededRandom(seed: 5)
                for index in 0..<Self.operationCount {
                    unsafe Self.setKey(key, Self.number(random.below(Self.rowCount)))
                    unsafe value.storeBytes(of: index, as: Int.self)
                    unsafe try keyspace.put(
                        UnsafeRawBufferPointer(key),
                        UnsafeRawBufferPointer(value),
                        durability: .deferred
                    )
                }
            }
        }
    }

    private func updateInBatches(_ database: Database, _ keyspace: Keyspace) throws {
        try measure("batch-update", Self.operationCount) {
            var random = SeededRandom(seed: 6)
            try writeBatches(database, keyspace) { _ in random.below(Self.rowCount) }
        }
    }

    private func insert(_ keyspace: Keyspace) throws {
        var random = SeededRandom(seed: 7)
        let part = { () throws in
            unsafe try withRow { (key, value) throws(RedoubtError) in
                for _ in 0..<Self.insertCount {
                    unsafe Self.setKey(key, random.next())
                    unsafe try keyspace.put(
                        UnsafeRawBufferPointer(key),
                        UnsafeRawBufferPointer(value),
                        durability: .deferred
                    )
                }
            }
        }
        try part()
        try measure("insert", Self.insertCount) { try part() }
    }

    private func insertInBatches(_ database: Database, _ keyspace: Keyspace) throws {
        var random = SeededRandom(seed: 9)
        try writeBatches(database, keyspace) { _ in Int(random.next() >> 1) }
        try measure("batch-insert", Self.operationCount) {
            try writeBatches(database, keyspace) { _ in Int(random.next() >> 1) }
        }
    }

    private func insertAscending(_ keyspace: Keyspace) throws {
        try measure("insert-ascending", Self.operationCount) {
            unsafe try withRow { (key, value) throws(RedoubtError) in
                for index in 0..<Self.operationCount {
                    unsafe Self.setKey(key, Self.number(index))
                    unsafe try keyspace.put(
                        UnsafeRawBufferPointer(key),
                        UnsafeRawBufferPointer(value),
                        durability: .deferred
                    )
                }
            }
        }
    }

    private func append(_ database: Database, _ keyspace: Keyspace) throws {
        try measure("batch-ascending", Self.operationCount) { try writeBatches(database, keyspace) { $0 } }
    }

    private func writeBatches(
        _ database: Database,
        _ keyspace: Keyspace,
        _ row: (Int) -> Int
    ) throws {
        unsafe try withRow { (key, value) throws(RedoubtError) in
            for first in stride(from: 0, to: Self.operationCount, by: Self.batchSize) {
                var batch = WriteBatch()
                for index in first..<first + Self.batchSize {
                    unsafe Self.setKey(key, Self.number(row(index)))
                    unsafe value.storeBytes(of: index, as: Int.self)
                    unsafe try batch.put(UnsafeRawBufferPointer(key), UnsafeRawBufferPointer(value), in: keyspace)
                }
                try database.write(batch, durability: .deferred)
            }
        }
    }

    private func delete(_ keyspace: Keyspace) throws {
        try measure("delete", Self.operationCount) {
            unsafe try withRow { (key, _) throws(RedoubtError) in
                var random = SeededRandom(seed: 8)
                for _ in 0..<Self.operationCount {
                    unsafe Self.setKey(key, Self.number(random.below(Self.rowCount)))
                    unsafe try keyspace.delete(UnsafeRawBufferPointer(key), durability: .deferred)
                }
            }
        }
    }

    // MARK: Parts

    /// The key number of row `index`.
    private static func number(_ index: Int) -> UInt64 { UInt64(index) &* (UInt64.max / UInt64(rowCount + 1)) &+ 12345 }

    private static func setKey(_ key: UnsafeMutableRawBufferPointer, _ number: UInt64) {
        unsafe key.storeBytes(of: number.bigEndian, as: UInt64.self)
        unsafe key.storeBytes(of: (number ^ 0x9E37_79B9_7F4A_7C15).bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// Lends memory for a key and a value.
    private func withRow(
        _ body: (UnsafeMutableRawBufferPointer, UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Void
    ) throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
        defer { unsafe memory.deallocate() }
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 7)
        try unsafe body(
            UnsafeMutableRawBufferPointer(rebasing: memory[0..<Self.keySize]),
            UnsafeMutableRawBufferPointer(rebasing: memory[64..<64 + Rows.valueSize])
        )
    }

    /// What the C function that is counted hands back to Swift.
    private final class Work {
        let body: () throws -> Void
        var failure: (any Error)?

        init(_ body: @escaping () throws -> Void) { self.body = body }

        func run() {
            do { try body() } catch { failure = error }
        }
    }

    /// Runs `body`, which does `count` operations, where the profiler counts.
    private func measure(_ name: String, _ count: Int, _ body: () throws -> Void) throws {
        try withoutActuallyEscaping(body) { body in
            let work = Work(body)
            let start = Clock.seconds()
            unsafe redoubt_measured(
                { context in
                    guard let context = unsafe context else { return }
                    unsafe Unmanaged<Work>.fromOpaque(context).takeUnretainedValue().run()
                },
                Unmanaged.passUnretained(work).toOpaque()
            )
            if let failure = work.failure { throw failure }
            let each = (Clock.seconds() - start) * 1e9 / Double(count)
            print("budget: \(name) \(count) \(Int(each)) ns")
        }
    }
}
