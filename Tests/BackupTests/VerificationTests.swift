import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem
import Testing

/// Goal: a healthy database has a backup however much the recovery of it writes.
///
/// Method: more redo since the checkpoint than the recovery of the copy takes at once, and no memory for what it
/// writes.
@Suite(.timeLimit(.minutes(20))) struct VerificationTests {
    private static var configuration: Configuration {
        var configuration = BackupWorld.configuration
        configuration.redoLog.capacity = .mebibytes(32)
        return configuration
    }

    private static func open(_ storage: SimulatedStorage, _ path: String) throws -> Database {
        var options = EngineOptions()
        options.usesBackgroundThreads = false
        options.usesLogThreads = false
        return try Database.open(at: path, configuration: configuration, storage: storage, options: options)
    }

    private static func filled(_ storage: SimulatedStorage) throws -> Database {
        let database = try open(storage, BackupWorld.path)
        let rows = try database.createKeyspace("rows")
        try database.checkpoint()
        for number in 0..<100 { try rows.put("row \(number)", [UInt8](repeating: UInt8(number), count: 50_000)) }
        return database
    }

    /// Backs up and returns the manifest, and how many files were made.
    private static func backUp(
        _ database: Database,
        _ storage: SimulatedStorage,
        _ folder: String,
        memory: Int
    ) throws -> (manifest: BackupManifest, madeCount: Int) {
        let first = storage.callCount(.create)
        let manifest = try database.engine.backup(
            to: folder,
            verify: true,
            verificationByteCount: memory,
            verificationMemory: .mebibytes(8)
        )
        return (manifest, storage.callCount(.create) - first)
    }

    private static func expectRows(_ storage: SimulatedStorage, _ folder: String) throws {
        try Database.restore(from: folder, to: BackupWorld.restored, storage: storage)
        let database = try open(storage, BackupWorld.restored)
        #expect(try database.keyspace(named: "rows").count() == 100)
        #expect(try database.check().isEmpty)
        try database.close()
    }

    @Test func `what verification writes beyond its memory goes to a file without a name`() throws {
        let storage = SimulatedStorage(options: .judging)
        let database = try Self.filled(storage)
        let inMemory = try Self.backUp(database, storage, "/first", memory: 1 << 30)
        let spilled = try Self.backUp(database, storage, "/second", memory: 0)
        #expect(inMemory.manifest.isVerified && spilled.manifest.isVerified)
        #expect(spilled.madeCount == inMemory.madeCount + 1)
        for folder in ["/first/", "/second/"] {
            #expect(storage.image.paths.filter { $0.hasPrefix(folder) }.count == 4)
        }
        try Self.expectRows(storage, "/second")
        try database.close()
    }

    @Test func `a backup for whose verification there is no room is kept, and says that it is not verified`() throws {
        let storage = SimulatedStorage(options: .judging)
        let database = try Self.filled(storage)
        // Behind redo.copy and two files comes that of the verification.
        storage.inject(SimulatedFault(.create, skipping: 3, isPermanent: false, effect: .failure(errno: 28)))
        let made = try Self.backUp(database, storage, "/first", memory: 0)
        #expect(storage.firedFaultCount == 1)
        #expect(!made.manifest.isVerified)
        try Self.expectRows(storage, "/first")
        try database.close()
    }
}
