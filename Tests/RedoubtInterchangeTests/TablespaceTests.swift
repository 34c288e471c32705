import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: what the writer writes the reader reads, whatever the sizes. Method: drawn rows, trees of one to four levels,
/// and more than one page of descriptors; the file's own fields are looked at beside it.
@Suite(.timeLimit(.minutes(20))) struct TablespaceTests {
    @Test(arguments: [0, 1, 2, 60, 700]) func `rows come back as they were written`(count: Int) throws {
        let rows = SpecimenRows.drawn(count, seed: testSeed())
        let file = try ForeignFile(rows)
        #expect(try file.rows() == rows)
        #expect(file.number(0, 46, 4) == file.pageCount && file.pageCount % 64 == 0)
    }

    @Test func `a tree of four levels has well formed nodes`() throws {
        let rows = SpecimenRows.high(1500)
        let file = try ForeignFile(rows)
        #expect(file.number(3, 64, 2) == 3, "the root stands on level 3")
        #expect(try file.rows() == rows)
        let faults = (3..<file.pageCount).filter { file.number($0, 24, 2) == 17855 }.flatMap { page in
            findings(of: file, page)
        }
        #expect(faults == [])
    }

    @Test func `lists and bitmaps agree with the pages that are used`() throws {
        let file = try ForeignFile(SpecimenRows.drawn(3000, seed: testSeed(), longEvery: 10))
        var used = 0
        for extent in 0..<file.pageCount / 64 {
            for page in 0..<64 {
                let bits = file.number(0, 150 + 40 * extent + 24 + page / 4, 1) >> (2 * (page % 4)) & 3
                let isWritten = file.number(extent * 64 + page, 24, 2) != 0
                #expect(bits == (isWritten ? 2 : 3), "page \(extent * 64 + page)")
                used += isWritten ? 1 : 0
            }
        }
        let lengths =
            [78, 94].map { file.number(0, $0, 4) }
            + [50, 242].flatMap { inode in
                [28, 44].map { file.number(2, inode + $0, 4) }
            }
        #expect(lengths.reduce(0, +) == file.pageCount / 64, "every extent is in one list")
        #expect(used > 500)
    }

    @Test func `a file beyond 16384 pages has a second page of descriptors`() throws {
        let file = MemoryFile()
        let writer = try TablespaceWriter(file, space: SpaceID(rawValue: 5))
        let value = [UInt8](repeating: 1, count: 16330 * 100)
        for number in 0..<170 {
            try writer.add(Row(key: [UInt8(number)], value: value))
        }
        let pageCount = try writer.finish()
        #expect(pageCount > 16384 + 64 && pageCount % 64 == 0)
        var foreign = try ForeignFile([])
        foreign.bytes = file.bytes
        #expect(foreign.number(16384, 24, 2) == 9 && foreign.number(16385, 24, 2) == 5)
        #expect(try TablespaceReader(file).rowCount == 170)
    }

    @Test func `keys that do not ascend are refused`() throws {
        let rows = [Row(key: [2], value: []), Row(key: [1], value: [])]
        #expect(code { _ = try ForeignFile(rows) } == .corruptPage)
    }

    private func findings(of file: ForeignFile, _ page: Int) -> [String] {
        var bytes = Array(file.bytes[page * 16384..<(page + 1) * 16384]) + [UInt8](repeating: 0, count: 16)
        return unsafe bytes.withUnsafeMutableBytes { memory in
            let view = unsafe IndexPage(PageBytes(memory.baseAddress.unsafelyUnwrapped))
            let id = PageID(space: SpaceID(rawValue: 77), number: PageNumber(rawValue: UInt32(page)))
            return IndexPageCheck.findings(view, id: id).map { "\($0)" }
        }
    }
}
