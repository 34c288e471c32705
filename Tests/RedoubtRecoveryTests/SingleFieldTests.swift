import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: the check names the page and the field of every single wrong field, even if all checksums are right.
///
/// Method: a small closed database; one field of one page is changed, the page sealed again, the database opened and
/// checked. A finding must be about that page, or name it as what leads to the one it is about, and name the field.
@Suite(.timeLimit(.minutes(20))) struct SingleFieldTests {
    @Test func `a database without a wrong field has no finding`() throws {
        let database = try FieldDatabase.made.get()
        #expect(FieldDatabase.findings(database.image) == [])
        #expect(database.leaf != 0 && database.holder != 0 && database.chain.count == 2)
    }

    @Test func `there are forty wrong fields and more`() {
        #expect(WrongField.all.count >= 40)
        #expect(Set(WrongField.all.map(\.name)).count == WrongField.all.count)
    }

    @Test(arguments: WrongField.all)
    func `the check names the page and the field that is wrong`(_ field: WrongField) throws {
        let database = try FieldDatabase.made.get()
        let draft = PageDraft(database.image, database.path, field.page(database))
        let before = unsafe [UInt8](draft.bytes.all)
        field.change(draft, database)
        #expect(unsafe before != [UInt8](draft.bytes.all), "\(field.name) changes nothing")
        let findings = FieldDatabase.findings(draft.sealed(in: database.image, database.path))
        let isNamed = findings.contains { finding in
            let isAbout = finding.page == PageID(space: database.id, number: PageNumber(rawValue: draft.number))
            return (isAbout || finding.message.contains("(page \(draft.number),"))
                && finding.message.contains(field.text)
        }
        #expect(isNamed, "\(field.name) on page \(draft.number): \(findings.map(\.description))")
    }
}

extension FieldDatabase {
    /// The database, made once.
    static let made = Result { try FieldDatabase() }
}

/// One field, what it is changed to, and what the check must say.
struct WrongField: Sendable, CustomTestStringConvertible {
    let name: String
    let page: @Sendable (FieldDatabase) -> UInt32
    let text: String
    let change: @Sendable (PageDraft, FieldDatabase) -> Void

    var testDescription: String { name }

    static let all = leafFields + recordFields + nodeFields + chainFields + headerFields + inodeFields + pageFields

    /// A field of the leaf.
    private static func leaf(_ name: String, _ text: String, _ change: @escaping @Sendable (PageDraft) -> Void) -> Self
    {
        WrongField(name: name, page: { $0.leaf }, text: text) { draft, _ in change(draft) }
    }

    private static func node(_ name: String, _ text: String, _ change: @escaping @Sendable (PageDraft) -> Void) -> Self
    {
        WrongField(name: name, page: { $0.node }, text: text) { draft, _ in change(draft) }
    }

    private static func on(
        _ page: UInt32,
        _ name: String,
        _ text: String,
        _ change: @escaping @Sendable (PageDraft) -> Void
    ) -> Self {
        WrongField(name: name, page: { _ in page }, text: text) { draft, _ in change(draft) }
    }

