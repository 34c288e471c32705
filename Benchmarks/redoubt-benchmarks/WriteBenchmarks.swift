import CBinarySearch
import Glibc
import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Random inserts without waiting for the device.
struct InsertBenchmark {
    private let suite: Suite

    init(_ suite: Suite) { self.suite = suite }

    func run() throws -> [Measurement] {
        let count = suite.pick(Suite.insertCount)
        let path = suite.folder + "/insert"
        let result = try suite.measure("random-insert", "rows/s") { run in
            let database = try Database.open(at: "\(path)-\(run)", configuration: suite.configuration)
            let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
            var random = SeededRandom(seed: UInt64(run))
            var value = [UInt8](repeating: 7, count: Rows.valueSize)
            var key = [UInt8](repeating: 0, count: Rows.keySize)
            let start = Clock.seconds()
            for index in 0..<count {
                let number = random.next()
                unsafe key.withUnsafeMutableBytes { unsafe $0.storeBytes(of: number, as: UInt64.self) }
                value[0] = UInt8(truncatingIfNeeded: index)
                try keyspace.put(key, value, durability: .deferred)
            }
            try database.flush()
            let rate = Double(count) / (Clock.seconds() - start)
            try database.close()
            _ = unsafe system("rm -rf '\(path)-\(run)'")
            return (rate, UInt64(count))
        }
        return [result]
    }
}

/// Commits by one and many threads: durable ones, next to what the device does by itself, and ones that are with the
/// operating system.
struct CommitBenchmarks {
    private static let durableThreads = [1, 8, 16, 32]
    private static let writtenThreads = [1, 2, 4]

    private let suite: Suite

    init(_ suite: Suite) { self.suite = suite }

    func run() throws -> [Measurement] {
        let seconds = Double(suite.pick(Suite.commitMilliseconds)) / 1000
        let database = try Database.open(at: suite.folder + "/commit", configuration: suite.configuration)
        let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
        let file = try openRawFile()
        defer { close(file) }
        // Runs of the device and of the engine alternate, because a shared device changes its mind.
        var figures: [String: [Double]] = [:]
        for run in 0..<suite.runCount {
            figures["raw-writes", default: []].append(try rawWrites(file, seconds))
            for threads in Self.durableThreads {
                let rate = try commits(keyspace, .flushed, threads: threads, seconds: seconds, seed: UInt64(run))
                figures["commit-\(threads)", default: []].append(rate)
            }
            for threads in Self.writtenThreads {
                let rate = try commits(keyspace, .written, threads: threads, seconds: seconds, seed: UInt64(run))
                figures["written-\(threads)", default: []].append(rate)
            }
        }
        try database.close()
        let names = Self.durableThreads.map { "commit-\($0)" } + Self.writtenThreads.map { "written-\($0)" }
        return (["raw-writes"] + names).map { name in
            Measurement(
                name: name,
                unit: name == "raw-writes" ? "writes/s" : "commits/s",
                runs: figures[name] ?? [],
                checksum: 0
            )
        }
    }

    private func commits(
        _ keyspace: Keyspace,
        _ durability: Durability,
        threads: Int,
        seconds: Double,
        seed: UInt64
    ) throws -> Double {
        let count = Sum()
        let failure = Mutex<RedoubtError?>(nil)
        let report: @Sendable (RedoubtError) -> Void = { error in failure.withLock { $0 = error } }
        let elapsed = try Clock.time(threads: threads) { thread in
            var random = SeededRandom(seed: seed << 16 | UInt64(thread))
            let value = [UInt8](repeating: UInt8(thread), count: Rows.valueSize)
            var key = [UInt8](repeating: 0, count: Rows.keySize)
            let end = Clock.seconds() + seconds
            var done: UInt64 = 0
            while Clock.seconds() < end {
                let number = UInt64(random.below(100_000))
                unsafe key.withUnsafeMutableBytes { unsafe $0.storeBytes(of: number.bigEndian, as: UInt64.self) }
                do throws(RedoubtError) {
                    try keyspace.put(key, value, durability: durability)
                } catch {
                    report(error)
                    break
                }
                done += 1
            }
            count.add(done)
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return Double(count.value) / elapsed
    }

    /// A file of 64 MiB whose blocks are written already.
    private func openRawFile() throws -> Int32 {
        let path = suite.folder + "/raw"
        let creation = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard creation >= 0 else { throw BenchmarkFailure("\(path) cannot be made: errno \(errno)") }
        let zeros = [UInt8](repeating: 1, count: 1 << 20)
        for _ in 0..<64 { _ = unsafe zeros.withUnsafeBytes { unsafe write(creation, $0.baseAddress, $0.count) } }
        fsync(creation)
        close(creation)
        let file = unsafe cbinarysearch_open_direct(path)
        guard file >= 0 else { throw BenchmarkFailure("\(path) cannot be opened: errno \(errno)") }
        return file
    }

    private func rawWrites(_ file: Int32, _ seconds: Double) throws -> Double {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { unsafe block.deallocate() }
        unsafe block.initializeMemory(as: UInt8.self, repeating: 9)
        let start = Clock.seconds()
        var count = 0
        while Clock.seconds() - start < seconds {
            let offset = count % 16384 * 4096
            guard unsafe pwrite(file, block.baseAddress, 4096, offset) == 4096 else {
                throw BenchmarkFailure("a raw write failed: errno \(errno)")
            }
            count += 1
        }
        return Double(count) / (Clock.seconds() - start)
    }
}
