import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

/// Goal: a backup becomes the database that it was made of, or is refused. Method: a disk in memory; every file of a
/// backup is damaged in drawn places, every call of a backup and of a restore fails, the power goes at every event.
@Suite(.timeLimit(.minutes(20))) struct BackupTests {
    @Test func `a backup becomes the database as it was`() throws {
        let world = BackupWorld()
        let database = try BackupWorld.filled(world.storage)
        let before = try BackupWorld.content(database)
        let backup = try database.backup(to: BackupWorld.folder)
        #expect(backup.isVerified && backup.fileCount == 4)
        try database.keyspace(named: "first").put("later", "is not in the backup")
        try database.dropKeyspace("second")
        #expect(try BackupWorld.restoredContent(world.storage) == before)
        try database.close()
        // The backup does not depend on the database.
        #expect(try BackupWorld.restoredContent(world.storage) == before)
    }

    @Test func `an empty database has a backup`() throws {
        let world = BackupWorld()
        let database = try BackupWorld.open(world.storage)
        try database.backup(to: BackupWorld.folder)
        #expect(try BackupWorld.restoredContent(world.storage) == [:])
        try database.close()
    }

    @Test func `a restored database is used, closed, and backed up again`() throws {
        let world = BackupWorld()
        try BackupWorld.filled(world.storage).backup(to: BackupWorld.folder)
        try Database.restore(from: BackupWorld.folder, to: BackupWorld.restored, storage: world.storage)
        let database = try BackupWorld.open(world.storage, BackupWorld.restored)
        let keyspace = try database.keyspace(named: "first")
        // More than the redo log holds, and a new keyspace.
        for number in 0..<800 { try keyspace.put("new \(number % 50)", [UInt8](repeating: 1, count: 6000)) }
        _ = try database.createKeyspace("third")
        #expect(try database.check().isEmpty)
        let before = try BackupWorld.content(database)
        try database.backup(to: "/again")
        try database.close()
        #expect(try BackupWorld.restoredContent(world.storage, "/again") == before)
    }

    @Test func `folders that are in use are refused`() throws {
        let world = BackupWorld()
        let database = try BackupWorld.filled(world.storage)
        try database.backup(to: BackupWorld.folder)
        let before = world.storage.image.hash
        #expect(code { try database.backup(to: BackupWorld.folder) } == .exists)
        #expect(code { try database.backup(to: BackupWorld.path) } == .exists)
        func restore(_ source: String, _ path: String) -> RedoubtError.Code? {
            code { try Database.restore(from: source, to: path, storage: world.storage) }
        }
        #expect(restore(BackupWorld.folder, BackupWorld.path) == .exists)
        #expect(restore("/nothing", "/new") == .notFound)
        #expect(restore(BackupWorld.path, "/new") == .damagedBackup)
        #expect(world.storage.image.hash == before)
        try database.close()
    }

    @Test func `a backup with any byte changed is refused`() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let world = BackupWorld()
        try BackupWorld.filled(world.storage).backup(to: BackupWorld.folder)
        let image = world.storage.image
        #expect(BackupWorld.refusal(image) == nil)
        var count = 0
        for path in image.paths where path.hasPrefix(BackupWorld.folder + "/") {
            let size = Int(image.size(of: path) ?? 0)
            let isManifest = path.hasSuffix(".manifest")
            let places = isManifest ? Array(0..<size) : (0..<40).map { _ in random.below(size) }
            for place in places {
                var damaged = image
                damaged.flip(path, at: UInt64(place), mask: 1 << UInt8(random.below(8)))
                let error = BackupWorld.refusal(damaged)
                let isRefused = error?.code == .damagedBackup || (isManifest && error?.code == .unsupportedFormat)
                #expect(isRefused, "byte \(place) of \(path): \(String(describing: error)); seed \(seed)")
                count += 1
            }
            for size in [0, 1, size / 2, size - 1, size + 1] {
                var damaged = image
                damaged.resize(path, to: UInt64(size))
                #expect(BackupWorld.refusal(damaged) != nil, "\(path) cut to \(size)")
            }
            var damaged = image
            damaged.remove(path)
            #expect(BackupWorld.refusal(damaged)?.code == .damagedBackup, "without \(path)")
        }
        print("\(count) places changed, all refused")
    }

    @Test(arguments: SimulatedFault.Operation.allCases)
    func `a failure at any call leaves no backup, and the database as it was`(
        _ operation: SimulatedFault.Operation
    ) throws {
        let start = SimulatedStorage()
        try BackupWorld.filled(start).close()
        for errno in [SimulatedFault.noSpace, SimulatedFault.inputOutputError] {
            var skip = 0
            var fired = true
            while fired {
                let world = BackupWorld(SimulatedStorage(start.image, options: .judging))
                let database = try BackupWorld.open(world.storage)
                let before = try BackupWorld.content(database)
                let first = world.storage.firedFaultCount
                world.storage.inject(
                    SimulatedFault(operation, skipping: skip, isPermanent: false, effect: .failure(errno: errno))
                )
                var failure: RedoubtError?
                do throws(RedoubtError) {
                    try database.backup(to: BackupWorld.folder)
                } catch {
                    failure = error
                }
                fired = world.storage.firedFaultCount > first
                world.storage.removeFaults()
                #expect(fired == (failure != nil), "\(operation) \(skip): \(String(describing: failure))")
                if failure != nil {
                    let isRefused = BackupWorld.refusal(world.storage.image) != nil
                    #expect(isRefused, "\(operation) \(skip) of \(errno)")
                    let left = world.storage.image.paths.filter { $0.hasPrefix(BackupWorld.folder + "/") }
                    #expect(left == [] || operation == .entry, "\(operation) \(skip) left \(left)")
                }
                #expect(try BackupWorld.content(database) == before)
                try database.keyspace(named: "first").put("after", "it goes on")
                try database.close()
                skip += skip < 24 ? 1 : 7
            }
        }
    }

    @Test func `a power cut at any time leaves a whole backup or none`() throws {
        let seed = testSeed()
        let world = BackupWorld()
        let database = try BackupWorld.filled(world.storage)
        let before = try BackupWorld.content(database)
        let start = world.storage.image
        let kinds: [SimulatedFault.Operation] = [.create, .extend, .write, .sync, .syncDirectory, .entry]
        var wholeCount = 0
        var count = 0
        for operation in kinds {
            var skip = 0
            var fired = true
            while fired {
                let copy = BackupWorld(SimulatedStorage(start))
                let source = try BackupWorld.open(copy.storage)
                let first = copy.storage.firedFaultCount
                // From here on nothing reaches the disk.
                copy.storage.inject(
                    SimulatedFault(operation, skipping: skip, isPermanent: true, effect: .failure(errno: 5))
                )
                do throws(RedoubtError) { try source.backup(to: BackupWorld.folder, verify: false) } catch {}
                fired = copy.storage.firedFaultCount > first
                for cut in [PowerCut.none, .all, PowerCut(.seeded(seed &+ UInt64(count))), PowerCut(.mixed(seed))] {
                    let disk = copy.storage.powerCut(cut)
                    count += 1
                    if BackupWorld.refusal(disk.image) == nil {
                        wholeCount += 1
                        #expect(try BackupWorld.restoredContent(disk) == before, "\(operation) \(skip) \(cut)")
                    }
                }
                source.forget()
                skip += skip < 30 ? 1 : 5
            }
        }
        #expect(wholeCount > 0 && wholeCount < count, "\(wholeCount) whole of \(count)")
        print("\(count) disks, \(wholeCount) with a whole backup; seed \(seed)")
        try database.close()
    }

    @Test func `a restore that is cut off is no database`() throws {
        let world = BackupWorld()
        let database = try BackupWorld.filled(world.storage)
        let before = try BackupWorld.content(database)
        try database.backup(to: BackupWorld.folder)
        try database.close()
        let start = world.storage.image
        for operation in [SimulatedFault.Operation.create, .extend, .write, .sync, .syncDirectory, .entry] {
            var skip = 0
            var fired = true
            while fired {
                let disk = SimulatedStorage(start)
                disk.inject(SimulatedFault(operation, skipping: skip, isPermanent: true, effect: .failure(errno: 28)))
                do throws(RedoubtError) {
                    try Database.restore(from: BackupWorld.folder, to: BackupWorld.restored, storage: disk)
                } catch {}
                fired = disk.firedFaultCount > 0
                for cut in [PowerCut.none, .all, PowerCut(.mixed(UInt64(skip)))] {
                    let left = SimulatedStorage(disk.powerCut(cut).image, options: .judging)
                    guard let opened = try? BackupWorld.open(left, BackupWorld.restored) else { continue }
                    let content = try BackupWorld.content(opened)
                    // Nothing at all was there, so opening has made a database; else it is the one of the backup.
                    #expect(content == [:] || content == before, "\(operation) \(skip) \(cut)")
                    try opened.close()
                }
                skip += skip < 12 ? 1 : 5
            }
        }
    }

    @Test func `a page that is damaged in the file is copied from memory`() throws {
        let world = BackupWorld()
        let database = try BackupWorld.filled(world.storage)
        try database.checkpoint()
        let before = try BackupWorld.content(database)
        let path = try #require(world.storage.image.paths.first { $0.hasPrefix("/db/first-") })
        let file = try world.storage.open(path, role: .data, creating: false, readOnly: false)
        let noise = try AlignedBuffer(byteCount: 512)
        unsafe noise.bytes.initializeMemory(as: UInt8.self, repeating: 0x5A)
        try unsafe file.write(UnsafeRawBufferPointer(noise.bytes), at: 3 * 16384 + 1024)
        file.close()
        try database.backup(to: BackupWorld.folder)
        #expect(try BackupWorld.restoredContent(world.storage) == before)
        try database.close()
    }

    @Test func `a page that stays damaged is named, and a free one is not missed`() throws {
        let world = BackupWorld()
        var database = try BackupWorld.filled(world.storage)
        try database.keyspace(named: "second").deleteRange(.all)
        try database.close()
        var image = world.storage.image
        let path = try #require(image.paths.first { $0.hasPrefix("/db/second-") })
        // The last page of the file is free, the root of the tree is not.
        let last = (image.size(of: path) ?? 0) - 16384
        image.overwrite(path, at: last + 5000, with: [1, 2, 3])
        let damaged = BackupWorld(SimulatedStorage(image))
        database = try BackupWorld.open(damaged.storage)
        try database.backup(to: BackupWorld.folder)
        #expect(try BackupWorld.restoredContent(damaged.storage)["second"] == [:])
        try database.close()
        image.overwrite(path, at: 3 * 16384 + 5000, with: [1, 2, 3])
        database = try BackupWorld.open(SimulatedStorage(image))
        #expect(code { try database.backup(to: BackupWorld.folder) } == .corruptPage)
        try database.close()
    }
}
