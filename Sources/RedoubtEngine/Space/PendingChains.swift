import RedoubtCore
import RedoubtSystem

/// The BLOB chains of a space that no record refers to at the moment: being written, or being freed.
///
/// A value that takes many pages is written and freed in several mini-transactions. Between them the first page of its
/// chain is noted in one of 64 slots on page 0, in the same mini-transactions that add or free the pages, so that
/// recovery finds and frees what a crash leaves behind.
///
///     offset 12416 on page 0: 64 slots of 8 bytes: first page 4 (0 = the slot is empty), kind 4
enum PendingChains {
    /// Why a chain is pending.
    enum Kind: UInt32, Sendable {
        /// Its value is being written.
        case writing = 1
        /// Its value is gone.
        case freeing = 2
    }

    /// The number of slots.
    static let slotCount = 64
    /// The most bytes of redo that a change of a slot logs.
    static let redoBytes = 32

    private static let base = 12416

    /// Latches page 0 exclusively, for the calls below and for
    /// ``SpaceAllocator/prepare(_:_:leafPages:nonLeafPages:freeing:near:purpose:header:)``.
    static func latchHeader(_ mtr: inout MiniTransaction, _ space: Space) throws(RedoubtError) -> Frame {
        try mtr.latchExclusive(PageID(space: space.id, number: SpaceFormat.headerPage))
    }

    /// Returns an empty slot, or nil if all are taken: wait for another value to be finished.
    static func emptySlot(_ header: Frame) -> Int? {
        (0..<slotCount).first { header.bytes.u32(at: base + 8 * $0) == 0 }
    }

    /// Notes that the chain that starts at `page` is pending; also moves a claimed slot on to another first page.
    static func set(_ mtr: inout MiniTransaction, _ header: Frame, slot: Int, page: PageNumber, kind: Kind) {
        precondition(page > .root && page != .none, "a pending chain starts at page \(page)")
        if Scheduling.breaks(.notesNoPendingChain) { return }
        mtr.write32(header, offset(slot), page.rawValue)
        mtr.write32(header, offset(slot) + 4, kind.rawValue)
    }

    /// Empties a slot: a record refers to the chain, or the chain is freed.
    static func clear(_ mtr: inout MiniTransaction, _ header: Frame, slot: Int) {
        mtr.write32(header, offset(slot), 0)
        mtr.write32(header, offset(slot) + 4, 0)
    }

    /// The taken slots of page 0 and the first pages of their chains.
    static func list(_ header: PageBytes) -> [(slot: Int, page: PageNumber)] {
        (0..<slotCount).compactMap { slot in
            let page = header.u32(at: base + 8 * slot)
            return page == 0 ? nil : (slot, PageNumber(rawValue: page))
        }
    }

    /// The offset of the first slot whose kind does not fit its page, or nil.
    static func strangeSlot(_ header: PageBytes) -> Int? {
        for slot in 0..<slotCount {
            let kind = header.u32(at: base + 8 * slot + 4)
            let isEmpty = header.u32(at: base + 8 * slot) == 0
            if isEmpty ? kind != 0 : Kind(rawValue: kind) == nil { return base + 8 * slot + 4 }
        }
        return nil
    }

    /// Where a slot stands on page 0.
    static func offset(_ slot: Int) -> Int {
        precondition((0..<slotCount).contains(slot), "slot \(slot) of pending chains")
        return base + 8 * slot
    }
}
