import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: an upgrade leads from any older version to this one, whatever interrupts it, and refuses what it cannot do.
///
/// Method: version 1 is the first, so a step from an invented version 0 is planted: pages 0 that say 0, and a feature
/// word that the step sets. The power goes at each call.
@Suite(.timeLimit(.minutes(20))) struct FormatUpgradeTests {
    private static let steps = [
        FormatStep(from: 0) { page in
            // A compatible feature, which everybody may ignore.
            page.store(UInt32(0x20), at: SpaceMetadata.offset + 12)
        }
    ]

    private static func database(closed: Bool) throws -> DiskImage {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        for name in ["a", "b"] {
            _ = try engine.createKeyspace(name)
            for number in 0..<20 { try engine.put(name, "\(number)", [UInt8(number)]) }
        }
        let killed = storage.image
        try engine.close()
        return closed ? storage.image : killed
    }

    /// Makes page 0 of every file of `image` say version `version`.
    private static func plant(_ version: UInt32, in image: DiskImage, where isWanted: (String) -> Bool) -> DiskImage {
        var planted = image
        for path in image.paths where path.hasSuffix(".ibd") && isWanted(path) {
            let draft = PageDraft(image, path, 0)
            SpaceMetadata.store(version: version, in: draft.bytes)
            planted = draft.sealed(in: planted, path)
        }
        return planted
    }

    private static func upgrade(_ storage: SimulatedStorage) throws(RedoubtError) -> FormatUpgrade.Outcome {
        try FormatUpgrade(storage, EngineFixture.path, steps: steps, current: 1).run()
    }

    private static func features(_ image: DiskImage) -> [UInt32] {
        image.paths.filter { $0.hasSuffix(".ibd") }
            .map { PageDraft(image, $0, 0).bytes.u32(at: SpaceMetadata.offset + 12) }
    }

    private func expectRows(_ storage: SimulatedStorage) throws {
        let engine = try EngineFixture.open(storage)
        for name in ["a", "b"] {
            for number in 0..<20 { #expect(try engine.get(name, "\(number)") == [UInt8(number)]) }
        }
        #expect(try engine.check() == [])
        try engine.close()
    }

    @Test func `a database of this version has nothing to be upgraded`() throws {
        let storage = SimulatedStorage(try Self.database(closed: true))
        #expect(try Self.upgrade(storage) == FormatUpgrade.Outcome(from: 1, to: 1, changedFileCount: 0))
        #expect(try FormatUpgrade(storage, EngineFixture.path).run().changedFileCount == 0)
        try expectRows(storage)
    }

    @Test func `an older database is refused by an opening and upgraded by an upgrade`() throws {
        let image = Self.plant(0, in: try Self.database(closed: true)) { _ in true }
        let storage = SimulatedStorage(image)
        do {
            _ = try EngineFixture.open(storage)
            Issue.record("an older version was opened")
        } catch let error as RedoubtError {
            #expect(error.code == .unsupportedFormat && error.message.contains("redoubt upgrade"))
        }
        #expect(try Self.upgrade(storage) == FormatUpgrade.Outcome(from: 0, to: 1, changedFileCount: 3))
        #expect(Self.features(storage.image) == [0x20, 0x20, 0x20])
        try expectRows(storage)
        #expect(try Self.upgrade(storage).changedFileCount == 0)
    }

    @Test func `what cannot be upgraded stays as it is`() throws {
        let closed = try Self.database(closed: true)
        let cases: [(DiskImage, String)] = [
            (Self.plant(2, in: closed) { $0.contains("/a-") }, "use a newer Redoubt"),
            (Self.plant(0, in: try Self.database(closed: false)) { _ in true }, "was not closed"),
        ]
        for (image, text) in cases {
            let storage = SimulatedStorage(image)
            do throws(RedoubtError) {
                _ = try Self.upgrade(storage)
                Issue.record("upgraded what must be refused: \(text)")
            } catch {
                #expect(error.code == .unsupportedFormat && error.message.contains(text), "\(error)")
            }
            for path in image.paths where !path.hasSuffix(".lock") {
                #expect(storage.image.bytes(of: path) == image.bytes(of: path), "\(path)")
            }
        }
        // No step leads from version 0 in a program that has none.
        let old = SimulatedStorage(Self.plant(0, in: closed) { _ in true })
        #expect(code { _ = try FormatUpgrade(old, EngineFixture.path).run() } == .unsupportedFormat)
        #expect(code { _ = try FormatUpgrade(SimulatedStorage(), "/db").run() } == .notFound)
    }

    /// A disk on which every page of an upgrade is written and the journal is still there, and the journal.
    private static func interrupted() throws -> (image: DiskImage, journal: [UInt8]) {
        let storage = SimulatedStorage(plant(0, in: try database(closed: true)) { _ in true })
        storage.inject(SimulatedFault(.entry, skipping: 0, isPermanent: true, effect: .failure(errno: 5)))
        #expect(code { _ = try upgrade(storage) } == .systemCallFailed)
        let journal = try #require(storage.image.bytes(of: EngineFixture.path + "/" + UpgradeJournal.name))
        return (storage.image, journal)
    }

    /// Uses the database so that page 0 of the file of "a" changes, and returns the disk.
    private func used(_ image: DiskImage) throws -> DiskImage {
        let storage = SimulatedStorage(image)
        let engine = try EngineFixture.open(storage)
        #expect(try !storage.exists(EngineFixture.path + "/" + UpgradeJournal.name))
        for number in 0..<60 { try engine.put("a", "more \(number)", [UInt8](repeating: 1, count: 60_000)) }
        try engine.close()
        return storage.image
    }

    private func planted(_ journal: [UInt8], in image: DiskImage) throws -> SimulatedStorage {
        let storage = SimulatedStorage(image)
        let path = EngineFixture.path + "/" + UpgradeJournal.name
        storage.removeFaults()
        try storage.open(path, role: .control, creating: true, readOnly: false).close()
        var planted = storage.image
        planted.overwrite(path, at: 0, with: journal)
        return SimulatedStorage(planted)
    }

    @Test func `an old journal does not go over a database that was used since`() throws {
        let (image, journal) = try Self.interrupted()
        let storage = try planted(journal, in: try used(image))
        let before = storage.image
        #expect(try Self.upgrade(storage) == FormatUpgrade.Outcome(from: 1, to: 1, changedFileCount: 0))
        for path in before.paths where path.hasSuffix(".ibd") {
            #expect(storage.image.bytes(of: path) == before.bytes(of: path), "\(path)")
        }
        #expect(try !storage.exists(EngineFixture.path + "/" + UpgradeJournal.name))
        try expectRows(storage)
    }

    @Test func `a journal of which a file was changed since is refused`() throws {
        let (image, journal) = try Self.interrupted()
        let old = Self.plant(0, in: try used(image)) { $0.contains("/a-") }
        let storage = try planted(journal, in: old)
        let before = storage.image.hash
        #expect(code { _ = try Self.upgrade(storage) } == .mixedFiles)
        #expect(code { _ = try EngineFixture.open(storage) } == .mixedFiles)
        #expect(storage.image.hash == before)
    }

    @Test func `an opening refuses an upgrade that did not come to its end`() throws {
        let (image, journal) = try Self.interrupted()
        // The file of "a" as it was before.
        let storage = try planted(journal, in: Self.plant(0, in: without(image)) { $0.contains("/a-") })
        do {
            _ = try EngineFixture.open(storage)
            Issue.record("half an upgrade was opened")
        } catch let error as RedoubtError {
            #expect(error.code == .unsupportedFormat && error.message.contains("did not come to its end"))
        }
        #expect(try Self.upgrade(storage).changedFileCount == 1)
        try expectRows(storage)
    }

    private func without(_ image: DiskImage) -> DiskImage {
        var image = image
        image.remove(EngineFixture.path + "/" + UpgradeJournal.name)
        return image
    }

    @Test func `a large file in place of a journal was read as a whole at every opening`() throws {
        let folder = try TemporaryDirectory()
        let storage = LinuxStorage()
        let file = try storage.open(folder.file(UpgradeJournal.name), role: .control, creating: true, readOnly: false)
        defer { file.close() }
        try file.truncate(to: UInt64(99_000 * pageByteCount))
        #expect(try UpgradeJournal.open(storage, folder.path) == nil)
        #expect(storage.figures(.data)?.readByteCount == UInt64(pageByteCount))
    }

    @Test func `a journal is taken as a whole or not at all`() throws {
        let count = 150
        let storage = SimulatedStorage()
        try storage.createDirectory("/db")
        let pages = try AlignedBuffer(byteCount: (count + 1) * pageByteCount + 16)
        var random = SeededRandom(seed: 5)
        for index in 0..<(count * 100) { unsafe pages.bytes[pageByteCount + index * 160] = UInt8(random.below(256)) }
        try UpgradeJournal.write(pages, count: count, storage, "/db")
        #expect(try UpgradeJournal.open(storage, "/db") != nil)
        let path = "/db/" + UpgradeJournal.name
        let whole = storage.image
        func isTaken(_ change: (inout DiskImage) -> Void) throws -> Bool {
            var image = whole
            change(&image)
            return try UpgradeJournal.open(SimulatedStorage(image), "/db") != nil
        }
        #expect(try isTaken { _ in })
        for page in [0, 1, 63, 64, 65, 128, 150] {
            let place = UInt64(page * pageByteCount + 11)
            let byte = try #require(whole.bytes(of: path))[Int(place)]
            #expect(try !isTaken { $0.overwrite(path, at: place, with: [byte ^ 1]) }, "page \(page)")
        }
        for change in [-pageByteCount, -1, 1, pageByteCount] {
            let size = UInt64((count + 1) * pageByteCount + change)
            #expect(try !isTaken { $0.resize(path, to: size) }, "\(change) bytes")
        }
    }

    @Test func `a power cut at any call leaves what the next upgrade ends`() throws {
        let image = Self.plant(0, in: try Self.database(closed: true)) { _ in true }
        var count = 0
        for operation in [SimulatedFault.Operation.create, .extend, .write, .sync, .syncDirectory, .entry] {
            var skip = 0
            var fired = true
            while fired {
                let storage = SimulatedStorage(image)
                storage.inject(
                    SimulatedFault(operation, skipping: skip, isPermanent: true, effect: .failure(errno: 5))
                )
                do throws(RedoubtError) { _ = try Self.upgrade(storage) } catch {}
                fired = storage.firedFaultCount > 0
                for cut in [PowerCut.none, .all, PowerCut(.mixed(UInt64(skip))), PowerCut(.seeded(UInt64(skip)))] {
                    let left = SimulatedStorage(storage.powerCut(cut).image, options: .judging)
                    _ = try Self.upgrade(left)
                    #expect(Self.features(left.image) == [0x20, 0x20, 0x20], "\(operation) \(skip) \(cut)")
                    try expectRows(left)
                    count += 1
                }
                skip += 1
            }
        }
        print("\(count) disks")
    }
}
