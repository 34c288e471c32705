import RedoubtCore

/// Writes of single fields on a latched page: what space management is made of. InnoDB: `mlog_write_ulint`.
///
/// A write that changes nothing is not logged.
extension MiniTransaction {
    /// Writes `value` at `offset`, big-endian.
    mutating func write16(_ frame: Frame, _ offset: Int, _ value: UInt16) {
        if frame.bytes.u16(at: offset) == value { return }
        writeField(frame, offset, value.bigEndian)
    }

    /// Writes `value` at `offset`, big-endian.
    mutating func write32(_ frame: Frame, _ offset: Int, _ value: UInt32) {
        if frame.bytes.u32(at: offset) == value { return }
        writeField(frame, offset, value.bigEndian)
    }

    /// Writes `value` at `offset`, big-endian.
    mutating func write64(_ frame: Frame, _ offset: Int, _ value: UInt64) {
        if frame.bytes.u64(at: offset) == value { return }
        writeField(frame, offset, value.bigEndian)
    }

    /// Writes a list address at `offset`: page, then byte offset.
    mutating func writeAddress(_ frame: Frame, _ offset: Int, _ address: ListAddress) {
        write32(frame, offset, address.page.rawValue)
        write16(frame, offset + 4, address.offset)
    }

    private mutating func writeField<Value: FixedWidthInteger>(_ frame: Frame, _ offset: Int, _ value: Value) {
        unsafe withUnsafeBytes(of: value) { bytes in
            unsafe apply(.writeBytes(offset: offset, bytes: bytes), to: frame)
        }
    }
}

extension PageBytes {
    /// Returns the list address at `offset`.
    func address(at offset: Int) -> ListAddress {
        ListAddress(page: PageNumber(rawValue: u32(at: offset)), offset: u16(at: offset + 4))
    }

    /// Returns the list base at `offset`.
    func list(at offset: Int) -> ListBase {
        ListBase(length: u32(at: offset), first: address(at: offset + 4), last: address(at: offset + 10))
    }

    /// Stores the address of a list node at `offset`.
    func store(_ address: ListAddress, at offset: Int) {
        store(address.page.rawValue, at: offset)
        store(address.offset, at: offset + 4)
    }

    /// Stores the base of a list at `offset`.
    func store(_ base: ListBase, at offset: Int) {
        store(base.length, at: offset)
        store(base.first, at: offset + 4)
        store(base.last, at: offset + 10)
    }
}

/// The base of a doubly linked list of extents, 16 bytes: length 4, first 6, last 6.
///
/// InnoDB: `flst_base_node_t`.
struct ListBase: Hashable, Sendable {
    let length: UInt32
    let first: ListAddress
    let last: ListAddress
}
