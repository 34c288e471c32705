import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

/// Goal: a backup or a restore that fails takes nothing with it that somebody else has made.
///
/// Method: a disk in memory on which somebody else makes files just when it hurts.
@Suite(.timeLimit(.minutes(20))) struct SharedFolderTests {
    /// A disk with a database and its backup.
    private static func backedUp() throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let database = try BackupWorld.filled(storage)
        try database.backup(to: BackupWorld.folder)
        try database.close()
        return storage
    }

    /// Restores on `storage`, with `act` called before the file `name` of the backup is opened for the `turn`-th time.
    private static func restore(
        _ storage: SimulatedStorage,
        _ name: String,
        turn: Int,
        _ act: @escaping @Sendable () -> Void
    ) -> RedoubtError.Code? {
        let count = Mutex(0)
        let hooked = HookedStorage(storage) { path in
            guard path == BackupWorld.folder + "/" + name else { return }
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == turn { act() }
        }
        return code {
            try Database.restore(from: BackupWorld.folder, to: BackupWorld.restored, storage: hooked)
        }
    }

    private static func put(_ storage: SimulatedStorage, _ path: String) {
        do throws(RedoubtError) {
            let bytes = try AlignedBuffer(byteCount: 4096)
            let file = try storage.open(path, role: .control, creating: true, readOnly: false)
            unsafe try file.write(UnsafeRawBufferPointer(bytes.bytes), at: 0)
            file.close()
        } catch {
            Issue.record("\(path): \(error)")
        }
    }

    @Test(arguments: [true, false])
    func `a failed restore leaves a database alone that was made while it read the backup`(_ isClosed: Bool) throws {
        let storage = try Self.backedUp()
        let made = Mutex<Database?>(nil)
        let failure = Self.restore(storage, "redo.copy", turn: 1) {
            do throws(RedoubtError) {
                let database = try BackupWorld.open(storage, BackupWorld.restored)
                try database.createKeyspace("mine").put("row", "precious")
                if isClosed { try database.close() } else { made.withLock { $0 = database } }
            } catch {
                Issue.record("\(error)")
            }
        }
        #expect(failure == .exists || !isClosed && failure == .alreadyOpen)
        try made.withLock { $0 }?.close()
        let database = try BackupWorld.open(storage, BackupWorld.restored)
        #expect(try database.keyspace(named: "mine").get("row") == Array("precious".utf8))
        #expect(try database.check().isEmpty)
        try database.close()
    }

    @Test func `nobody makes a database where one is being restored`() throws {
        let storage = try Self.backedUp()
        let refusal = Mutex<RedoubtError.Code?>(nil)
        let failure = Self.restore(storage, "redo.copy", turn: 2) {
            let found = code { _ = try BackupWorld.open(storage, BackupWorld.restored) }
            refusal.withLock { $0 = found }
        }
        #expect(failure == nil)
        #expect(refusal.withLock { $0 } == .alreadyOpen)
        try BackupWorld.open(storage, BackupWorld.restored).close()
    }

    @Test func `a failed restore removes what it has made, and no other file`() throws {
        let storage = try Self.backedUp()
        let name = try #require(storage.image.paths.first { $0.hasPrefix("/backup/second-") }?.dropFirst(8))
        let target = BackupWorld.restored + "/" + name.dropLast(5)
        let failure = Self.restore(storage, "catalog.ibd.copy", turn: 2) { Self.put(storage, target) }
        #expect(failure == .exists)
        #expect(storage.image.paths.filter { $0.hasPrefix(BackupWorld.restored + "/") } == [target])
        let again = Self.restore(storage, "", turn: 0) {}
        #expect(again == .exists)
        try storage.remove(target)
        #expect(Self.restore(storage, "", turn: 0) {} == nil)
        try BackupWorld.open(storage, BackupWorld.restored).close()
    }

    @Test func `a restore that failed may be tried again, wherever it failed`() throws {
        for operation in [SimulatedFault.Operation.create, .extend, .write, .sync, .syncDirectory, .entry] {
            var skip = 0
            var hasFailed = true
            while hasFailed {
                let storage = SimulatedStorage(try Self.backedUp().image)
                // One fault only: what a failure removes can be removed.
                storage.inject(SimulatedFault(operation, skipping: skip, effect: .failure(errno: 28)))
                hasFailed = Self.restore(storage, "", turn: 0) {} != nil
                storage.removeFaults()
                if hasFailed {
                    let left = storage.image.paths.filter { $0.hasPrefix(BackupWorld.restored + "/") }
                    #expect(left == [], "\(operation) \(skip)")
                    #expect(Self.restore(storage, "", turn: 0) {} == nil, "\(operation) \(skip)")
                }
                let database = try BackupWorld.open(storage, BackupWorld.restored)
                #expect(try database.keyspaceNames().count == 2)
                try database.close()
                skip += 1
            }
            print("\(operation): \(skip) places")
        }
    }

    @Test func `a restore that is killed while it makes files is not made a new database`() throws {
        let storage = try Self.backedUp()
        let images = Mutex<[DiskImage]>([])
        let hooked = HookedStorage(storage) { path in
            guard path.hasPrefix(BackupWorld.folder + "/") else { return }
            images.withLock { $0.append(storage.image) }
        }
        try Database.restore(from: BackupWorld.folder, to: BackupWorld.restored, storage: hooked)
        let left = images.withLock { $0 }.filter { image in
            image.paths.contains { $0.hasPrefix(BackupWorld.restored + "/") }
        }
        #expect(left.count >= 3)
        for image in left {
            let disk = SimulatedStorage(image)
            #expect(code { _ = try BackupWorld.open(disk, BackupWorld.restored) } == .missingFile)
        }
    }

    @Test func `a failed backup leaves the files of another one alone`() throws {
        let storage = SimulatedStorage()
        try BackupWorld.filled(storage).close()
        let others = ["/backup/redo.copy", "/backup/theirs-1024.ibd.copy", "/backup/backup.manifest.new"]
        let hooked = HookedStorage(storage) { path in
            guard path == others[0], storage.image.size(of: path) == nil else { return }
            for other in others { Self.put(storage, other) }
        }
        let database = try BackupWorld.open(hooked)
        #expect(code { try database.backup(to: BackupWorld.folder) } == .exists)
        #expect(storage.image.paths.filter { $0.hasPrefix("/backup/") } == others.sorted())
        try database.close()
    }

    @Test func `a restore that was killed early is not made a new database`() throws {
        let storage = SimulatedStorage()
        try storage.createDirectory(BackupWorld.restored + "/redo")
        Self.put(storage, BackupWorld.restored + "/catalog.restored")
        let before = storage.image.paths
        #expect(code { _ = try BackupWorld.open(storage, BackupWorld.restored) } == .missingFile)
        #expect(storage.image.paths == before)
    }
}
