import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import TestSupport
import Testing

@testable import RedoubtFuzz

/// Goal: the judges of the fuzz targets would notice. Method: answers that are wrong, and damage that is mended.
@Suite struct JudgeTests {
    private func patches(_ database: BuiltInDatabase, _ input: [UInt8], _ mends: Patches.Mends) -> Patches {
        var patches = Patches(database, database.files, reach: .files, mends: mends)
        var feed = ByteFeed(input)
        patches.apply(&feed)
        return patches
    }

    private func answer(_ hash: UInt64) -> FuzzWorld.Answer {
        FuzzWorld.Answer(error: nil, contentHash: hash, findings: [])
    }

    @Test("a clean answer with other content is a finding, an error is none")
    func content() throws {
        let database = BuiltInDatabase.closed
        let patched = patches(database, [], .never)
        #expect(throws: FuzzFinding.self) { try patched.judge(answer(1), of: database) }
        let right = FuzzWorld.answer(database.disk)
        try patched.judge(right, of: database)
        var refused = answer(1)
        refused.error = RedoubtError(.corruptPage, "a page")
        try patched.judge(refused, of: database)
        var found = answer(1)
        found.findings = ["something"]
        try patched.judge(found, of: database)
    }

    @Test("only the end of a log that was not closed may be lost, and only where the log was damaged")
    func tail() throws {
        for (database, isAllowed) in [(BuiltInDatabase.closed, false), (.killed, true)] {
            let redo = try #require(database.files.firstIndex { $0.isRedo })
            let data = try #require(database.files.firstIndex { $0.isData })
            let cutShort = answer(database.model.hashes[database.model.commitCount - 1])
            let damagedLog = patches(database, [0, UInt8(redo), 0, 200, 50, 0, 9], .never)
            #expect(damagedLog.touchesRedo)
            if isAllowed {
                try damagedLog.judge(cutShort, of: database)
            } else {
                #expect(throws: FuzzFinding.self) { try damagedLog.judge(cutShort, of: database) }
            }
            let before = answer(database.model.hashes[database.checkpointedCount - 1])
            #expect(throws: FuzzFinding.self) { try damagedLog.judge(before, of: database) }
            let damagedPage = patches(database, [0, UInt8(data), 3, 200, 10, 0, 9], .never)
            #expect(throws: FuzzFinding.self) { try damagedPage.judge(cutShort, of: database) }
        }
    }

    @Test("a change that has a say in its checksum is no finding, whatever comes of it")
    func forged() throws {
        let database = BuiltInDatabase.closed
        let data = try #require(database.files.firstIndex { $0.isData })
        let mended = patches(database, [16, UInt8(data), 3, 200, 10, 0, 9], .asked)
        #expect(mended.isForged)
        try mended.judge(answer(1), of: database)
        let written = patches(database, [0, UInt8(data), 3, 1, 0, 0, 9], .never)
        #expect(written.isForged)
        let plain = patches(database, [0, UInt8(data), 3, 200, 10, 0, 9], .asked)
        #expect(!plain.isForged)
    }

    @Test("what is mended is believed, what is not mended is refused")
    func mending() throws {
        let database = BuiltInDatabase.closed
        let path = try #require(database.files.first { $0.path.contains("/a-") }?.path)
        let number = try #require(UInt32(path.dropFirst("/db/a-".count).dropLast(".ibd".count)))
        for page in [0, 3] {
            let start = page * pageByteCount
            var bytes = Array(try #require(database.disk.bytes(of: path))[start..<start + pageByteCount])
            let id = PageID(space: SpaceID(rawValue: number), number: PageNumber(rawValue: UInt32(page)))
            #expect(PageTrial(bytes, id: id).fault == nil)
            bytes[13_000] ^= 1
            #expect(PageTrial(bytes, id: id).fault != nil)
            Mending.page(&bytes)
            #expect(PageTrial(bytes, id: id).fault == nil)
        }
    }

    @Test("the torn database is repaired from its copies, and not without them")
    func copies() {
        let database = BuiltInDatabase.torn
        var disk = database.disk
        for file in database.files where file.isDoublewrite { disk.resize(file.path, to: 0) }
        #expect(FuzzWorld.answer(disk).error != nil)
    }
}
