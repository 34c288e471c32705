import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: a torn page is put right from its copy, or made anew by redo, or named in an error; in every mode, and when
/// modes change between openings.
///
/// Method: rows are written and flushed without a checkpoint; on what a kill leaves, pages are torn by hand, chosen by
/// whether the recorded trace has a copy of them.
@Suite struct TornPageTests {
    private typealias Content = [String: [String: [UInt8]]]

    private func value(_ step: Int, _ count: Int) -> [UInt8] { [UInt8](repeating: UInt8(step & 255), count: count) }

    /// Overwrites all of page `id` from sector `first` on with what no page holds.
    private func tear(_ disk: SimulatedStorage, _ id: PageID, from first: Int) throws {
        let name = try #require(
            try disk.list(EngineFixture.path).first { DatabaseFiles.space(ofFile: $0) == id.space }
        )
        let path = DatabaseFiles.path(EngineFixture.path, name)
        let file = try disk.open(path, role: .data, creating: false, readOnly: false)
        let buffer = try AlignedBuffer(byteCount: pageByteCount)
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 0xEE)
        let part = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[(512 * first)...])
        try unsafe file.write(part, at: id.number.fileOffset + UInt64(512 * first))
        file.close()
    }

    /// The trace since the last sync of everything, and the disk that a kill leaves; `change` is what happens between.
    private func run(
        _ configure: @escaping (inout Configuration) -> Void = { _ in },
        _ change: (Engine) throws -> Void
    ) throws -> (disk: SimulatedStorage, writes: WriteTrace, content: Content) {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage, configure)
        _ = try engine.createKeyspace("first")
        _ = try engine.createKeyspace("second")
        for step in 0..<40 { try engine.put("first", "key \(step)", value(step, 3000)) }
        try engine.flushing.checkpointNow()
        let start = storage.trace.count
        try change(engine)
        try engine.flushing.flushAll()
        let writes = WriteTrace(storage.trace, from: start)
        #expect(writes.breaches == [])
        let content = try engine.content()
        let disk = storage.copy()
        try engine.close()
        #expect(FlushTrace(storage).breaches == [])
        return (disk, writes, content)
    }

    private func judge(
        _ disk: SimulatedStorage,
        _ content: Content,
        _ configure: (inout Configuration) -> Void = { _ in }
    ) throws {
        let engine = try EngineFixture.open(disk, configure)
        #expect(try engine.content() == content)
        #expect(try engine.check() == [])
        try engine.close()
    }

    @Test("Torn first writes are made anew by redo", arguments: [0, 1, 16, 31])
    func firstWrites(_ sector: Int) throws {
        let (disk, writes, content) = try run { engine in
            for step in 0..<30 { try engine.put("second", "key \(step)", value(step, 9000)) }
        }
        #expect(writes.unprotected.count > 10 && writes.unprotected.count < writes.pageCount)
        for page in writes.unprotected { try tear(disk, page, from: sector) }
        try judge(disk, content)
    }

    @Test("Torn pages that were freed or used anew need none of their older lives, in more redo than memory")
    func secondLives() throws {
        let configure: (inout Configuration) -> Void = { configuration in
            configuration.redoLog.capacity = .mebibytes(16)
            configuration.redoLog.fileCount = 8
        }
        var space = SpaceID.catalog
        let (disk, writes, content) = try run(configure) { engine in
            space = try engine.keyspace("first").id
            for step in 0..<40 { try engine.put("first", "key \(step)", value(step + 1, 3000)) }
            // Few pages, so that no older life is written meanwhile and leaves a copy.
            for step in 0..<100 { try engine.put("second", "large \(step % 8)", value(step, 40_000)) }
            for step in 0..<40 { try engine.delete("first", "key \(step)") }
        }
        #expect(Set(writes.unprotected.filter { $0.space == space }).count > 3, "pages of rows that are gone")
        for page in Set(writes.unprotected) { try tear(disk, page, from: 2) }
        try judge(disk, content, configure)
    }

    @Test("A torn page with a copy is put right, in whatever mode the database is opened next")
    func copies() throws {
        for mode in Configuration.Doublewrite.allCases {
            let (disk, writes, content) = try run { engine in
                for step in 0..<40 { try engine.put("first", "key \(step)", value(step + 1, 3000)) }
            }
            #expect(writes.unprotected == [] && writes.pageCount > 5)
            try tear(disk, try leaf(disk), from: 3)
            try judge(disk, content) { $0.flushing.doublewrite = mode }
            // The mode before must leave nothing that a later opening falls for.
            try judge(disk, content)
        }
    }

    @Test("Detection only: a torn page is named at opening, a torn first write is made anew")
    func detectOnly() throws {
        let mode: (inout Configuration) -> Void = { $0.flushing.doublewrite = .detectOnly }
        let (disk, _, content) = try run(mode) { engine in
            for step in 0..<40 { try engine.put("first", "key \(step)", value(step + 1, 3000)) }
        }
        try judge(disk.copy(), content, mode)
        let page = try leaf(disk)
        try tear(disk, page, from: 3)
        for configure in [mode, { _ in }] {
            #expect {
                _ = try EngineFixture.open(disk.copy(), configure)
            } throws: { error in
                guard let error = error as? RedoubtError else { return false }
                return error.code == .corruptPage && error.page == page && error.message.contains("torn by a power cut")
            }
        }
    }

    @Test("The mode changes from batch to batch: each torn page is put right, or named", arguments: [true, false])
    func changingModes(endsWithCopies: Bool) throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        var last = 0
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        _ = try engine.createKeyspace("first")
        for step in 0..<40 { try engine.put("first", "key \(step)", value(step, 3000)) }
        try engine.flushing.checkpointNow()
        let rounds = 8
        for round in 1...rounds {
            let hasCopies = round == rounds ? endsWithCopies : random.below(2) == 0
            try engine.change { $0.flushing.doublewrite = hasCopies ? .on : .detectOnly }
            for _ in 0..<10 { try engine.put("first", "key \(random.below(40))", value(round, 3000)) }
            last = storage.trace.count
            try engine.flushing.flushAll()
        }
        let content = try engine.content()
        let writes = WriteTrace(storage.trace, from: last)
        let disk = storage.copy()
        try engine.close()
        #expect(FlushTrace(storage).breaches == [])
        #expect(writes.pages.count > 3 && (writes.unprotected.isEmpty == endsWithCopies), "seed \(seed)")
        for page in writes.pages {
            let torn = disk.copy()
            try tear(torn, page, from: 5)
            do {
                try judge(torn, content)
            } catch let error as RedoubtError {
                // An older copy will do as well, as long as the redo behind it is there.
                #expect(!endsWithCopies && error.code == .corruptPage && error.page == page, "seed \(seed): \(error)")
            }
        }
    }

    @Test("Pages that a killed process wrote and nobody synced are durable before the next checkpoint")
    func unsyncedPagesOfAKilledProcess() throws {
        for mode in Configuration.Doublewrite.allCases {
            let configure: (inout Configuration) -> Void = { $0.flushing.doublewrite = mode }
            let storage = SimulatedStorage()
            let engine = try EngineFixture.open(storage, configure)
            _ = try engine.createKeyspace("first")
            for step in 0..<40 { try engine.put("first", "key \(step)", value(step, 3000)) }
            try engine.flushing.checkpointNow()
            for step in 0..<40 { try engine.put("first", "key \(step)", value(step + 1, 3000)) }
            try engine.flushing.flushAll()
            let content = try engine.content()
            let disk = storage.killed()
            try engine.close()
            let next = try EngineFixture.open(disk, configure)
            // Recovery found every page as the redo leaves it, so nothing is dirty.
            try next.flushing.checkpointNow()
            let after = disk.powerCut(.none)
            try next.close()
            try judge(after, content, configure)
        }
    }

    /// The first leaf of the keyspace "first" that is not its root.
    private func leaf(_ disk: SimulatedStorage) throws -> PageID {
        let engine = try EngineFixture.open(disk.copy())
        defer { try? engine.close() }
        let space = try engine.keyspace("first").id
        for number: UInt32 in 4..<64 {
            let id = PageID(space: space, number: PageNumber(rawValue: number))
            guard let frame = try? engine.kernel.pool.fetchShared(id) else { continue }
            defer { frame.unlockShared() }
            if frame.bytes.type == .index { return id }
        }
        throw RedoubtError(.notFound, "no leaf")
    }
}