    private static let leafFields = [
        leaf("number of slots", "slot") { $0.add(1, at: 38) },
        leaf("heap top", "garbage is") { $0.add(8, at: 40) },
        leaf("heap count", "number of heap records") { $0.add(1, at: 42) },
        leaf("mark of the compact format", "compact format") { $0.add(-0x8000, at: 42) },
        leaf("head of the free list", "heap records") { $0.bytes.store(UInt16(0), at: 44) },
        leaf("garbage", "garbage is") { $0.add(1, at: 46) },
        leaf("number of records", "number of records") { $0.add(-1, at: 54) },
        leaf("level of a leaf", "status of a record") { $0.add(1, at: 64) },
        leaf("index id", "index id is") { $0.add(1, at: 66, width: 8) },
        leaf("last insert", "last insert") { $0.bytes.store(UInt16(119), at: 48) },
        leaf("direction of inserts", "direction") { $0.bytes.store(UInt16(7), at: 50) },
        leaf("transaction", "a transaction") { $0.add(1, at: 56, width: 8) },
        leaf("segment of leaves on a leaf", "belongs on the root") { $0.add(1, at: 74, width: 4) },
        leaf("left sibling", "left sibling") { $0.add(1, at: 8, width: 4) },
        leaf("right sibling", "right sibling") { $0.add(1, at: 12, width: 4) },
        leaf("infimum", "no infimum") { $0.add(1, at: 99, width: 1) },
        leaf("supremum", "no supremum") { $0.add(1, at: 112, width: 1) },
        leaf("owned count of the infimum", "owned count of the infimum") { $0.add(1, at: 94, width: 1) },
        leaf("owned count of the supremum", "owned count of the supremum") { $0.add(1, at: 107, width: 1) },
        leaf("next of the supremum", "next of the supremum") { $0.add(1, at: 110) },
        leaf("a slot in the middle", "slot 1 is") { $0.add(1, at: 16372) },
        leaf("the first slot", "slot 0 is") { $0.add(1, at: 16374) },
    ]

    private static let recordFields = [
        leaf("owned count", "owned count is") { $0.add(-1, at: $0.owner - 5, width: 1) },
        leaf("heap number", "heap number") { $0.add(1 << 3, at: $0.records[1].origin - 4) },
        leaf("status", "status of a record") { $0.add(1, at: $0.records[1].origin - 4) },
        leaf("next record", "a record at 60") {
            let origin = $0.records[1].origin
            $0.bytes.store(UInt16(truncatingIfNeeded: 60 - origin), at: origin - 2)
        },
        leaf("next record inside another", "status of a record") { $0.add(3, at: $0.records[1].origin - 2) },
        leaf("order of keys", "not greater") { $0.bytes.store(UInt8(1), at: $0.records[2].origin) },
        leaf("length of a key", "takes") { $0.add(1, at: $0.records[1].origin - 7, width: 1) },
        leaf("length of a value", "takes") { $0.add(1, at: $0.records[1].origin - 8, width: 1) },
        leaf("minimum flag of a leaf", "minimum bit") { $0.add(0x10, at: $0.records[0].origin - 5, width: 1) },
        leaf("unknown information bit", "information bits") { $0.add(0x40, at: $0.records[1].origin - 5, width: 1) },
        leaf("next of a freed record", "freed record") { $0.bytes.store(UInt16(9), at: $0.index.freeHead - 2) },
        leaf("key below its pointer", "pointer above") { $0.bytes.store(UInt8(1), at: $0.records[0].origin) },
    ]

    private static let nodeFields = [
        node("level of a node", "level is") { $0.add(5, at: 64) },
        node("child outside the file", "leads to page") { draft in
            let record = draft.records[1]
            draft.bytes.store(UInt32(90_000), at: record.origin + record.keyByteCount)
        },
        node("child that another pointer has", "reached twice") { draft in
            let (first, record) = (draft.records[0], draft.records[1])
            draft.bytes.store(first.child.rawValue, at: record.origin + record.keyByteCount)
        },
        node("key of a pointer too large", "pointer above") { draft in
            let record = draft.records[1]
            draft.add(1, at: record.origin + record.keyByteCount - 1, width: 1)
        },
        node("key of a pointer too small", "next pointer above") { draft in
            let record = draft.records[1]
            draft.add(-1, at: record.origin + record.keyByteCount - 1, width: 1)
        },
        node("minimum flag where none belongs", "minimum bit") {
            $0.add(0x10, at: $0.records[0].origin - 5, width: 1)
        },
        WrongField(name: "minimum flag missing", page: { $0.firstNode }, text: "no minimum bit") { draft, _ in
            draft.add(-0x10, at: draft.records[0].origin - 5, width: 1)
        },
        node("left sibling of a node", "left sibling") { $0.add(1, at: 8, width: 4) },
        node("right sibling of a node", "right sibling") { $0.add(1, at: 12, width: 4) },
        on(3, "level of the root", "level is") { $0.add(1, at: 64) },
        on(3, "sibling of the root", "right sibling") { $0.bytes.store(UInt32(9), at: 12) },
        on(3, "leaf segment of the root", "inode of segment 2") { $0.add(192, at: 82) },
        on(3, "segment of nodes, in the root", "inode of segment 1") { $0.add(1, at: 84, width: 4) },
    ]

