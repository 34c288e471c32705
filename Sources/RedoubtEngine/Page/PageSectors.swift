/// Which of the 32 sectors of 512 bytes of a page are meant: what a power cut keeps or loses as a whole.
struct PageSectors: Equatable, Sendable {
    /// Bit n stands for bytes 512 n to 512 n + 511.
    private(set) var bits: UInt32

    /// The bytes of a sector.
    static var byteCount: Int { 512 }
    /// No sector.
    static var none: PageSectors { PageSectors(bits: 0) }
    /// Every sector.
    static var all: PageSectors { PageSectors(bits: .max) }
    /// What every write of a page changes: LSN and checksum in the first sector, and their copies in the last.
    static var ends: PageSectors { PageSectors(bits: 0x8000_0001) }

    @inline(__always)
    init(bits: UInt32) {
        self.bits = bits
    }

    /// How many sectors are meant.
    var count: Int { bits.nonzeroBitCount }

    /// Whether no other sectors are meant than by `other`.
    func isSubset(of other: PageSectors) -> Bool { bits & ~other.bits == 0 }

    /// The sectors of this one and of `other`.
    func union(_ other: PageSectors) -> PageSectors { PageSectors(bits: bits | other.bits) }

    /// These but for one that is not of ``ends``, for a test that shows that this is not enough.
    var withoutOne: PageSectors {
        let middle = bits & ~PageSectors.ends.bits
        return PageSectors(bits: bits & ~(middle & ~(middle &- 1)))
    }

    /// Adds the sectors of the `count` bytes from `offset` on, which lie within the page.
    @inline(__always)
    mutating func add(at offset: Int, count: Int) {
        guard count > 0 else { return }
        let first = UInt32(truncatingIfNeeded: offset) &>> 9
        let last = UInt32(truncatingIfNeeded: offset &+ count &- 1) &>> 9
        bits |= (UInt32.max &<< first) & (UInt32.max &>> (31 &- last))
    }

    /// Calls `body` with the offset in the page of each sector, in ascending order.
    func forEachOffset(_ body: (Int) -> Void) {
        var rest = bits
        while rest != 0 {
            body(rest.trailingZeroBitCount * Self.byteCount)
            rest &= rest - 1
        }
    }
}
