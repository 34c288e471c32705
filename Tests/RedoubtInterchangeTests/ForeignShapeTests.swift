import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: what the rows of a table are is found out without a definition, or refused with advice that helps. Method:
/// leaves and nodes made record by record, as servers lay out tables of other columns.
@Suite(.timeLimit(.minutes(20))) struct ForeignShapeTests {
    /// A transaction's number, and a roll pointer of a row that was inserted.
    private static let system: [UInt8] = [0, 0, 0, 0, 0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0]

    /// A value that cannot be the end of a roll pointer.
    private static let end: [UInt8] = [0xFF, 0xFF, 0xFF]

    private let keys = (0..<40).map { number in (0..<16).map { UInt8(truncatingIfNeeded: number * 3 + $0 * 17) } }
        .sorted { $0.lexicographicallyPrecedes($1) }

    private static func fixed(_ count: UInt32) -> TableDefinition {
        var table = TableDefinition.keyspace
        table.columns[0].mainType = 3
        table.columns[0].byteCount = count
        return table
    }

    private static func value(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number), count: number * 7 % 200) }

    /// How a value says its length: the byte next to the header is the last one.
    private static func lengths(_ value: [UInt8]) -> [UInt8] {
        value.count < 128 ? [UInt8(value.count)] : [UInt8(value.count & 0xFF), UInt8(0x80 | value.count >> 8)]
    }

    /// A table of a `BINARY(16)` key, as `v LONGBLOB NOT NULL` or as `v LONGBLOB`.
    private func fixedTable(isNullable: Bool = false) throws -> (file: ForeignFile, rows: [Row]) {
        let rows = keys.enumerated().map { Row(key: $1, value: Self.value($0)) }
        var file = try ForeignFile([])
        file.setRecords(
            rows.map { row in
                (Self.lengths(row.value) + (isNullable ? [0] : []), row.key + Self.system + row.value)
            }
        )
        return (file, rows)
    }

    @Test(arguments: [false, true]) func `a table with a BINARY key was refused without its definition`(
        isNullable: Bool
    ) throws {
        let (file, rows) = try fixedTable(isNullable: isNullable)
        #expect(try file.rows() == rows)
        var table = Self.fixed(16)
        if isNullable { table.columns[1].typeBits &= ~0x100 }
        #expect(try file.rows(table) == rows)
        #expect(try TablespaceReader(MemoryFile(file.bytes)).rowCount == rows.count)
    }

    @Test(arguments: [(127, 128), (191, 192)])
    func `a byte of the record before was taken for the second one of a length`(last: Int, count: Int) throws {
        let rows = [
            Row(key: [1], value: [UInt8(last)]), Row(key: [2], value: [UInt8](repeating: 20, count: count)),
        ]
        var file = try ForeignFile([])
        file.setRecords(rows.map { ([UInt8($0.value.count), 1], $0.key + Self.system + $0.value) })
        #expect(try file.rows() == rows)
    }

    @Test(arguments: [4, 6, 8])
    func `a key that may be a number or a row id is refused without a definition`(byteCount: Int) throws {
        var file = try ForeignFile([])
        file.setRecords(
            (0..<30).map { number in
                ([3], [0x80] + [UInt8](repeating: 0, count: byteCount - 2) + [UInt8(number)] + Self.system + Self.end)
            }
        )
        #expect(file.fault()?.code == .unsupportedFormat)
        #expect(try file.rows(Self.fixed(UInt32(byteCount))).count == 30)
    }

    @Test func `a BINARY key is found out below a root of pointers`() throws {
        var (file, rows) = try fixedTable()
        let leaves = [(4, Array(rows[..<15])), (5, Array(rows[15...]))]
        file.putLeaves(
            leaves.map { ($0, $1.map { (Self.lengths($0.value), $0.key + Self.system + $0.value) }) },
            below: leaves.map { ([], $1[0].key + [0, 0, 0, UInt8($0)]) }
        )
        #expect(try file.rows() == rows)
        #expect(try file.rows(Self.fixed(16)) == rows)
        // One record of another size is enough to see that the key has no such length.
        rows[20].key.removeLast()
        file.setRecords(rows[15...].map { (Self.lengths($0.value), $0.key + Self.system + $0.value) }, on: 5)
        #expect(file.fault()?.code == .unsupportedFormat)
    }

    @Test func `a fixed key is not read where a column may follow a shorter one`() throws {
        // (a BINARY(4), b BINARY(13), v): what stands behind a, and what stands behind b, can both be of the system.
        var file = try ForeignFile([])
        let none = [UInt8](repeating: 0, count: 13)
        let records: [ForeignFile.Record] = (0..<30).map { number in
            ([UInt8(3)], [1, 0, 0, UInt8(number)] + none + none + [7, 8, UInt8(number)])
        }
        file.setRecords(records)
        let fault = try #require(file.fault())
        #expect(fault.code == .unsupportedFormat && fault.message.contains("name it"), "\(fault)")
        #expect(try file.rows(Self.fixed(17)).count == 30)
    }

    @Test func `advice for a table of MySQL 8 was a definition that cannot be read`() throws {
        var file = try ForeignFile((0..<30).map { Row(key: [1, UInt8($0)], value: [UInt8($0)]) })
        // As if a row had a byte more: no shape fits.
        file.store(file.number(3, 40, 2) + 1, 2, 3, 40)
        file.seal(3)
        #expect(file.fault()?.message.contains(".cfg") == true)
        file.bytes.replaceSubrange(4 * 16384..<5 * 16384, with: [UInt8](repeating: 0, count: 16384))
        file.move(3, to: 4)
        file.store(3, 4, 3, 4)
        file.store(77, 4, 3, 34)
        file.store(17853, 2, 3, 24)
        file.store(0x4021, 4, 0, 54)
        file.sealAll()
        let fault = try #require(file.fault())
        #expect(fault.code == .unsupportedFormat && fault.message.contains("VARBINARY key"), "\(fault)")
        #expect(!fault.message.contains(".cfg"), "\(fault)")
    }

    @Test func `a second column that is always NULL was taken for none`() throws {
        var file = try ForeignFile([])
        // The bits of v, which has a value, and of w, which has none.
        file.setRecords((0..<20).map { ([3, 2, 0b10], [1, UInt8($0)] + Self.system + Self.end) })
        let fault = try #require(file.fault())
        #expect(fault.code == .unsupportedFormat && fault.message.contains(".cfg file would tell"), "\(fault)")
        var table = TableDefinition.keyspace
        table.columns[1].typeBits &= ~0x100
        #expect(file.fault(table)?.code == .corruptPage)
        // Without it the same records are read.
        file.setRecords((0..<20).map { ([3, 2, 0], [1, UInt8($0)] + Self.system + Self.end) })
        #expect(try file.rows().count == 20)
    }

    @Test func `a value that is NULL is told, where all else fits`() throws {
        var file = try ForeignFile([])
        let records: [ForeignFile.Record] = (0..<20).map { number in
            number == 7
                ? ([2, 1], [1, UInt8(number)] + Self.system)
                : ([3, 2, 0], [1, UInt8(number)] + Self.system + Self.end)
        }
        file.setRecords(records)
        let fault = try #require(file.fault())
        #expect(fault.code == .unsupportedFormat && fault.message.contains("row 8 has the value NULL"), "\(fault)")
    }

    @Test func `an empty key kept other shapes from being tried`() throws {
        // To the likeliest shape an empty value is an empty key, a byte before it, of a record that was freed, is the
        // length of an empty value, and the first key can be what the system writes.
        let rows = [[UInt8](repeating: 0, count: 16)] + keys.dropFirst()
        var file = try ForeignFile([])
        file.setRecords(rows.map { ([0], $0 + Self.system) }, freedBefore: [0])
        #expect(try file.rows() == rows.map { Row(key: $0, value: []) })
    }

    /// Records of a key, which `key` makes of a number, and of a value of 192 bytes that looks like a reference to
    /// `page`: to the likeliest shape 192 is the length of a value outside the page, of which the byte before says that
    /// a reference is all that is here.
    private static func misleading(_ page: Int, _ key: (Int) -> [UInt8]) -> (
        records: [ForeignFile.Record], rows: [Row]
    ) {
        let number = (0..<4).map { UInt8(truncatingIfNeeded: page >> (24 - 8 * $0)) }
        let length: [UInt8] = [0, 0, 0, 0, 0, 0, 0xC3, 0x50]
        let value = [0, 0, 0, 77] + number + [0, 0, 0, 38] + length + [UInt8](repeating: 20, count: 172)
        let rows = (0..<30).map { Row(key: key($0), value: value) }
        return (rows.map { ([192, UInt8($0.key.count)], $0.key + system + $0.value) }, rows)
    }

    @Test(arguments: [5, 0x7FFF_FFFF]) func `a value whose length looks like that of a reference was called damage`(
        page: Int
    ) throws {
        let (records, rows) = Self.misleading(page) { [1, UInt8($0)] }
        var file = try ForeignFile([])
        file.setRecords(records, freedBefore: [20])
        #expect(try file.rows() == rows)
    }

    @Test func `descending keys were called damage where a value looks like a reference`() throws {
        var file = try ForeignFile([])
        file.setRecords(Self.misleading(5) { [1, UInt8(40 - $0)] }.records, freedBefore: [20])
        let fault = try #require(file.fault())
        #expect(fault.code == .unsupportedFormat && fault.message.contains("DESC"), "\(fault)")
    }

    @Test func `a damaged value was imported as the bytes of another shape`() throws {
        // To a shape of one byte of length the first value has 192 bytes, 171 more than the reference and the byte that
        // are there, and the second one 129, which is as many less.
        let rows = [(1, 5, 100_000), (2, 0xFF, 299)].map { (key, byte, count) in
            Row(key: [key], value: [UInt8](repeating: byte, count: count))
        }
        let good = try ForeignFile(rows)
        #expect(try good.rows() == rows)
        let part = try #require((4..<good.pageCount).first { good.number($0, 24, 2) == 10 })
        var files = [good, good, good, good]
        files[0].bytes[part * 16384 + 5000] ^= 1
        files[1].store(1, 2, part, 24)
        files[2].store(0x7FFF_FFFF, 4, part, 42)
        files[3].store(0, 8, 3, good.origins(3)[0] + 14 + 12)
        for (number, var file) in files.enumerated() {
            if number > 0 { file.seal(number == 3 ? 3 : part) }
            let fault = try #require(file.fault(), "file \(number) is read")
            #expect(fault.code == .corruptPage && fault.description == file.fault(.keyspace)?.description, "\(fault)")
        }
    }

    @Test func `damage behind sound leaves was looked for again with every shape`() throws {
        var file = try ForeignFile(
            (0..<2000).map { Row(key: [UInt8($0 >> 8), UInt8($0 & 255)], value: [UInt8](repeating: 1, count: 100)) }
        )
        let leaf = try #require((4..<file.pageCount).last { file.number($0, 24, 2) == 17855 })
        file.bytes[leaf * 16384 + 5000] ^= 1
        let storage = MemoryFile(file.bytes)
        #expect(throws: RedoubtError.self) { try TablespaceReader(storage) }
        #expect(storage.readCount < file.pageCount)
    }

    /// A table of three keys of up to 255 bytes, one a leaf, behind each of which stand `columns`.
    ///
    /// To the likeliest shape the pointers of the root take as many bytes, but the first one leads to page 50.
    private func misleadingTree(
        _ columns: (lengths: [UInt8], values: [UInt8])
    ) throws -> (file: ForeignFile, keys: [[UInt8]]) {
        var keys = [129, 128, 128].enumerated().map { [UInt8($0 + 1)] + [UInt8](repeating: 0, count: $1 - 1) }
        // Lengths of two bytes, the second of which ends the record before, are 256, 60 and 66: as many bytes together.
        let leaves = [60, 66, 70]
        keys[1][120] = 50
        var file = try ForeignFile([])
        file.extend(to: 80)
        file.putLeaves(
            zip(leaves, keys).map { ($0, [(columns.lengths + [UInt8($1.count)], $1 + Self.system + columns.values)]) },
            below: zip(leaves, keys).map { ([UInt8($1.count)], $1 + [0, 0, 0, UInt8($0)]) },
            freedBefore: [0]
        )
        return (file, keys)
    }

    @Test func `a page that only a wrong guess leads to ended the search`() throws {
        var (file, keys) = try misleadingTree(([3], Self.end))
        let rows = keys.map { Row(key: $0, value: Self.end) }
        #expect(try file.rows() == rows)
        #expect(try TablespaceReader(MemoryFile(file.bytes, unreadable: 50)).rowCount == 3)
        file.store(1, 4, 50, 26)
        #expect(try file.rows() == rows)
    }

    @Test func `a table of other columns was called damage where a wrong guess leads to a page`() throws {
        let (file, _) = try misleadingTree(([3, 3], Self.end + Self.end))
        let fault = try #require(file.fault())
        #expect(fault.code == .unsupportedFormat && fault.message.contains("no table of one binary key"), "\(fault)")
    }

    @Test func `a page that is damaged is named as it is where the shape is known`() throws {
        let good = try ForeignFile(SpecimenRows.high(100))
        let leaf = try #require((4..<good.pageCount).first { good.number($0, 24, 2) == 17855 })
        let part = try #require((4..<good.pageCount).first { good.number($0, 24, 2) == 10 })
        for page in [leaf, part] {
            var file = good
            file.bytes[page * 16384 + 5000] ^= 1
            let fault = try #require(file.fault())
            #expect(fault.code == .corruptPage && fault.page?.number.rawValue == UInt32(page), "\(fault)")
            #expect(fault.description == file.fault(.keyspace)?.description)
        }
    }

    @Test(arguments: [TableDefinition.keyspace, nil]) func `a key that descends was called damage`(
        definition: TableDefinition?
    ) throws {
        var file = try ForeignFile([])
        let records: [ForeignFile.Record] = (0..<20).map { number in
            ([UInt8(3), 2], [1, UInt8(40 - number)] + Self.system + Self.end)
        }
        file.setRecords(records)
        let fault = try #require(file.fault(definition))
        #expect(fault.code == .unsupportedFormat && fault.message.contains("DESC"), "\(fault)")
        // Of a leaf that is not sound otherwise nothing is said but that.
        file.store(file.number(3, 40, 2) + 1, 2, 3, 40)
        file.seal(3)
        let damage = try #require(file.fault(definition))
        #expect(!damage.message.contains("DESC"), "\(damage)")
        // One that is out of place further on is damage.
        var other = Array(records.reversed())
        other.swapAt(10, 11)
        file.setRecords(other)
        #expect(file.fault(.keyspace)?.code == .corruptPage)
    }
}

