package import RedoubtCore

/// The value of a row while its leaf is latched; valid only inside the closure that got it.
@safe
package struct TreeValue {
    private let record: Record
    // Not counted: whoever runs the closure that is given the value keeps the tree meanwhile.
    private unowned(unsafe) let kernel: Kernel
    private unowned(unsafe) let space: Space
    private let shape: RecordShape

    @inline(__always)
    init(record: Record, tree: borrowing Tree) {
        self.record = record
        unsafe kernel = tree.kernel
        unsafe space = tree.space
        shape = record.shape
    }

    /// The length in bytes.
    package var count: Int {
        shape.isOffPage ? Int(clamping: record.valueReference.byteCount) : shape.valueByteCount
    }

    /// Whether the bytes stand in the leaf, so that ``inlineBytes`` are all of them.
    package var isInline: Bool { !shape.isOffPage }

    /// The bytes in the leaf; none if the value stands outside.
    package var inlineBytes: UnsafeRawBufferPointer {
        let count = shape.isOffPage ? 0 : shape.valueByteCount
        return unsafe record.page.bytes(
            at: record.origin &+ shape.keyByteCount &+ Record.systemByteCount,
            count: count
        )
    }

    /// Where the value stands, if it is not in the leaf.
    var reference: OffPageReference? { shape.isOffPage ? record.valueReference : nil }

    /// Hands over the value in order, in pieces of at most 16330 bytes; `body` returns whether it wants more.
    ///
    /// Waits.
    ///
    /// - Throws: `.corruptPage` if the chain is not what the reference says.
    package func forEachChunk(
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Bool
    ) throws(RedoubtError) {
        guard let reference else {
            _ = unsafe try body(inlineBytes)
            return
        }
        unsafe try Tree(kernel: kernel, space: space).readChain(reference, body)
    }

    /// Returns all bytes.
    ///
    /// Waits.
    package func copy() throws(RedoubtError) -> [UInt8] {
        if isInline { return unsafe [UInt8](inlineBytes) }
        var bytes: [UInt8] = []
        // A damaged length must not reserve 4 GiB before the first page proved it.
        bytes.reserveCapacity(min(count, 1 << 20))
        unsafe try forEachChunk { (chunk) throws(RedoubtError) in
            unsafe bytes.append(contentsOf: chunk)
            return true
        }
        return bytes
    }

    /// Returns whether the bytes are those of `other`.
    ///
    /// Waits.
    package func equals(_ other: UnsafeRawBufferPointer) throws(RedoubtError) -> Bool {
        guard count == other.count else { return false }
        var offset = 0
        var isEqual = true
        unsafe try forEachChunk { (chunk) throws(RedoubtError) in
            let part = unsafe UnsafeRawBufferPointer(rebasing: other[offset..<offset + chunk.count])
            isEqual = unsafe TreeKey.compare(chunk, part) == 0
            offset += chunk.count
            return isEqual
        }
        return isEqual
    }
}
