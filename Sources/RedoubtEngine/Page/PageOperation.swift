import RedoubtCore

/// A change of one page: what the engine applies to the latched page going forwards, and what recovery applies again.
///
/// There is one implementation, ``apply(to:id:index:)``. It validates what it is given, writes only within the page,
/// ends in bounded time and never traps, because in recovery page and operation come from files. The same page bytes
/// and the same operation always give the same page bytes. Payloads borrow the caller's memory and must not lie in
/// the page itself, except that ``writeBytes(offset:bytes:)`` tolerates it.
@safe
enum PageOperation {
    /// Zeroes the page and makes it an empty page of a type that is not an index.
    case initialize(type: PageType)
    /// Makes the page an empty index page without siblings, whatever it held before.
    case initializeIndex(level: UInt16, indexID: UInt64)
    /// Inserts a record after the one at `predecessor`, which may be the infimum.
    case insertRecord(predecessor: Int, image: RecordImage)
    /// Removes a record and frees its room.
    case deleteRecord(origin: Int)
    /// Gives the record at `origin` the value, bits and system bytes of `image`, whose key must be the record's own
    /// or empty.
    ///
    /// The record keeps its place in the order; it moves within the heap if it grows. InnoDB deletes and inserts.
    case replaceRecord(origin: Int, image: RecordImage)
    /// Overwrites bytes of a record's value, `offset` bytes into it, without changing its length.
    case overwriteValue(origin: Int, offset: Int, bytes: UnsafeRawBufferPointer)
    /// Sets the information bits of a record.
    case setInfoBits(origin: Int, bits: UInt8)
    /// Points a node pointer to another child.
    case setChild(origin: Int, child: PageNumber)
    /// Inserts records one after the other behind `predecessor`; see ``PackedRecords``.
    case insertRecords(predecessor: Int, packed: UnsafeRawBufferPointer)
    /// Removes the record at `origin` and all after it.
    case deleteFrom(origin: Int)
    /// Removes all records before the one at `origin`.
    case deleteBefore(origin: Int)
    /// Rewrites the heap in key order without gaps; every record gets a new origin.
    case reorganize
    /// Sets the siblings of a page.
    case setSiblings(previous: PageNumber, next: PageNumber)
    /// Writes bytes between offset 8 and the trailer, the LSN and the space id excepted.
    case writeBytes(offset: Int, bytes: UnsafeRawBufferPointer)
    /// Sets `count` bytes to `byte`, within the same limits.
    case fill(offset: Int, count: Int, byte: UInt8)
    /// Replaces the whole page by 16384 bytes.
    case image(UnsafeRawBufferPointer)
    /// Says that the page now equals 16384 bytes, checksum, LSN and trailer apart; fails if it does not (consistency
    /// mode).
    case expectImage(UnsafeRawBufferPointer)
    /// Zeroes the page: it belongs to nobody.
    case freePage

    /// The numbers of the operations in the redo log: 1 to 63 are the page's.
    ///
    /// A number never changes its meaning.
    enum Kind: UInt8, Sendable, CaseIterable {
        case initialize = 1
        case initializeIndex = 2
        case freePage = 3
        case writeBytes = 4
        case fill = 5
        case setSiblings = 6
        case insertRecord = 16
        case deleteRecord = 17
        case replaceRecord = 18
        case overwriteValue = 19
        case setInfoBits = 20
        case setChild = 21
        case insertRecords = 32
        case deleteFrom = 33
        case deleteBefore = 34
        case reorganize = 35
        case image = 62
        case expectImage = 63
    }

    /// The kind, as the redo log numbers it.
    var kind: Kind {
        switch self {
        case .initialize: .initialize
        case .initializeIndex: .initializeIndex
        case .insertRecord: .insertRecord
        case .deleteRecord: .deleteRecord
        case .replaceRecord: .replaceRecord
        case .overwriteValue: .overwriteValue
        case .setInfoBits: .setInfoBits
        case .setChild: .setChild
        case .insertRecords: .insertRecords
        case .deleteFrom: .deleteFrom
        case .deleteBefore: .deleteBefore
        case .reorganize: .reorganize
        case .setSiblings: .setSiblings
        case .writeBytes: .writeBytes
        case .fill: .fill
        case .image: .image
        case .expectImage: .expectImage
        case .freePage: .freePage
        }
    }

    /// Whether the operation makes the page without looking at what it held, so that recovery need not read it.
    var initializesPage: Bool {
        switch self {
        case .initialize, .initializeIndex, .image, .freePage: true
        default: false
        }
    }
}
