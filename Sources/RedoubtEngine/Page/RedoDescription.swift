package import RedoubtCore

/// One record of the redo log as people read it.
package struct InspectedRedo: Sendable {
    /// The number of its kind.
    package let number: UInt8
    /// The name of its kind.
    package let kind: String
    /// The page that it changes; of a record about a file, page 0.
    package let page: PageID
    /// The bytes of its body.
    package let byteCount: Int
    /// What the body says, by name.
    package private(set) var fields: [(name: String, value: InspectedTable.Cell)] = []

    /// Reads the records of a group from its payload; whatever the bytes are, this ends, with what is wrong in `error`.
    package static func records(_ payload: [UInt8]) -> (records: [InspectedRedo], error: String?) {
        unsafe payload.withUnsafeBytes { payload in
            var records: [InspectedRedo] = []
            var reader = unsafe RedoGroupReader(payload)
            do throws(RedoubtError) {
                while let record = try reader.next() { records.append(InspectedRedo(record)) }
            } catch {
                return (records, error.message)
            }
            return (records, nil)
        }
    }

    private init(_ record: RedoRecord) {
        number = record.kind
        page = record.page
        byteCount = unsafe record.body.count
        switch record.class {
        case .page:
            kind = PageOperation.Kind(rawValue: record.kind).map { "\($0)" } ?? "page operation \(record.kind)"
            do throws(RedoubtError) {
                describe(try record.operation())
            } catch {
                fields = [("damage", .text(error.message))]
            }
        case .file:
            let file = RedoRecord.FileKind(rawValue: record.kind)
            kind = file.map { "\($0)File" } ?? "file record \(record.kind)"
            switch file {
            case .create: fields = unsafe [("name", .bytes(Array(record.body)))]
            case .extend: fields = unsafe [("pages", .number(StructureLayout.number(Array(record.body), at: 0, 4)))]
            case .delete, nil: break
            }
        default: kind = "\(record.class) record \(record.kind)"
        }
    }

    private mutating func add(_ name: String, _ number: some BinaryInteger) {
        fields.append((name, .number(UInt64(truncatingIfNeeded: number))))
    }

    private mutating func add(_ name: String, _ page: PageNumber) {
        fields.append((name, page == .none ? .text("none") : .number(UInt64(page.rawValue))))
    }

    private mutating func add(_ name: String, _ bytes: UnsafeRawBufferPointer) {
        fields.append((name, unsafe .bytes(Array(bytes))))
    }

    private mutating func addMarks(_ bits: UInt8) {
        var marks: [String] = []
        if bits & Record.Bits.minimum != 0 { marks.append("minimum") }
        if bits & Record.Bits.deleted != 0 { marks.append("deleted") }
        if bits & ~(Record.Bits.minimum | Record.Bits.deleted) != 0 { marks.append("unknown (\(bits))") }
        fields.append(("marks", .text(marks.isEmpty ? "none" : marks.joined(separator: " "))))
    }

    private mutating func add(_ image: RecordImage, withKey: Bool) {
        if withKey { unsafe add("key", image.key) }
        if image.status == Record.nodeStatus {
            add("child", image.child)
        } else if image.isOffPage {
            let reference = unsafe OffPageReference(image.value)
            add("value bytes", reference.byteCount)
            add("value page", reference.firstPage)
        } else {
            unsafe add("value", image.value)
        }
        if image.infoBits != 0 { addMarks(image.infoBits) }
    }

    private mutating func describe(_ operation: PageOperation) {
        switch operation {
        case .initialize(let type): fields = [("type", .text("\(type)"))]
        case .initializeIndex(let level, let indexID):
            add("level", level)
            add("index", indexID)
        case .insertRecord(let predecessor, let image):
            add("after", predecessor)
            add(image, withKey: true)
        case .deleteRecord(let origin), .deleteFrom(let origin), .deleteBefore(let origin): add("origin", origin)
        case .replaceRecord(let origin, let image):
            add("origin", origin)
            add(image, withKey: false)
        case .overwriteValue(let origin, let offset, let bytes):
            add("origin", origin)
            add("at", offset)
            unsafe add("bytes", bytes)
        case .setInfoBits(let origin, let bits):
            add("origin", origin)
            addMarks(bits)
        case .setChild(let origin, let child):
            add("origin", origin)
            add("child", child)
        case .insertRecords(let predecessor, let packed):
            add("after", predecessor)
            add("packed bytes", packed.count)
        case .reorganize, .freePage: break
        case .setSiblings(let previous, let next):
            add("previous", previous)
            add("next", next)
        case .writeBytes(let offset, let bytes):
            add("at", offset)
            unsafe add("bytes", bytes)
        case .fill(let offset, let count, let byte):
            add("at", offset)
            add("count", count)
            add("byte", byte)
        case .image, .expectImage: break
        }
    }
}
