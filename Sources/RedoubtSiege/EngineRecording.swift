import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem

/// A database at work on a simulated disk, recorded to be explored, and what a recovery makes of a disk.
struct EngineRecording: Sendable {
    /// The database.
    let configuration: Configuration

    /// Every limit is near.
    static let small = EngineRecording(configuration: EngineClient.configuration)

    /// Room for a full doublewrite batch.
    static let large = {
        var configuration = Configuration()
        configuration.memory = .mebibytes(96)
        configuration.redoLog.capacity = .mebibytes(8)
        configuration.redoLog.fileCount = 4
        return EngineRecording(configuration: configuration)
    }()

    func open(_ storage: SimulatedStorage) throws(RedoubtError) -> Database {
        var options = EngineOptions()
        options.usesBackgroundThreads = false
        options.usesLogThreads = false
        return try Database.open(
            at: EngineClient.path,
            configuration: configuration,
            storage: storage,
            options: options
        )
    }

    /// Runs `work` on a database on `image`, in a world of one thread; closes it in order if `isClosing`.
    func record(
        on image: DiskImage = DiskImage(),
        isClosing: Bool = false,
        _ work: (Database) throws -> Void
    ) throws -> SimulatedStorage {
        let storage = SimulatedStorage(image)
        let outcome: Result<Void, any Error> = InlineScheduler().run {
            Result {
                let database = try open(storage)
                try work(database)
                if isClosing {
                    try database.close()
                } else {
                    database.forget()
                }
            }
        }
        try outcome.get()
        return storage
    }

    /// Recovers from `disk`, and says what was found: the hash of all rows and what the check finds, or the error.
    @Sendable func judge(_ disk: SimulatedStorage) -> String {
        let place = UnderJudgement.note(.epochs, seed: 1)
        defer { place?.end() }
        do {
            let database = try open(disk)
            defer { database.forget() }
            let hash = try EngineClient.contentHash(of: database)
            let findings = try database.check()
            return "content \(String(hash, radix: 16)), \(findings.count) findings"
        } catch {
            return "error \(error.code)"
        }
    }

    /// The bytes that recovery looks at as a whole: pages in data files.
    @Sendable static func unitByteCount(_ path: String) -> Int { path.hasSuffix(".ibd") ? 16384 : 512 }
}

/// What a recorded database does.
enum LazyWorkload: String, CaseIterable, Sendable {
    case creation
    case everything
    case checkpoints

    func recorded() throws -> SimulatedStorage {
        let recording = EngineRecording.small
        switch self {
        case .creation:
            return try recording.record(isClosing: true) { database in
                try database.createKeyspace("first").put("a", "b")
            }
        case .everything:
            let before = try recording.record(isClosing: true) { try Self.fill($0, seed: 3, count: 60) }
            return try recording.record(on: before.image) { try Self.work($0, seed: 4, count: 60, checkpointShare: 12) }
        case .checkpoints:
            let before = try recording.record(isClosing: true) { try Self.fill($0, seed: 5, count: 30) }
            return try recording.record(on: before.image, isClosing: true) {
                try Self.work($0, seed: 6, count: 40, checkpointShare: 2)
            }
        }
    }

    private static func fill(_ database: Database, seed: UInt64, count: Int) throws {
        let first = try database.createKeyspace("first")
        _ = try database.createKeyspace("second")
        var random = SeededRandom(seed: seed)
        for _ in 0..<count { try put(first, &random) }
    }

    private static func put(_ keyspace: Keyspace, _ random: inout SeededRandom) throws {
        let count = [20, 300, 3000, 40_000][random.below(10) == 0 ? 3 : random.below(3)]
        let value = [UInt8](repeating: UInt8(random.below(256)), count: count)
        try keyspace.put(Array("row \(random.below(80))".utf8), value, durability: .flushed)
    }

    private static func work(_ database: Database, seed: UInt64, count: Int, checkpointShare: Int) throws {
        var random = SeededRandom(seed: seed)
        for number in 0..<count {
            if random.below(checkpointShare) == 0 {
                try database.checkpoint()
                continue
            }
            let keyspace = try database.keyspace(named: random.below(3) == 0 ? "second" : "first")
            switch random.below(10) {
            case 0: _ = try keyspace.delete(Array("row \(random.below(80))".utf8), durability: .flushed)
            case 1:
                let name = "keyspace \(number)"
                try put(database.createKeyspace(name), &random)
                if random.below(2) == 0 { try database.dropKeyspace(name) }
            case 2:
                var batch = WriteBatch()
                for row in 0..<4 {
                    let value = [UInt8](repeating: UInt8(number), count: 100)
                    try batch.put(Array("row \(row)".utf8), value, in: keyspace)
                }
                try database.write(batch, durability: .flushed)
            default: try put(keyspace, &random)
            }
        }
    }
}
