import RedoubtCore
import Synchronization

/// A handle to the search index of a page: the memory beside a frame that makes a search touch few cache lines.
///
///     0 state 8 | 8 prefix 16 | 24 heads 4 x capacity | offsets 2 x capacity | child frames 4 x capacity
///
/// A head is the 4 bytes of a key after the prefix that all keys of the page share, as a number. Child frames exist
/// on pages that are not leaves. The memory belongs to the owner of the frame; the handle is one word (address and
/// size), so that it can be kept in one atomic. Changes are made under the page's exclusive latch, by
/// ``PageOperation`` alone, except child frames (shared latch). Optimistic readers may read while it changes:
/// deciding words are relaxed atomics, indices are bounded by the capacity that the handle itself implies, and the
/// reader validates the page's version afterwards.
@safe
struct SearchIndex: Equatable, Sendable {
    /// Address in the low 48 bits, size in units of 64 bytes above.
    let word: UInt64

    /// No index.
    static let none = SearchIndex(word: 0)

    /// Creates the handle from its word.
    @inline(__always)
    init(word: UInt64) {
        self.word = word
    }

    /// Creates the handle of a block of `byteCount` bytes, a multiple of 64, at `block`, aligned to 8.
    init(block: UnsafeMutableRawPointer, byteCount: Int) {
        precondition(byteCount >= 64 && byteCount % 64 == 0 && byteCount < 1 << 22, "a block of \(byteCount) bytes")
        word = UInt64(UInt(bitPattern: block)) | UInt64(byteCount / 64) << 48
    }

    /// No frame: what a child frame is until somebody knows better.
    static let noFrame: UInt32 = .max

    /// The bytes before the heads.
    static let headerByteCount = 24

    /// Returns the bytes wanted for a page with `count` records: room for a quarter more, in units of 64.
    static func byteCount(forRecords count: Int, isLeaf: Bool) -> Int {
        let records = max(count + count / 4, 16) + 1
        let wanted = headerByteCount + records * (isLeaf ? 6 : 10)
        return (wanted + 63) / 64 * 64
    }

    /// Whether this is ``none``.
    @inline(__always)
    var isNone: Bool { word == 0 }

    /// The block, for its owner.
    var block: UnsafeMutableRawPointer { unsafe base }

    /// The size of the block.
    @inline(__always)
    var byteCount: Int { Int(word >> 48) &* 64 }

    @inline(__always)
    var base: UnsafeMutableRawPointer {
        // Never called on .none: its users test isNone or hold a block.
        unsafe UnsafeMutableRawPointer(bitPattern: UInt(word & 0xFFFF_FFFF_FFFF)).unsafelyUnwrapped
    }

    // MARK: The deciding word

    /// Count, prefix length and flags as one word.
    struct State: Equatable {
        var word: UInt64
        /// The number of records.
        @inline(__always) var count: Int { Int(word & 0xFFFF) }
        /// The number of bytes that all keys begin with.
        @inline(__always) var prefixByteCount: Int { Int(word >> 16 & 0xFFFF) }
        /// Whether the content describes the page.
        @inline(__always) var isValid: Bool { word & 1 << 32 != 0 }
        /// Whether the block is laid out for a page that is not a leaf.
        @inline(__always) var hasChildren: Bool { word & 1 << 33 != 0 }
        /// Whether the first record is the minimum node pointer.
        @inline(__always) var hasMinimum: Bool { word & 1 << 34 != 0 }

        /// Whether the content describes a page that is not a leaf.
        @inline(__always) var isNode: Bool { word & (1 << 32 | 1 << 33) == 1 << 32 | 1 << 33 }
        /// Whether the content describes a leaf.
        @inline(__always) var isLeaf: Bool { word & (1 << 32 | 1 << 33 | 1 << 34) == 1 << 32 }

        @inline(__always)
        init(word: UInt64) { self.word = word }

        init(count: Int, prefixByteCount: Int, hasChildren: Bool, hasMinimum: Bool) {
            word =
                UInt64(truncatingIfNeeded: count & 0xFFFF) | UInt64(truncatingIfNeeded: prefixByteCount & 0xFFFF) << 16
                | 1 << 32 | (hasChildren ? 1 << 33 : 0) | (hasMinimum ? 1 << 34 : 0)
        }
    }

    /// The deciding word; not valid if there is no block.
    @inline(__always)
    var state: State {
        get { isNone ? State(word: 0) : State(word: unsafe atomic64.pointee.load(ordering: .relaxed)) }
        nonmutating set { if !isNone { unsafe atomic64.pointee.store(newValue.word, ordering: .relaxed) } }
    }

    @inline(__always)
    private var atomic64: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Whether searches may use the index.
    @inline(__always)
    var isValid: Bool { state.isValid }

    /// The number of records, if the index is valid.
    var count: Int { state.count }

    /// The number of records that a block of this size can describe.
    @inline(__always)
    func capacity(hasChildren: Bool) -> Int {
        // Without a sign, because a search does this division.
        let room = UInt32(truncatingIfNeeded: byteCount &- Self.headerByteCount)
        // Even, so that the child frames behind the offsets are aligned.
        return Int((hasChildren ? room / 10 : room / 6) & ~1)
    }

    /// Marks the content as not describing the page, so that searches use the directory until the owner builds it
    /// again.
    func invalidate() {
        guard !isNone else { return }
        state = State(word: 0)
    }
}
