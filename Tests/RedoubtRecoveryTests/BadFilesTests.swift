import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: any bytes in any file give a typed error or a sound database, never a trap, a hang or foreign data.
/// Method: take a database (closed, and crashed), damage one file in many ways, open it.
@Suite struct BadFilesTests {
    private func database(closed: Bool) throws -> DiskImage {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage) { $0.redoLog.capacity = .mebibytes(2) }
        for name in ["a", "b"] {
            _ = try engine.createKeyspace(name)
            for number in 0..<60 { try engine.put(name, "key \(number)", [UInt8](repeating: 3, count: 500)) }
        }
        let crashed = storage.powerCut().image
        try engine.close()
        return closed ? storage.image : crashed
    }

    private func open(_ image: DiskImage) -> RedoubtError? {
        do {
            let engine = try EngineFixture.open(SimulatedStorage(image)) { $0.redoLog.capacity = .mebibytes(2) }
            _ = try? engine.content()
            _ = try? engine.check()
            try engine.close()
            return nil
        } catch {
            return error as? RedoubtError
        }
    }

    @Test func aMissingFileIsNamed() throws {
        let image = try database(closed: true)
        for path in image.paths where path.hasSuffix(".ibd") {
            var damaged = image
            damaged.remove(path)
            let error = open(damaged)
            #expect(error?.code == .missingFile, "\(path): \(String(describing: error))")
            #expect(error?.path == path)
        }
    }

    @Test func filesOfTwoDatabasesAreNotMixed() throws {
        let first = try database(closed: true)
        let second = try database(closed: true)
        var mixed = first
        let path = try #require(first.paths.first { $0.hasPrefix("/db/a-") })
        mixed.overwrite(path, at: 0, with: try #require(second.bytes(of: path)))
        #expect(open(mixed)?.code == .mixedFiles)
    }

    @Test func aFileThatWasCutShortIsNoticed() throws {
        var image = try database(closed: true)
        let path = try #require(image.paths.first { $0.hasPrefix("/db/a-") })
        image.resize(path, to: 16384 * 20)
        let error = open(image)
        #expect(error?.code == .corruptPage)
        #expect(error?.path == path)
    }

    @Test(arguments: [true, false])
    func randomBytesInAnyFileGiveTypedErrors(_ closed: Bool) throws {
        let image = try database(closed: closed)
        var random = SeededRandom(seed: closed ? 1 : 2)
        for path in image.paths where !path.hasSuffix(".lock") {
            let size = Int(image.size(of: path) ?? 0)
            guard size > 0 else { continue }
            for round in 0..<6 {
                var damaged = image
                let count = min(size, [1, 16, 512, 20_000][random.below(4)])
                let offset = random.below(3) == 0 ? 0 : random.below(max(1, size - count))
                damaged.overwrite(path, at: UInt64(offset), with: (0..<count).map { _ in UInt8(random.below(256)) })
                if round == 5 { damaged.resize(path, to: UInt64(random.below(size))) }
                _ = open(damaged)
            }
        }
    }

    @Test func aFileOfSomebodyElseIsRefusedNotRemoved() throws {
        var image = try database(closed: true)
        let text = Array("not a leftover of ours".utf8)
        let storage = SimulatedStorage(image)
        let file = try storage.open("/db/photos-7777.ibd", role: .data, creating: true, readOnly: false)
        try file.extend(to: 16384)
        try file.sync()
        try storage.syncDirectory("/db")
        file.close()
        image = storage.image
        // Zeros are what an interrupted creation leaves; anything else is not.
        #expect(open(image) == nil)
        image.overwrite("/db/photos-7777.ibd", at: 4096, with: text)
        let foreign = SimulatedStorage(image)
        #expect(throws: RedoubtError.self) { try EngineFixture.open(foreign) { $0.redoLog.capacity = .mebibytes(2) } }
        #expect(try foreign.exists("/db/photos-7777.ibd"))
    }

    @Test func redoWithoutItsCatalogIsKept() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage) { $0.redoLog.capacity = .mebibytes(2) }
        _ = try engine.createKeyspace("a")
        var image = storage.powerCut().image
        try engine.close()
        for path in image.paths where path.hasSuffix(".ibd") { image.remove(path) }
        let lost = SimulatedStorage(image)
        #expect(throws: RedoubtError.self) { try EngineFixture.open(lost) { $0.redoLog.capacity = .mebibytes(2) } }
        for path in image.paths where path.hasPrefix("/db/redo/") { #expect(try lost.exists(path), "\(path)") }
    }

    @Test("the redo of a closed database whose files are gone is no reason to make an empty one")
    func redoOfAClosedDatabaseIsKept() throws {
        var image = try database(closed: true)
        for path in image.paths where path.hasSuffix(".ibd") { image.remove(path) }
        let lost = SimulatedStorage(image)
        let error = #expect(throws: RedoubtError.self) {
            try EngineFixture.open(lost) { $0.redoLog.capacity = .mebibytes(2) }
        }
        #expect(error?.code == .missingFile)
        for path in image.paths where path.hasPrefix("/db/redo/") { #expect(try lost.exists(path), "\(path)") }
        #expect(try lost.list("/db").allSatisfy { !$0.hasSuffix(".ibd") })
    }

    @Test("damaged redo that was used is not removed to make an empty database", arguments: [true, false])
    func damagedRedoIsKept(_ closed: Bool) throws {
        var image = try database(closed: closed)
        for path in image.paths where path.hasSuffix(".ibd") { image.remove(path) }
        let redo = image.paths.filter { $0.hasPrefix("/db/redo/") }
        for path in redo { image.overwrite(path, at: 4096, with: [UInt8](repeating: 0, count: 8192)) }
        let lost = SimulatedStorage(image)
        #expect(throws: RedoubtError.self) { try EngineFixture.open(lost) { $0.redoLog.capacity = .mebibytes(2) } }
        for path in redo { #expect(lost.image.bytes(of: path) == image.bytes(of: path), "\(path)") }
    }

    @Test func redoOfSomebodyElseStaysWhereADatabaseIsMade() throws {
        let storage = SimulatedStorage()
        try storage.createDirectory("/db")
        try storage.createDirectory("/db/redo")
        let file = try storage.open("/db/redo/notes.txt", role: .data, creating: true, readOnly: false)
        file.close()
        try EngineFixture.open(storage).close()
        #expect(try storage.exists("/db/redo/notes.txt"))
    }

    @Test(arguments: [0, 2, 3, 4])
    func damageUnderARightChecksumIsAnErrorToo(_ number: Int) throws {
        let image = try database(closed: true)
        let path = try #require(image.paths.first { $0.hasPrefix("/db/a-") })
        let sound = try #require(image.bytes(of: path))
        let start = number * pageByteCount
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: pageByteCount + 64, alignment: 4096)
        defer { unsafe memory.deallocate() }
        var random = SeededRandom(seed: UInt64(number))
        for _ in 0..<12 {
            unsafe memory.copyBytes(from: sound[start..<start + pageByteCount])
            for _ in 0..<(1 + random.below(3)) {
                unsafe memory[38 + random.below(random.below(2) == 0 ? 200 : 16_300)] = UInt8(random.below(256))
            }
            unsafe PageSeal.seal(PageBytes(try #require(memory.baseAddress)))
            var damaged = image
            damaged.overwrite(path, at: UInt64(start), with: unsafe Array(memory[0..<pageByteCount]))
            let storage = SimulatedStorage(damaged)
            let opened = try? EngineFixture.open(storage) { $0.redoLog.capacity = .mebibytes(2) }
            guard let engine = opened else { continue }
            _ = try? engine.content()
            _ = try? engine.check()
            for row in 0..<60 { try? engine.put("a", "key \(row)x", [UInt8](repeating: 3, count: 700)) }
            for row in 0..<60 { try? engine.delete("a", "key \(row)") }
            try? engine.close()
        }
    }
}
