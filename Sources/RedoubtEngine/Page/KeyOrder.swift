/// The order of keys: byte by byte, unsigned, a prefix before what it begins.
enum KeyOrder {
    /// Returns a negative number, 0 or a positive number as `left` sorts before, with or after `right`.
    @inline(__always)
    static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else {
            return left.count &- right.count
        }
        return unsafe compare(leftStart, left.count, rightStart, right.count)
    }

    /// The same for bytes given as start and count.
    @inline(__always)
    static func compare(_ left: UnsafeRawPointer, _ leftCount: Int, _ right: UnsafeRawPointer, _ rightCount: Int) -> Int
    {
        let common = leftCount < rightCount ? leftCount : rightCount
        var offset = 0
        while offset &+ 8 <= common {
            let one = unsafe word(left + offset)
            let other = unsafe word(right + offset)
            if one != other { return one < other ? -1 : 1 }
            offset &+= 8
        }
        if offset < common {
            if common >= 8 {
                // The last word again from its end: what overlaps is known to be equal.
                let one = unsafe word(left + (common &- 8))
                let other = unsafe word(right + (common &- 8))
                if one != other { return one < other ? -1 : 1 }
            } else {
                let one = unsafe padded(left + offset, common &- offset)
                let other = unsafe padded(right + offset, common &- offset)
                if one != other { return one < other ? -1 : 1 }
            }
        }
        return leftCount &- rightCount
    }

    /// Returns whether `left` and `right` are the same bytes.
    @inline(always)
    static func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        let count = left.count
        guard count == right.count, let one = left.baseAddress, let other = right.baseAddress else {
            return left.count == right.count
        }
        if count < 8 { return unsafe padded(one, count) == padded(other, count) }
        let last = count &- 8
        var offset = 0
        while offset < last {
            let same =
                unsafe one.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                == other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if !same { return false }
            offset &+= 8
        }
        // The last word from its end: what overlaps is known to be equal.
        return unsafe one.loadUnaligned(fromByteOffset: last, as: UInt64.self)
            == other.loadUnaligned(fromByteOffset: last, as: UInt64.self)
    }

    /// The 8 bytes at `start` as a number whose order is theirs.
    @inline(__always)
    static func word(_ start: UnsafeRawPointer) -> UInt64 {
        unsafe UInt64(bigEndian: start.loadUnaligned(as: UInt64.self))
    }

    /// Fewer than 8 bytes as such a number, with zeros for those that are missing.
    @inline(__always)
    static func padded(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            let high = unsafe UInt64(UInt32(bigEndian: start.loadUnaligned(as: UInt32.self)))
            let low = unsafe UInt64(
                UInt32(bigEndian: start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            )
            // `low` ends where the bytes end; shifted there, its overlap with `high` is the same bits.
            return high << 32 | low << UInt64(truncatingIfNeeded: 64 &- 8 &* count)
        }
        var result: UInt64 = 0
        var index = 0
        while index < count {
            result |=
                unsafe UInt64(start.load(fromByteOffset: index, as: UInt8.self))
                << UInt64(truncatingIfNeeded: 56 &- 8 &* index)
            index &+= 1
        }
        return result
    }

    /// The 8 bytes of a key from `offset` on, zeros for those that are missing.
    @inline(__always)
    static func word(_ key: UnsafeRawBufferPointer, from offset: Int) -> UInt64 {
        guard let start = key.baseAddress, offset < key.count else { return 0 }
        let count = key.count &- offset
        return count >= 8 ? unsafe word(start + offset) : unsafe padded(start + offset, count)
    }

    /// The bits of the first `count` bytes of such a word, all from 8 on.
    @inline(__always)
    static func mask(_ count: Int) -> UInt64 {
        count >= 8 ? ~0 : ~UInt64(0) << UInt64(truncatingIfNeeded: 64 &- 8 &* count)
    }

    /// The first 8 bytes of a key, zeros for those that are missing.
    @inline(__always)
    static func leadingWord(_ key: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = key.baseAddress else { return 0 }
        return key.count >= 8 ? unsafe word(start) : unsafe padded(start, key.count)
    }

    /// The 4 bytes of a key from `offset` on, zeros for those that are missing.
    @inline(__always)
    static func head(_ key: UnsafeRawBufferPointer, from offset: Int) -> UInt32 {
        guard let start = key.baseAddress, offset < key.count else { return 0 }
        let count = key.count &- offset
        if count >= 4 { return unsafe UInt32(bigEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
        return UInt32(truncatingIfNeeded: unsafe padded(start + offset, count) >> 32)
    }

    /// Returns how many bytes `left` and `right` have in common from their starts.
    static func commonPrefix(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let limit = min(left.count, right.count)
        var count = 0
        while count < limit, unsafe left[count] == right[count] { count &+= 1 }
        return count
    }
}
