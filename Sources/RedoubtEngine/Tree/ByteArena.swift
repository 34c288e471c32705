/// Bytes that only grow at their end, for keys and values that are collected.
///
/// An array does the same, at several times the cost: it cannot be appended to from a buffer without a detour.
@safe
package struct ByteArena: ~Copyable, @unchecked Sendable {
    private var memory: UnsafeMutableRawBufferPointer
    /// The number of bytes.
    package private(set) var count = 0

    /// Creates an arena without bytes, and without memory.
    package init() {
        unsafe memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Appends `source`, which must not be in the arena; returns where it stands.
    package mutating func append(_ source: UnsafeRawBufferPointer) -> Range<Int> {
        let start = count
        if unsafe source.count > memory.count &- start { grow(by: source.count) }
        if let from = source.baseAddress, let base = unsafe memory.baseAddress {
            unsafe (base + start).copyMemory(from: from, byteCount: source.count)
            count = start &+ source.count
        }
        return start..<count
    }

    @inline(never)
    private mutating func grow(by byteCount: Int) {
        let capacity = unsafe max(2 * memory.count, count + byteCount, 1024)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        unsafe memory.deallocate()
        unsafe memory = unsafe larger
    }

    /// Gives the bytes away, as they are for ever.
    package consuming func seal() -> SealedBytes {
        let sealed = unsafe SealedBytes(memory, count: count)
        discard self
        return sealed
    }
}

/// Bytes that do not change any more.
@safe
package final class SealedBytes: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    /// The bytes, which live as long as this.
    package let bytes: UnsafeRawBufferPointer

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer, count: Int) {
        unsafe self.memory = unsafe memory
        unsafe bytes = UnsafeRawBufferPointer(start: memory.baseAddress, count: count)
    }

    deinit {
        unsafe memory.deallocate()
    }
}
