import Foundation
import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: files as servers write them are read, and what cannot be read is named. Method: a file of the writer is turned
/// into each form byte by byte, and sealed as that form wants it.
@Suite(.timeLimit(.minutes(20))) struct ForeignFormTests {
    private let rows = SpecimenRows.drawn(60, seed: 3, keyMaximum: 200)
    private let few = (0..<30).map { Row(key: [UInt8($0), 1], value: [UInt8](repeating: UInt8($0), count: $0)) }

    @Test func `pages with one checksum over all are read`() throws {
        var file = try ForeignFile(rows)
        file.store(0x15, 4, 0, 54)
        for page in 0..<file.pageCount { file.store(0, 4, page, 0) }
        file.sealAll()
        #expect(try file.rows() == rows)
        file.bytes[3 * 16384 + 30] ^= 1
        #expect(file.fault()?.code == .corruptPage)
    }

    @Test func `a sound page of a file with one checksum over all was shown as damaged`() throws {
        var file = try ForeignFile(rows)
        file.store(0x15, 4, 0, 54)
        for page in 0..<file.pageCount { file.store(0, 4, page, 0) }
        file.sealAll()
        let path = NSTemporaryDirectory() + "redoubt-foreign.\(UUID().uuidString).ibd"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let storage = LinuxStorage(directIO: false, asyncIO: false)
        for flipped in [nil, 3 * 16384 + 30] {
            if let flipped { file.bytes[flipped] ^= 1 }
            try Data(file.bytes).write(to: URL(fileURLWithPath: path))
            let view = try PageFileView(storage: storage, path: path)
            #expect(try view.page(0).fault == nil)
            let fault = try view.page(3).fault
            #expect((fault?.contains("checksum") == true) == (flipped != nil), "\(fault ?? "no fault")")
            #expect(try (view.summary(3).fault == nil) == (flipped == nil))
        }
    }

    @Test func `a table of MySQL with its dictionary and its large values is read`() throws {
        let value = (0..<15_680 + 16_327 + 5000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        var file = try ForeignFile([Row(key: [1], value: value), Row(key: [2], value: [3])])
        Self.makeMySQL(&file, value)
        #expect(try file.rows() == [Row(key: [1], value: value), Row(key: [2], value: [3])])
        file.store(21, 4, 23, 100 + 48)
        file.seal(23)
        #expect(file.fault()?.code == .corruptPage, "a page of a value that comes twice")
    }

    /// Moves the root to page 4 and the value to LOB pages 20 to 22, the last of which index page 23 names.
    static func makeMySQL(_ file: inout ForeignFile, _ value: [UInt8]) {
        for page in [4, 5, 6] { file.bytes.replaceSubrange(page * 16384..<(page + 1) * 16384, with: zeros) }
        file.store(0x4021, 4, 0, 54)
        file.move(3, to: 4)
        for (page, type) in [(3, 17853), (20, 24), (21, 23), (22, 23), (23, 22)] {
            file.store(page, 4, page, 4)
            file.store(77, 4, page, 34)
            file.store(type, 2, page, 24)
        }
        let parts = [(20, 696, 0..<15_680), (21, 49, 15_680..<32_007), (22, 49, 32_007..<37_007)]
        for (page, offset, range) in parts {
            file.bytes.replaceSubrange(page * 16384 + offset..<page * 16384 + offset + range.count, with: value[range])
            file.store(range.count, 4, page, page == 20 ? 54 : 39)
        }
        let entries = [(20, 96, 20), (20, 156, 21), (23, 100, 22)]
        file.store(20, 4, 20, 68)
        file.store(96, 2, 20, 72)
        for (index, entry) in entries.enumerated() {
            let next = index + 1 < entries.count ? entries[index + 1] : (0xFFFF_FFFF, 0, 0)
            file.store(next.0, 4, entry.0, entry.1 + 6)
            file.store(next.1, 2, entry.0, entry.1 + 10)
            file.store(entry.2, 4, entry.0, entry.1 + 48)
        }
        let reference = file.origins(4)[0] + 1 + 13
        file.store(20, 4, 4, reference + 4)
        file.store(1, 4, 4, reference + 8)
        file.sealAll()
    }

    private static let zeros = [UInt8](repeating: 0, count: 16384)

    @Test func `a server's new table of four pages is read`() throws {
        var file = try ForeignFile(few)
        file.bytes.removeLast(60 * 16384)
        file.store(4, 4, 0, 46)
        file.seal(0)
        #expect(try file.rows() == few)
        file.store(0, 2, 3, 54)
        file.store(120, 2, 3, 40)
        file.store(13, 2, 3, 97)
        file.seal(3)
        #expect(try file.rows() == [])
    }

    @Test func `rows that were deleted and not purged are passed over`() throws {
        var file = try ForeignFile(few)
        for index in [0, 7, 29] { file.bytes[3 * 16384 + file.origins(3)[index] - 5] |= 0x20 }
        file.seal(3)
        #expect(try file.rows() == few.enumerated().filter { ![0, 7, 29].contains($0.offset) }.map(\.element))
        #expect(try TablespaceReader(MemoryFile(file.bytes)).deletedCount == 3)
    }

    @Test func `a table that was altered at once is refused, with what to do`() throws {
        let file = try ForeignFile(few)
        let origin = 3 * 16384 + file.origins(3)[0]
        for (offset, byte) in [(3 * 16384 + 25, UInt8(18)), (origin - 5, 0x40), (origin - 5, 0x80), (origin - 3, 20)] {
            var altered = file
            altered.bytes[offset] = byte
            if offset == 3 * 16384 + 25 { altered.bytes[offset - 1] = 0 }
            altered.seal(3)
            let fault = try #require(altered.fault())
            #expect(fault.code == .unsupportedFormat && fault.message.contains("FORCE"), "\(fault)")
        }
    }

    @Test func `other forms of files are refused by name`() throws {
        let file = try ForeignFile(few)
        let forms = [
            (0x21 | 0xA, "COMPRESSED"), (0x21 | 3 << 6, "another size"), (0x35, "compressed"), (0x13, "another size"),
            (0x2021, "encrypted"), (0, "COMPACT"), (0x10021, "0x10021"),
        ]
        for (flags, word) in forms {
            var other = file
            other.store(flags, 4, 0, 54)
            other.sealAll()
            let fault = try #require(other.fault())
            #expect(fault.code == .unsupportedFormat && fault.message.contains(word), "\(fault)")
        }
        var cut = file
        cut.bytes.removeLast(16384)
        #expect(cut.fault()?.code == .corruptPage)
        for bytes in [[], [UInt8](repeating: 0, count: 16384), Array("not a tablespace".utf8)] {
            var none = file
            none.bytes = bytes
            #expect(none.fault()?.code == .notADatabase)
        }
    }

    @Test func `encrypted pages and old checksums are called so`() throws {
        var whole = try ForeignFile(few)
        whole.store(0x15, 4, 0, 54)
        for page in 0..<whole.pageCount { whole.store(0, 4, page, 0) }
        whole.store(1, 4, 3, 26)
        whole.sealAll()
        #expect(whole.fault()?.code == .unsupportedFormat && whole.fault()?.message.contains("encrypted") == true)
        var halves = try ForeignFile(few)
        halves.store(1, 4, 3, 26)
        halves.bytes[3 * 16384 + 200] ^= 1
        #expect(halves.fault()?.code == .unsupportedFormat && halves.fault()?.message.contains("encrypted") == true)
        var none = try ForeignFile(few)
        var legacy = none
        for page in 0..<4 {
            for offset in [0, 16376] {
                none.store(0xDEAD_BEEF, 4, page, offset)
                legacy.store(1_000_000 + page + offset, 4, page, offset)
            }
        }
        for file in [none, legacy] {
            let fault = try #require(file.fault())
            #expect(fault.code == .unsupportedFormat && fault.message.contains("innodb_checksum_algorithm"), "\(fault)")
        }
        // One page of another kind is damage.
        legacy.bytes = try ForeignFile(few).bytes
        legacy.store(7, 4, 0, 0)
        #expect(legacy.fault()?.code == .corruptPage)
    }

    @Test func `a table of other columns is noticed without its definition`() throws {
        // As if each row had an INT besides key and value: four more bytes than the lengths say.
        var file = try ForeignFile(few)
        file.store(file.number(3, 40, 2) + 4 * few.count, 2, 3, 40)
        file.seal(3)
        let fault = try #require(file.fault())
        #expect(fault.code == .unsupportedFormat && fault.message.contains(".cfg"), "\(fault)")
        #expect(file.fault(.keyspace)?.code == .corruptPage)
    }

    /// Makes the table one whose key is of both columns, as servers write it: the system columns come last.
    private func withTwoPartKey(_ rows: [Row]) throws -> ForeignFile {
        var file = try ForeignFile(rows)
        for (row, origin) in zip(rows, file.origins(3)) {
            let start = 3 * 16384 + origin + row.key.count
            let system = Array(file.bytes[start..<start + 13])
            file.bytes.replaceSubrange(start..<start + 13 + row.value.count, with: row.value + system)
        }
        file.seal(3)
        return file
    }

    @Test func `a table with a key of two columns is not read as another`() throws {
        let texts = (0..<150).map { Row(key: Array("user\(100 + $0)".utf8), value: Array("role-\($0 * 7)".utf8)) }
        let numbers = (0..<150).map { Row(key: [1, UInt8($0)], value: [0, 0, 0, 0, 0, 0, 7, UInt8($0)]) }
        let zeros = (0..<150).map { Row(key: [1, UInt8($0)], value: [UInt8](repeating: 0, count: 13)) }
        for (rows, word) in [(texts, ".cfg file would tell"), (numbers, ".cfg file would tell"), (zeros, "name it")] {
            let fault = try #require(withTwoPartKey(rows).fault())
            #expect(fault.code == .unsupportedFormat && fault.message.contains(word), "\(fault)")
            // An honest table of the same rows is read, but where only its definition can tell.
            let honest = try ForeignFile(rows)
            #expect(try honest.rows(.keyspace) == rows)
            if rows != zeros { #expect(try honest.rows() == rows) } else { #expect(honest.fault() != nil) }
        }
        // Where the second column is empty both are the same rows.
        let empty = (0..<150).map { Row(key: [1, UInt8($0)], value: []) }
        #expect(try withTwoPartKey(empty).rows() == empty)
    }

    @Test func `what servers write into system columns is taken for it`() throws {
        let forms: [(transaction: Int, pointer: Int)] = [
            (0, 1 << 55), (0x1234, 1 << 55), (0x1234, 0), (0xFF_FFFF_FFFF, 0x80 << 48 | 300 << 16 | 0x110),
            (77, 0x2A << 48 | 5 << 16 | 16_000),
        ]
        for form in forms {
            var file = try ForeignFile(few)
            for origin in file.origins(3) {
                file.store(form.transaction, 6, 3, origin + 2)
                file.store(form.pointer, 7, 3, origin + 8)
            }
            file.seal(3)
            #expect(try file.rows() == few, "\(form)")
        }
    }

    @Test func `a value that has 4 GiB by its row only takes no memory`() throws {
        var file = try ForeignFile([Row(key: [1], value: [UInt8](repeating: 1, count: 20_000))])
        file.store(0xFFFF_0000, 4, 3, file.origins(3)[0] + 14 + 16)
        file.seal(3)
        #expect(file.fault(.keyspace)?.code == .corruptPage)
    }
}
