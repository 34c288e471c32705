import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

/// Goal: looking at a database changes nothing of it. Method: databases closed, killed and damaged are opened for
/// reading only on a disk that records everything; it must have nothing to record.
@Suite(.timeLimit(.minutes(20))) struct ReadOnlyTests {
    private func open(_ storage: SimulatedStorage) throws -> Database {
        try Database.openReadOnly(
            at: BackupWorld.path,
            configuration: BackupWorld.configuration,
            storage: storage
        )
    }

    @Test(arguments: [true, false])
    func `everything is read and nothing is written`(_ isClosed: Bool) throws {
        let world = try DamagedWorld(closed: isClosed)
        let storage = SimulatedStorage(world.image)
        let database = try open(storage)
        #expect(database.isReadOnly)
        #expect(try BackupWorld.content(database) == world.content)
        #expect(try database.check().isEmpty)
        try database.close()
        #expect(storage.trace.isEmpty)
    }

    @Test func `every write is refused`() throws {
        let world = try DamagedWorld(closed: false)
        let storage = SimulatedStorage(world.image)
        let database = try open(storage)
        let keyspace = try database.keyspace(named: "long")
        #expect(code { try keyspace.put("a", "b") } == .readOnly)
        #expect(code { try keyspace.delete("a") } == .readOnly || (try? keyspace.contains("a")) == false)
        #expect(code { _ = try database.createKeyspace("new") } == .readOnly)
        #expect(code { try database.dropKeyspace("long") } == .readOnly)
        #expect(code { try database.renameKeyspace("long", to: "short") } == .readOnly)
        #expect(code { try database.checkpoint() } == .readOnly)
        #expect(try BackupWorld.content(database) == world.content)
        try database.close()
        #expect(storage.trace.isEmpty)
    }

    @Test func `what is damaged throws, the rest is read`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 5)
        var image = world.image
        let leaf = try #require(world.pages("long").last { $0.type == 17855 && $0.level == 0 })
        DamagedWorld.damage(&image, world.path("long"), page: leaf.number, &random)
        let storage = SimulatedStorage(image)
        let database = try open(storage)
        #expect(try database.keyspace(named: "large").count() == 12)
        #expect(code { _ = try database.keyspace(named: "long").count() } == .corruptPage)
        #expect(try database.check().contains { $0.page?.number.rawValue == UInt32(leaf.number) })
        try database.close()
        #expect(storage.trace.isEmpty)
    }

    @Test func `what cannot be opened stays as it is, and nothing is made`() throws {
        let world = try DamagedWorld(closed: true)
        var image = world.image
        for path in image.paths where path.contains("/redo/") { image.remove(path) }
        for (disk, expected) in [(image, RedoubtError.Code.missingFile), (DiskImage(), .notFound)] {
            let storage = SimulatedStorage(disk)
            #expect(code { _ = try open(storage) } == expected)
            #expect(storage.trace.isEmpty)
        }
    }
}
