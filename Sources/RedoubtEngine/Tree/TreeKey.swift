import RedoubtCore

/// The order of keys, and the separators between them.
package enum TreeKey {
    /// Returns less than, equal to or greater than 0 as `left` stands before, at or after `right` in unsigned byte
    /// order.
    @inline(__always)
    package static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        unsafe KeyOrder.compare(left, right)
    }

    /// Returns the length of the shortest start of `right` that is greater than `left`, which must be less than
    /// `right`.
    static func separatorByteCount(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let common = min(left.count, right.count)
        var index = 0
        while index < common, unsafe left[index] == right[index] { index &+= 1 }
        // Either the bytes differ at `index`, or `left` ends there and `right` goes on.
        return min(index &+ 1, right.count)
    }
}
