import CRedoubtHeader
import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// A place for what one thread at a time uses; it stays where it is.
@safe
struct HeldSlot: ~Copyable {
    /// The handle; its lowest bit is set while a call uses it; 0 if there is none.
    let state = Atomic<UInt>(0)
    /// What the handle is of; belongs to the call that has set the bit.
    var content: UnsafeMutableRawPointer?
    /// How often the slot was used; guarded by the lock of the table.
    var generation: UInt = 0
    // To a line of its own, so that cursors of different threads do not disturb each other.
    private let padding = InlineArray<5, UInt64>(repeating: 0)
}

/// The batches, cursors and loaders that are open, by their handles.
///
/// ## Concurrency
/// A call replaces the handle in its slot by the same with a bit set, which proves that the handle is right and keeps
/// all others out; afterwards it stores the handle again, or 0. Slots are taken and given back under a lock.
enum HeldTable {
    private static let isUsed: UInt = 1
    private static let chunkLength = 1 << 10
    private static let chunkCount = Handle.heldCountMaximum / chunkLength

    private struct Free: Sendable {
        var slots: [Int] = []
        var chunkCount = 0
    }

    /// Addresses of chunks of slots, or 0; never given back.
    private nonisolated(unsafe) static let chunks: UnsafeMutablePointer<Atomic<UInt>> = {
        let chunks = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: chunkCount)
        for index in 0..<chunkCount { unsafe (chunks + index).initialize(to: Atomic(0)) }
        return unsafe chunks
    }()
    private static let free = Mutex(Free())

    /// Runs `body` on what `handle` is of.
    @inline(__always)
    static func use<Content: ~Copyable>(
        _ pointer: OpaquePointer?,
        _ kind: Handle.Kind,
        _: Content.Type,
        _ body: (UnsafeMutablePointer<Content>) throws(RedoubtError) -> redoubt_status
    ) -> redoubt_status {
        Status.of { () throws(RedoubtError) in
            let handle = unsafe Handle(pointer)
            let (slot, content) = unsafe try take(handle, kind)
            defer { unsafe slot.pointee.state.store(handle.number, ordering: .releasing) }
            return unsafe try body(content.assumingMemoryBound(to: Content.self))
        }
    }

    /// Makes a handle of `content`.
    ///
    /// - Throws: `.systemLimit` if there are too many.
    static func add<Content: ~Copyable>(
        _ kind: Handle.Kind,
        _ content: consuming Content
    ) throws(RedoubtError) -> Handle {
        let index = try free.withLock { (free) throws(RedoubtError) in
            if free.slots.isEmpty { try grow(&free) }
            return free.slots.removeLast()
        }
        guard let slot = unsafe slot(index) else { throw tooMany() }
        let memory = UnsafeMutablePointer<Content>.allocate(capacity: 1)
        unsafe memory.initialize(to: content)
        unsafe slot.pointee.content = UnsafeMutableRawPointer(memory)
        unsafe slot.pointee.generation += 1
        let handle = unsafe Handle(kind, in: index, generation: slot.pointee.generation)
        unsafe slot.pointee.state.store(handle.number, ordering: .releasing)
        return handle
    }

    /// Ends what `pointer` is a handle of.
    static func close<Content: ~Copyable>(
        _ pointer: OpaquePointer?,
        _ kind: Handle.Kind,
        _: Content.Type
    ) -> redoubt_status {
        Status.of { () throws(RedoubtError) in
            let handle = unsafe Handle(pointer)
            let (slot, content) = unsafe try take(handle, kind)
            let memory = unsafe content.assumingMemoryBound(to: Content.self)
            unsafe memory.deinitialize(count: 1).deallocate()
            unsafe slot.pointee.content = nil
            unsafe slot.pointee.state.store(0, ordering: .releasing)
            free.withLock { $0.slots.append(handle.heldSlot) }
            return Status.ok
        }
    }

    /// Keeps other calls from what `handle` is of.
    @inline(__always)
    private static func take(
        _ handle: Handle,
        _ kind: Handle.Kind
    ) throws(RedoubtError) -> (UnsafeMutablePointer<HeldSlot>, UnsafeMutableRawPointer) {
        try ThreadBorrow.check()
        guard handle.isOf(kind), let slot = unsafe slot(handle.heldSlot) else { throw invalidHandle(handle, kind) }
        let (isOwn, found) = unsafe slot.pointee.state.compareExchange(
            expected: handle.number,
            desired: handle.number | isUsed,
            ordering: .acquiring
        )
        guard isOwn, let content = unsafe slot.pointee.content else {
            if found == handle.number | isUsed, handle.number & isUsed == 0 {
                throw RedoubtError(.handleInUse, "another thread is using the \(kind.name); one at a time may")
            }
            throw invalidHandle(handle, kind)
        }
        return unsafe (slot, content)
    }

    @inline(__always)
    private static func slot(_ index: Int) -> UnsafeMutablePointer<HeldSlot>? {
        let address = unsafe chunks[index / chunkLength].load(ordering: .acquiring)
        guard let chunk = unsafe UnsafeMutablePointer<HeldSlot>(bitPattern: address) else { return nil }
        return unsafe chunk + index % chunkLength
    }

    private static func grow(_ free: inout Free) throws(RedoubtError) {
        guard free.chunkCount < chunkCount else { throw tooMany() }
        let chunk = unsafe IsolatedMemory.allocate(HeldSlot.self, count: chunkLength)
        for index in 0..<chunkLength { unsafe (chunk + index).initialize(to: HeldSlot()) }
        unsafe chunks[free.chunkCount].store(UInt(bitPattern: chunk), ordering: .releasing)
        let first = free.chunkCount * chunkLength
        free.slots = Array((first..<first + chunkLength).reversed())
        free.chunkCount += 1
    }

    private static func tooMany() -> RedoubtError {
        RedoubtError(.systemLimit, "\(Handle.heldCountMaximum) batches, cursors and loaders are open; close some")
    }
}
