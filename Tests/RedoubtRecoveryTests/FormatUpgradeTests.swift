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