    private static let chainFields = [
        chain("length of a part", "bytes of a value") { $0.add(-1, at: 38, width: 4) },
        chain("next page of a chain", "leads to") { $0.bytes.store(UInt32(3), at: 42) },
        chain("end of a chain", "leads to page") { $0.bytes.store(PageNumber.none.rawValue, at: 42) },
        chain("type of a page of a chain", "is of type") { $0.bytes.store(UInt16(0), at: 24) },
        reference("space of a value", "in space") { $0.add(1, at: $1, width: 4) },
        reference("first page of a value", "leads to") { $0.bytes.store(UInt32(3), at: $1 + 4) },
        reference("offset of a value", "begin at byte") { $0.add(1, at: $1 + 8, width: 4) },
        reference("flags of a value", "flags of a value") { $0.add(0x80, at: $1 + 12, width: 1) },
        reference("length of a value in a chain", "bytes of a value") { $0.add(1, at: $1 + 16, width: 4) },
    ]

    private static func chain(_ name: String, _ text: String, _ change: @escaping @Sendable (PageDraft) -> Void) -> Self
    {
        WrongField(name: name, page: { $0.chain[0] }, text: text) { draft, _ in change(draft) }
    }

    private static func reference(
        _ name: String,
        _ text: String,
        _ change: @escaping @Sendable (PageDraft, Int) -> Void
    ) -> Self {
        WrongField(name: name, page: { $0.holder }, text: text) { draft, _ in
            guard let record = draft.chainRecord else { return }
            change(draft, record.origin + record.keyByteCount + Record.systemByteCount)
        }
    }

    private static let headerFields = [
        on(0, "space id in the space header", "holds space") { $0.add(1, at: 38, width: 4) },
        on(0, "size too small", "free limit is") { $0.add(-64, at: 46, width: 4) },
        on(0, "size too large", "cut short") { $0.add(64, at: 46, width: 4) },
        on(0, "free limit", "free limit is") { $0.add(-64, at: 50, width: 4) },
        on(0, "flags of the tablespace", "flags are") { $0.add(0x4000, at: 54, width: 4) },
        on(0, "used fragment pages", "used fragment pages") { $0.add(1, at: 58, width: 4) },
        on(0, "length of the free list", "length of the free list") { $0.add(1, at: 62, width: 4) },
        on(0, "first of the free list", "free list") { $0.add(40, at: 70) },
        on(0, "last of the free list", "free list ends at") { $0.add(-40, at: 76) },
        on(0, "first of the list of fragments", "free fragment list") { $0.bytes.store(UInt16(1), at: 86) },
        on(0, "list of full fragments", "full fragment list") { $0.bytes.store(UInt32(1), at: 94) },
        on(0, "next segment id", "next segment id is 4") { $0.add(1, at: 110, width: 8) },
        on(0, "list of full inode pages", "full inode pages") { $0.add(1, at: 118, width: 4) },
        on(0, "list of inode pages with room", "inode pages with room") { $0.add(1, at: 134, width: 4) },
        on(0, "state of an extent", "with state 3") { $0.bytes.store(UInt32(3), at: 150 + 20) },
        on(0, "segment id of an extent", "segment id") { $0.add(1, at: 150 + 40, width: 8) },
        on(0, "extent without a state", "with state 0") { $0.bytes.store(UInt32(0), at: 150 + 40 + 20) },
        on(0, "next of an extent", "segment 2 full list leads to 0:77") {
            $0.bytes.store(UInt16(77), at: 150 + 40 + 8 + 10)
        },
        on(0, "previous of an extent", "before it") { $0.bytes.store(UInt16(77), at: 150 + 40 + 8 + 4) },
        on(0, "used page marked free", "has pages") { $0.bytes.store(UInt8(0xAB), at: 150 + 40 + 24) },
        on(0, "free page marked used", "has used pages") { $0.add(-0x40, at: 150 + 24 + 15, width: 1) },
        on(0, "clean bit", "clean bit") { $0.add(-2, at: 150 + 40 + 24, width: 1) },
        on(0, "kind of a pending chain", "kind of a pending chain") { $0.bytes.store(UInt32(1), at: 12420) },
        on(0, "magic number of the own record", "Redoubt record") { $0.add(1, at: 12288, width: 8) },
        on(0, "format version", "format version is 2") { $0.add(1, at: 12296, width: 4) },
        on(0, "database", "checksum") { $0.add(1, at: 12312, width: 8) },
        on(1, "type of the bitmap page", "type is 0") { $0.bytes.store(UInt16(0), at: 24) },
        on(1, "bit of the change buffer", "changes that are buffered") { $0.bytes.store(UInt8(8), at: 100) },
    ]

