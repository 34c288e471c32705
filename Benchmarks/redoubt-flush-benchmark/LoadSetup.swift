import RedoubtCore

/// What a child process loads: which database, how it is opened, and how many threads update it.
///
/// Passed to the child as words, so that both sides open the database alike.
struct LoadSetup: Sendable {
    /// The folder of the database.
    var path: String
    /// How pages to write are chosen.
    var policy = FlushingPolicy.mysql80
    /// The memory of the database in MiB.
    var memory: Int
    /// The redo capacity in MiB.
    var redo: Int
    /// The rows.
    var rowCount: Int
    /// The threads that update.
    var threadCount: Int
    /// How torn pages are put right.
    var doublewrite: Configuration.Doublewrite
    /// Whether every row is read first, so that the data is in memory.
    var readsAll: Bool

    /// The options that the database is opened with: the defaults but for memory, redo, policy and
    /// doublewrite.
    var configuration: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(memory)
        configuration.redoLog.capacity = .mebibytes(redo)
        configuration.flushing.policy = policy
        configuration.flushing.doublewrite = doublewrite
        configuration.durability = .deferred
        return configuration
    }

    /// The words that a child is started with.
    var words: [String] {
        [
            "--child", path, policy.rawValue, "\(memory)", "\(redo)", "\(rowCount)", "\(threadCount)",
            doublewrite.rawValue, readsAll ? "all" : "none",
        ]
    }

    /// Creates a setup.
    init(
        path: String,
        memory: Int,
        redo: Int,
        rowCount: Int,
        threadCount: Int,
        doublewrite: Configuration.Doublewrite,
        readsAll: Bool
    ) {
        self.path = path
        self.memory = memory
        self.redo = redo
        self.rowCount = rowCount
        self.threadCount = threadCount
        self.doublewrite = doublewrite
        self.readsAll = readsAll
    }

    /// Reads ``words``.
    init(_ words: [String]) throws {
        guard words.count == 9, let policy = FlushingPolicy(rawValue: words[2]), let memory = Int(words[3]),
            let redo = Int(words[4]), let rowCount = Int(words[5]), let threadCount = Int(words[6]),
            let doublewrite = Configuration.Doublewrite(rawValue: words[7])
        else { throw BenchmarkFailure("a child was started with \(words)") }
        self.init(
            path: words[1],
            memory: memory,
            redo: redo,
            rowCount: rowCount,
            threadCount: threadCount,
            doublewrite: doublewrite,
            readsAll: words[8] == "all"
        )
        self.policy = policy
    }

    /// The same setup under another policy.
    func with(_ policy: FlushingPolicy) -> LoadSetup {
        var copy = self
        copy.policy = policy
        return copy
    }

    /// A number that changes with every option of the database (FNV-1a of their description).
    var configurationHash: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "\(configuration)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}

/// Why the benchmark could not run.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) { description = reason }
}
