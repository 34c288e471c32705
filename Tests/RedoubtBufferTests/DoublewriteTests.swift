import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: a page torn anywhere is put right, and nothing else is touched.
///
/// Method: hand-made batches; a tear at every sector; foreign and torn headers.
@Suite struct DoublewriteTests {
    private let storage = SimulatedStorage()
    private let files = PageFileTable()
    private let database = DatabaseID(high: 1, low: 2)
    private let space: any StorageFile

    init() throws {
        try storage.createDirectory("db/doublewrite")
        space = try storage.open("db/space.ibd", role: .data, creating: true, readOnly: false)
        try space.extendByWriting(to: UInt64(8 * pageByteCount))
        files.register(SpaceID(rawValue: 7), file: space, pageCount: 8)
    }

    /// Writes a batch of the pages `numbers`, whose bodies are `fill`.
    private func writeBatch(
        _ numbers: [UInt32],
        lsn: UInt64,
        fill: UInt8,
        database: DatabaseID? = nil,
        name: String = "dw_0",
        start: Int = 0,
        content: DoublewriteBatch.Content = .images
    ) throws {
        let path = "db/doublewrite/" + name
        let isNew = try !storage.exists(path)
        let file = try storage.open(path, role: .doublewrite, creating: isNew, readOnly: false)
        var batch = DoublewriteBatch(database: database ?? self.database, sequence: 1, content: content)
        for (index, number) in numbers.enumerated() {
            try unsafe withPage { bytes, memory in
                makePage(bytes, page(number), lsn: lsn, fill: fill)
                batch.entries.append(
                    DoublewriteBatch.Entry(
                        page: page(number),
                        lsn: LogSequenceNumber(rawValue: lsn),
                        checksum: unsafe Checksum.crc32c(bytes.all)
                    )
                )
                if content == .names { return }
                let place = UInt64((start + index + 1) * pageByteCount)
                try unsafe file.write(UnsafeRawBufferPointer(memory), at: place)
            }
        }
        try unsafe withPage { bytes, memory in
            batch.encode(into: bytes)
            #expect(DoublewriteBatch.decode(bytes) == batch)
            try unsafe file.write(UnsafeRawBufferPointer(memory), at: UInt64(start * pageByteCount))
        }
    }

    private func writePage(_ number: UInt32, lsn: UInt64, fill: UInt8, count: Int = 16384) throws {
        try unsafe withPage { bytes, memory in
            makePage(bytes, page(number), lsn: lsn, fill: fill)
            let part = unsafe UnsafeRawBufferPointer(rebasing: memory[..<count])
            try unsafe space.write(part, at: page(number).number.fileOffset)
        }
    }

    /// The LSN and a byte of the body of a page, nil if it is damaged.
    private func readPage(_ number: UInt32) throws -> (lsn: UInt64, fill: UInt8)? {
        try unsafe withPage { bytes, memory in
            _ = try unsafe space.read(into: memory, at: page(number).number.fileOffset)
            if PageSeal.fault(bytes, expected: page(number)) != nil { return nil }
            return (bytes.lsn.rawValue, bytes.u8(at: 5000))
        }
    }

    private func repair(checkpoint: UInt64 = 8192) throws -> DoublewriteRecovery.Outcome {
        try DoublewriteRecovery.repair(
            storage: storage,
            directory: "db",
            database: database,
            checkpoint: LogSequenceNumber(rawValue: checkpoint),
            files: files
        )
    }

    @Test("A page torn at any sector is restored to the copy")
    func tornPages() throws {
        try writeBatch([3], lsn: 9000, fill: 2)
        for sector in 1..<32 {
            try writePage(3, lsn: 8500, fill: 1)
            try writePage(3, lsn: 9000, fill: 2, count: sector * 512)
            let outcome = try repair()
            let found = try #require(try readPage(3))
            #expect(found.lsn == 9000 && found.fill == 2, "torn after sector \(sector)")
            #expect(outcome.repairedCount == 1 && outcome.unrepaired.isEmpty)
        }
    }