    private static let inodeFields = [
        on(2, "type of the inode page", "type is 0") { $0.bytes.store(UInt16(0), at: 24) },
        on(2, "list node of the inode page", "goes on at") { $0.bytes.store(UInt32(2), at: 38) },
        on(2, "segment id of an inode", "segment id is") { $0.add(4, at: 242, width: 8) },
        on(2, "magic number of an inode", "magic number of the inode") { $0.add(1, at: 242 + 60, width: 4) },
        on(2, "used pages of a segment", "used pages of segment 2") { $0.add(1, at: 242 + 8, width: 4) },
        on(2, "free list of a segment", "length of the segment 2 free list") { $0.add(1, at: 242 + 12, width: 4) },
        on(2, "length of the list of extents with room", "length of the segment 2 not full list") {
            $0.add(1, at: 242 + 28, width: 4)
        },
        on(2, "length of the list of full extents", "length of the segment 2 full list") {
            $0.add(1, at: 242 + 44, width: 4)
        },
        on(2, "first of the list of full extents", "segment 2 full list leads to") { $0.add(1, at: 242 + 52) },
        on(2, "last of the list of full extents", "segment 2 full list ends at") { $0.add(40, at: 242 + 58) },
        on(2, "fragment page that is another", "fragment page") { $0.bytes.store(UInt32(63), at: 242 + 64) },
        on(2, "fragment page beyond the file", "fragment page 90000") { $0.bytes.store(UInt32(90_000), at: 242 + 64) },
        on(2, "fragment page twice", "there twice") { $0.bytes.store($0.bytes.u32(at: 242 + 64), at: 242 + 68) },
        on(2, "fragment page of nodes", "fragment page") { $0.bytes.store(UInt32(62), at: 50 + 68) },
        on(2, "inode without a segment", "inode without a segment") { $0.bytes.store(UInt64(7), at: 50 + 2 * 192) },
    ]

    private static let pageFields = [
        leaf("page number", "page says it is number") { $0.add(1, at: 4, width: 4) },
        leaf("space id of a page", "page says it is of space") { $0.add(1, at: 34, width: 4) },
        leaf("bytes that must be zero", "must be zero") { $0.add(1, at: 26, width: 8) },
        leaf("LSN of the future", "beyond the end of the redo log") { $0.add(1 << 40, at: 16, width: 8) },
        leaf("type of a leaf", "offset 24") { $0.bytes.store(UInt16(10), at: 24) },
    ]
}
