import RedoubtCore

/// The content of a record that is to be written: what a record is apart from where it lies.
///
/// It borrows the caller's memory: the bytes must stay valid, and must not be those of the page that is changed, until
/// the operation was applied and encoded.
@safe
struct RecordImage {
    /// The status: ``Record/leafStatus`` or ``Record/nodeStatus``.
    let status: UInt8
    /// The information bits, ``Record/Bits``.
    let infoBits: UInt8
    /// Whether ``value`` is a reference of 20 bytes.
    let isOffPage: Bool
    /// The child page of a node pointer.
    let child: PageNumber
    /// The key.
    let key: UnsafeRawBufferPointer
    /// The value as it will lie in the page; empty for a node pointer.
    let value: UnsafeRawBufferPointer
    /// The 13 system bytes, or nil for the default: transaction 0, and the roll pointer of an insert.
    let system: UnsafeRawPointer?

    /// The longest key of the table.
    static let keyByteCountMaximum = 3072
    /// From this size on a record keeps its value off the page.
    static let byteCountLimit = 8126
    /// Values up to this length are never moved off the page.
    static let shortValueByteCount = 40

    @inline(__always)
    init(
        status: UInt8,
        infoBits: UInt8,
        key: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer,
        isOffPage: Bool,
        child: PageNumber,
        system: UnsafeRawPointer?
    ) {
        self.status = status
        self.infoBits = infoBits
        self.isOffPage = isOffPage
        self.child = child
        unsafe self.key = key
        unsafe self.value = value
        unsafe self.system = system
    }

    /// Creates a record of a leaf with its value in the page.
    @inline(__always)
    init(
        key: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer,
        infoBits: UInt8 = 0,
        system: UnsafeRawPointer? = nil
    ) {
        unsafe self.init(
            status: Record.leafStatus,
            infoBits: infoBits,
            key: key,
            value: value,
            isOffPage: false,
            child: .none,
            system: system
        )
    }

    /// Creates a record of a leaf whose value lies where the 20 bytes of `reference` say.
    @inline(__always)
    init(
        key: UnsafeRawBufferPointer,
        reference: UnsafeRawBufferPointer,
        infoBits: UInt8 = 0,
        system: UnsafeRawPointer? = nil
    ) {
        unsafe self.init(
            status: Record.leafStatus,
            infoBits: infoBits,
            key: key,
            value: reference,
            isOffPage: true,
            child: .none,
            system: system
        )
    }

    /// Creates a node pointer.
    @inline(__always)
    init(key: UnsafeRawBufferPointer, child: PageNumber, isMinimum: Bool = false) {
        unsafe self.init(
            status: Record.nodeStatus,
            infoBits: isMinimum ? Record.Bits.minimum : 0,
            key: key,
            value: UnsafeRawBufferPointer(start: nil, count: 0),
            isOffPage: false,
            child: child,
            system: nil
        )
    }

    /// Creates the image of a record as it lies in a page; it borrows that page's bytes.
    init(_ record: Record) {
        let shape = record.shape
        if record.status == Record.nodeStatus {
            unsafe self.init(key: record.key, child: record.child, isMinimum: record.isMinimum)
        } else {
            let system = record.hasDefaultSystem ? nil : unsafe record.system.baseAddress
            unsafe self.init(
                status: Record.leafStatus,
                infoBits: record.infoBits,
                key: record.key,
                value: record.value,
                isOffPage: shape.isOffPage,
                child: .none,
                system: system
            )
        }
    }

    /// The lengths that the record will have.
    @inline(__always)
    var shape: RecordShape {
        let keyLength = unsafe key.count < 0x80 ? 1 : 2
        if status == Record.nodeStatus {
            return unsafe RecordShape(
                keyByteCount: key.count,
                valueByteCount: 0,
                extraByteCount: Record.headerByteCount &+ keyLength,
                bodyByteCount: key.count &+ Record.childByteCount,
                isOffPage: false
            )
        }
        let valueLength = unsafe value.count < 0x80 && !isOffPage ? 1 : 2
        return unsafe RecordShape(
            keyByteCount: key.count,
            valueByteCount: value.count,
            extraByteCount: Record.headerByteCount &+ keyLength &+ valueLength,
            bodyByteCount: key.count &+ Record.systemByteCount &+ value.count,
            isOffPage: isOffPage
        )
    }

    /// All bytes that the record will take in the heap.
    @inline(__always)
    var byteCount: Int { shape.byteCount }

    /// Whether the image, written over `record`, leaves its origin where it is; see
    /// ``IndexPageEditor/replace(_:with:_:)``.
    @inline(__always)
    func keepsPlace(of record: Record) -> Bool {
        let new = shape
        let old = record.shape
        return new.byteCount <= old.byteCount && new.extraByteCount == old.extraByteCount
    }

    /// Returns the bytes of a leaf's record with key and value of these lengths in the page.
    @inline(__always)
    static func leafByteCount(key: Int, value: Int) -> Int {
        Record.headerByteCount &+ (key < 0x80 ? 1 : 2) &+ (value < 0x80 ? 1 : 2) &+ key &+ Record.systemByteCount
            &+ value
    }

    /// Returns the bytes of a leaf's record whose value is off the page.
    static func referenceByteCount(key: Int) -> Int {
        Record.headerByteCount + (key < 0x80 ? 1 : 2) + 2 + key + Record.systemByteCount + Record.referenceByteCount
    }

    /// Returns the bytes of a node pointer with a key of this length.
    static func nodeByteCount(key: Int) -> Int {
        Record.headerByteCount + (key < 0x80 ? 1 : 2) + key + Record.childByteCount
    }

    /// Whether a value of this length must be kept off the page.
    @inline(__always)
    static func needsOffPage(key: Int, value: Int) -> Bool {
        value > shortValueByteCount && leafByteCount(key: key, value: value) >= byteCountLimit
    }

    /// Whether key and value have lengths that a record may have.
    @inline(__always)
    var isValid: Bool {
        guard unsafe key.count <= Self.keyByteCountMaximum, infoBits & ~Record.Bits.mask == 0 else { return false }
        if status == Record.nodeStatus { return true }
        guard status == Record.leafStatus else { return false }
        if isOffPage { return unsafe value.count == Record.referenceByteCount }
        return unsafe value.count < Self.byteCountLimit && byteCount < Self.byteCountLimit
    }
}

extension Record {
    /// Whether the system bytes are those of a record that no transaction owns.
    var hasDefaultSystem: Bool {
        let at = origin &+ keyByteCount
        // 6 bytes of transaction id and 7 of roll pointer: 0000000000 00 80 000000000000.
        return page.u64(at: at) == 0x80_00 && page.u32(at: at &+ 8) == 0 && page.u8(at: at &+ 12) == 0
    }
}