    /// The bytes of page `number` as `lsn` leaves them: two bodies differ in sector 4 only.
    private func image(_ number: UInt32, lsn: UInt64, sector: UInt8) throws -> [UInt8] {
        try unsafe withPage { bytes, memory in
            makePage(bytes, page(number), lsn: lsn, fill: 1)
            bytes.fill(at: 4 * PageSectors.byteCount, count: PageSectors.byteCount, with: sector)
            PageSeal.seal(bytes)
            return unsafe Array(memory)
        }
    }

    /// Writes `parts` one after the other, each at a multiple of 512 bytes.
    private func write(_ parts: [ArraySlice<UInt8>], to file: any StorageFile, at offset: UInt64) throws {
        let buffer = try AlignedBuffer(byteCount: 4 * pageByteCount)
        let all = Array(parts.joined())
        unsafe buffer.bytes.copyBytes(from: all)
        try unsafe file.write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<all.count]), at: offset)
    }

    @Test("The sectors of a copy make any tear of theirs whole, and no page that is damaged elsewhere")
    func sectors() throws {
        let changed = PageSectors(bits: 0x8000_0011)
        let before = try image(3, lsn: 8500, sector: 5)
        let after = try image(3, lsn: 9000, sector: 6)
        let other = try image(2, lsn: 9000, sector: 6)
        func sector(_ page: [UInt8], _ index: Int) -> ArraySlice<UInt8> { page[512 * index..<512 * (index + 1)] }
        var batch = DoublewriteBatch(database: database, sequence: 1, content: .sectors)
        for (number, image, sectors) in [(UInt32(2), other, PageSectors.ends), (3, after, changed)] {
            let sum = unsafe image.withUnsafeBytes { unsafe Checksum.crc32c($0) }
            let lsn = LogSequenceNumber(rawValue: 9000)
            batch.entries.append(.init(page: page(number), lsn: lsn, checksum: sum, sectors: sectors))
        }
        #expect(batch.contentByteCount == 5 * 512 && batch.pageCount == 2)
        let file = try storage.open("db/doublewrite/dw_0", role: .doublewrite, creating: true, readOnly: false)
        try unsafe withPage { bytes, memory in
            batch.encode(into: bytes)
            #expect(DoublewriteBatch.decode(bytes) == batch)
            try unsafe file.write(UnsafeRawBufferPointer(memory), at: 0)
            // A version that knows no sectors.
            bytes.store(UInt32(2), at: 8)
            #expect(DoublewriteBatch.decode(bytes) == nil)
        }
        // A transfer is of whole blocks, so the file goes on behind the last sector.
        try file.extendByWriting(to: UInt64(2 * pageByteCount))
        let saved = [sector(other, 0), sector(other, 31), sector(after, 0), sector(after, 4), sector(after, 31)]
        try write(saved, to: file, at: UInt64(pageByteCount))
        try write([other[...]], to: space, at: page(2).number.fileOffset)
        for choice in 0..<8 {
            var torn = before
            for (bit, index) in [0, 4, 31].enumerated() where choice >> bit & 1 == 1 {
                torn.replaceSubrange(512 * index..<512 * (index + 1), with: sector(after, index))
            }
            try write([torn[...]], to: space, at: page(3).number.fileOffset)
            let outcome = try repair()
            let isWhole = choice == 0 || choice == 7
            #expect(outcome.repairedCount == (isWhole ? 0 : 1) && outcome.unrepaired.isEmpty, "choice \(choice)")
            #expect(try readPage(3)?.lsn == (choice == 0 ? 8500 : 9000), "choice \(choice)")
        }
        var damaged = before
        damaged[512 * 9 + 7] ^= 1
        try write([damaged[...]], to: space, at: page(3).number.fileOffset)
        let outcome = try repair()
        #expect(outcome.repairedCount == 0 && outcome.unrepaired == [page(3)])
    }

    @Test("Whole pages, older or newer than the copy, stay as they are")
    func wholePages() throws {
        try writeBatch([1, 2, 3], lsn: 9000, fill: 2)
        try writePage(1, lsn: 8500, fill: 1)
        try writePage(2, lsn: 9000, fill: 2)
        try writePage(3, lsn: 9500, fill: 3)
        let outcome = try repair()
        #expect(outcome == .init(segmentCount: 1, examinedCount: 3, repairedCount: 0))
        #expect(try readPage(1)?.fill == 1)
        #expect(try readPage(3)?.fill == 3)
    }

    @Test("A page that is zero or beyond the end of the file is restored")
    func missingPages() throws {
        try writeBatch([5, 8], lsn: 9000, fill: 4)
        let outcome = try repair()
        #expect(outcome.repairedCount == 2)
        #expect(try readPage(5)?.fill == 4)
        #expect(try readPage(8)?.fill == 4)
        #expect(files.file(SpaceID(rawValue: 7))?.needsSync == false)
    }

    @Test("Of several copies, in whatever file and segment, the newest whole one counts")
    func severalCopies() throws {
        try writeBatch([3, 4], lsn: 9000, fill: 1, start: 70)
        try writeBatch([5, 3], lsn: 9200, fill: 2, name: "dw_1", start: 3)
        try writeBatch([3, 4], lsn: 9400, fill: 3, start: 2)
        for number: UInt32 in 3...5 { try writePage(number, lsn: 9600, fill: 9, count: 512) }
        #expect(try repair().segmentCount == 3)
        #expect(try readPage(3)?.fill == 3)
        #expect(try readPage(4)?.fill == 3)
        #expect(try readPage(5)?.fill == 2)
        // The newest copy of page 3 is torn: its data page was never written after it.
        let file = try storage.open("db/doublewrite/dw_0", role: .doublewrite, creating: false, readOnly: false)
        try unsafe withPage { _, memory in
            let sector = unsafe UnsafeRawBufferPointer(rebasing: memory[..<512])
            try unsafe file.write(sector, at: UInt64(3 * pageByteCount + 8192))
        }
        for number: UInt32 in 3...4 { try writePage(number, lsn: 9600, fill: 9, count: 512) }
        #expect(try repair().unrepaired.isEmpty)
        #expect(try readPage(3)?.fill == 2)
        #expect(try readPage(4)?.fill == 3)
    }

    @Test("A copy that the checkpoint has passed is not put over a damaged page")
    func staleCopies() throws {
        try writeBatch([3], lsn: 9000, fill: 2)
        try writePage(3, lsn: 9900, fill: 3, count: 512)
        #expect(try repair(checkpoint: 9000) == .init(segmentCount: 1))
        #expect(try readPage(3) == nil)
        #expect(try repair(checkpoint: 8999).repairedCount == 1)
    }

    @Test("A torn page that is only named is reported, a whole one is not")
    func names() throws {
        try writeBatch([3, 4], lsn: 9000, fill: 2, content: .names)
        try writePage(3, lsn: 9000, fill: 2, count: 512)
        try writePage(4, lsn: 9000, fill: 2)
        let outcome = try repair()
        #expect(outcome.unrepaired == [page(3)] && outcome.repairedCount == 0)
    }

    @Test("Torn, foreign and empty batches are ignored")
    func ignoredBatches() throws {
        try writePage(3, lsn: 9000, fill: 2, count: 512)
        try writeBatch([3], lsn: 9000, fill: 2, database: DatabaseID(high: 9, low: 9))
        #expect(try repair().segmentCount == 0)
        try writeBatch([3], lsn: 9000, fill: 2)
        let file = try storage.open("db/doublewrite/dw_0", role: .doublewrite, creating: false, readOnly: false)
        try unsafe withPage { bytes, memory in
            bytes.fill(at: 0, count: pageByteCount)
            let sector = unsafe UnsafeRawBufferPointer(rebasing: memory[..<512])
            try unsafe file.write(sector, at: 512 * 31)
        }
        #expect(try repair().segmentCount == 0)
        try file.truncate(to: 512)
        #expect(try repair().segmentCount == 0)
        try storage.remove("db/doublewrite/dw_0")
        #expect(try repair().segmentCount == 0)
    }

    @Test("A torn copy of a torn page is counted, and the page left for its reader")
    func tornCopy() throws {
        try writeBatch([3], lsn: 9000, fill: 2)
        try writePage(3, lsn: 9000, fill: 2, count: 512)
        let file = try storage.open("db/doublewrite/dw_0", role: .doublewrite, creating: false, readOnly: false)
        try unsafe withPage { _, memory in
            let sector = unsafe UnsafeRawBufferPointer(rebasing: memory[..<512])
            try unsafe file.write(sector, at: UInt64(pageByteCount + 4096))
        }
        let outcome = try repair()
        #expect(outcome.unrepaired == [page(3)] && outcome.repairedCount == 0)
        #expect(try readPage(3) == nil)
    }

    @Test("Every flipped bit of a header makes the batch invisible")
    func headerBits() throws {
        let batch = DoublewriteBatch(
            database: database,
            sequence: 4,
            entries: [.init(page: page(3), lsn: LogSequenceNumber(rawValue: 77), checksum: 5)]
        )
        try unsafe withPage { bytes, _ in
            for offset in [0, 8, 12, 16, 31, 32, 43, 64, 80, 100, 8000, 16379, 16380, 16383] {
                batch.encode(into: bytes)
                bytes.store(bytes.u8(at: offset) ^ 0x10, at: offset)
                #expect(DoublewriteBatch.decode(bytes) == nil, "byte \(offset)")
            }
        }
    }

    @Test("A batch that names no page number at all traps nobody")
    func noPageNumber() throws {
        try writeBatch([.max], lsn: 9000, fill: 2)
        #expect(try repair().examinedCount == 0)
    }

    @Test("Files of writers that are no more are read by the repair, and removed by number")
    func leftoverFiles() throws {
        for number in [0, 2, 11] { try writeBatch([3], lsn: 9000, fill: 2, name: "dw_\(number)") }
        try writePage(3, lsn: 9000, fill: 2, count: 512)
        #expect(try repair().segmentCount == 3)
        try DoublewriteFile.removeAll(storage: storage, directory: "db", from: 2)
        #expect(try DoublewriteFile.paths(storage: storage, directory: "db") == ["db/doublewrite/dw_0"])
    }

    @Test("A file whose making was cut short is there after a power cut, once it was made", arguments: [true, false])
    func interruptedMaking(isDiskFull: Bool) throws {
        let fault =
            isDiskFull
            ? SimulatedFault(.extend, role: .doublewrite, effect: .failure(errno: SimulatedFault.noSpace))
            : SimulatedFault(.syncDirectory)
        let disk = SimulatedStorage()
        try disk.createDirectory("db")
        try disk.syncDirectory("")
        disk.inject(fault)
        #expect(throws: RedoubtError.self) {
            _ = try DoublewriteFile(storage: disk, directory: "db", number: 0, pageCount: 8)
        }
        try DoublewriteFile(storage: disk, directory: "db", number: 0, pageCount: 8).close()
        #expect(try disk.powerCut().exists("db/doublewrite/dw_0"))
    }

    @Test("Opening without doublewrite removes the copies, which would soon be stale")
    func switchedOff() throws {
        try writeBatch([3], lsn: 9000, fill: 2)
        try DoublewriteFile.removeAll(storage: storage, directory: "db")
        try writePage(3, lsn: 9500, fill: 3, count: 512)
        #expect(try repair().segmentCount == 0)
        try DoublewriteFile.removeAll(storage: storage, directory: "elsewhere")
    }
}
