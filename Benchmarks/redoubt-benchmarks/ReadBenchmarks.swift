import CBinarySearch
import Redoubt
import RedoubtCore

/// Sorted load, scan, and point reads of cached rows, next to a binary search in C over the same rows.
struct ReadBenchmarks {
    private let suite: Suite
    private let rows: Rows

    init(_ suite: Suite) {
        self.suite = suite
        rows = Rows(count: suite.pick(Suite.rowCount))
    }

    func run() throws -> [Measurement] {
        let path = suite.folder + "/read"
        let database = try Database.open(at: path, configuration: suite.configuration)
        let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
        var results = [try load(keyspace)]
        results.append(try scan(keyspace))
        let readCount = suite.pick(Suite.readCount)
        for threads in [1, 2] {
            results.append(
                try suite.measure("read-\(threads)", "reads/s") { run in
                    try read(keyspace, threads: threads, count: readCount, seed: UInt64(run))
                }
            )
        }
        try database.close()
        results.append(try cBinarySearch(count: readCount))
        return results
    }

    private func load(_ keyspace: Keyspace) throws -> Measurement {
        var key = [UInt8](repeating: 0, count: Rows.keySize)
        var value = [UInt8](repeating: 0, count: Rows.valueSize)
        let start = Clock.seconds()
        var load = keyspace.sortedLoad(fillPercent: 94)
        for index in 0..<rows.count {
            unsafe key.withUnsafeMutableBytes { unsafe rows.writeKey(index, into: $0) }
            unsafe value.withUnsafeMutableBytes { unsafe rows.writeValue(index, into: $0) }
            try load.add(key, value)
        }
        try load.finish(durability: .flushed)
        let rate = Double(rows.count) / (Clock.seconds() - start)
        return Measurement(name: "sorted-load", unit: "rows/s", runs: [rate], checksum: UInt64(rows.count))
    }

    private func scan(_ keyspace: Keyspace) throws -> Measurement {
        try suite.measure("scan", "rows/s") { _ in
            var sum: UInt64 = 0
            var count = 0
            let start = Clock.seconds()
            try keyspace.forEach { (row) throws(RedoubtError) in
                row.withBytes { key, value in sum &+= UInt64(key.byteCount + value.byteCount) }
                count += 1
                return true
            }
            let rate = Double(count) / (Clock.seconds() - start)
            guard count == rows.count else { throw BenchmarkFailure("\(count) of \(rows.count) rows were scanned") }
            return (rate, sum)
        }
    }

    private func read(
        _ keyspace: Keyspace,
        threads: Int,
        count: Int,
        seed: UInt64
    ) throws -> (Double, UInt64) {
        let total = Sum()
        let missing = Sum()
        let rows = rows
        let elapsed = try Clock.time(threads: threads) { thread in
            var random = SeededRandom(seed: seed << 8 | UInt64(thread))
            var sum: UInt64 = 0
            var found = 0
            unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 16) { memory in
                let key = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[0..<Rows.keySize])
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[64..<(64 + Rows.valueSize)])
                for _ in 0..<count {
                    unsafe rows.writeKey(random.below(rows.count), into: key)
                    do throws(RedoubtError) {
                        unsafe found +=
                            try keyspace.withValue(of: UnsafeRawBufferPointer(key)) { (value, _) throws(RedoubtError) in
                                unsafe value.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
                            } ? 1 : 0
                    } catch {
                        break
                    }
                    sum &+= unsafe target.load(as: UInt64.self)
                }
            }
            total.add(sum)
            missing.add(UInt64(count - found))
        }
        guard missing.value == 0 else { throw BenchmarkFailure("\(missing.value) reads found nothing") }
        return (Double(count * threads) / elapsed, total.value)
    }

    private func cBinarySearch(count: Int) throws -> Measurement {
        let size = Rows.keySize + Rows.valueSize
        let array = UnsafeMutableRawBufferPointer.allocate(byteCount: rows.count * size, alignment: 64)
        defer { unsafe array.deallocate() }
        for index in 0..<rows.count {
            let row = unsafe UnsafeMutableRawBufferPointer(rebasing: array[(index * size)..<((index + 1) * size)])
            unsafe rows.writeKey(index, into: UnsafeMutableRawBufferPointer(rebasing: row[0..<Rows.keySize]))
            unsafe rows.writeValue(index, into: UnsafeMutableRawBufferPointer(rebasing: row[Rows.keySize...]))
        }
        let bytes = unsafe array.bindMemory(to: UInt8.self)
        return try suite.measure("c-binary-search", "reads/s") { run in
            var random = SeededRandom(seed: UInt64(run) << 8)
            var key = [UInt8](repeating: 0, count: Rows.keySize)
            var value = [UInt8](repeating: 0, count: Rows.valueSize)
            var sum: UInt64 = 0
            var found = 0
            let start = Clock.seconds()
            for _ in 0..<count {
                unsafe key.withUnsafeMutableBytes { unsafe rows.writeKey(random.below(rows.count), into: $0) }
                found += unsafe Int(
                    cbinarysearch_get(bytes.baseAddress, rows.count, Rows.keySize, Rows.valueSize, &key, &value)
                )
                sum &+= unsafe value.withUnsafeBytes { unsafe $0.load(as: UInt64.self) }
            }
            let rate = Double(count) / (Clock.seconds() - start)
            guard found == count else { throw BenchmarkFailure("the binary search missed \(count - found) rows") }
            return (rate, sum)
        }
    }
}