extension ForeignFile {
    /// Makes page 3 a root of `pointers`, and the pages that `leaves` name its leaves.
    fileprivate mutating func putLeaves(
        _ leaves: [(page: Int, records: [Record])],
        below pointers: [Record],
        freedBefore: [UInt8] = []
    ) {
        let root = Array(bytes[3 * 16384..<4 * 16384])
        let pages = [0xFFFF_FFFF] + leaves.map(\.page) + [0xFFFF_FFFF]
        for (place, leaf) in leaves.enumerated() {
            bytes.replaceSubrange(leaf.page * 16384..<(leaf.page + 1) * 16384, with: root)
            store(leaf.page, 4, leaf.page, 4)
            store(pages[place], 4, leaf.page, 8)
            store(pages[place + 2], 4, leaf.page, 12)
            setRecords(leaf.records, on: leaf.page)
        }
        store(1, 2, 3, 64)
        setRecords(pointers, status: 1, freedBefore: freedBefore)
    }

    /// Gives the file empty pages up to `count`.
    fileprivate mutating func extend(to count: Int) {
        bytes += [UInt8](repeating: 0, count: (count - pageCount) * 16384)
        store(count, 4, 0, 46)
        seal(0)
    }

    /// The bytes before the header of a record, and those behind it.
    fileprivate typealias Record = (lengths: [UInt8], body: [UInt8])

    /// Replaces the records of an index page by `records`.
    ///
    /// `freedBefore` are bytes at the beginning of the heap that no record has any more.
    fileprivate mutating func setRecords(
        _ records: [Record],
        on page: Int = 3,
        status: Int = 0,
        freedBefore: [UInt8] = []
    ) {
        var end = 120
        var last = 99
        func put(_ part: [UInt8], _ bytes: inout [UInt8]) {
            bytes.replaceSubrange(page * 16384 + end..<page * 16384 + end + part.count, with: part)
            end += part.count
        }
        put(freedBefore, &bytes)
        for (number, record) in records.enumerated() {
            put(record.lengths, &bytes)
            let heap = (number + 2) << 3 | status
            put([0, UInt8(heap >> 8), UInt8(heap & 0xFF), 0, 0], &bytes)
            store(end - last, 2, page, last - 2)
            last = end
            put(record.body, &bytes)
        }
        store(112 - last, 2, page, last - 2)
        store(end, 2, page, 40)
        store(0x8000 | records.count + 2, 2, page, 42)
        store(freedBefore.count, 2, page, 46)
        store(records.count, 2, page, 54)
        seal(page)
    }
}
