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
    /// How often the slot was used; belongs to who took it from a list.
    var generation: UInt = 0
    // To a line of its own, so that cursors of different threads do not disturb each other.
    private let padding = InlineArray<5, UInt64>(repeating: 0)
}

/// The batches, cursors and loaders that are open, by their handles.
///
/// ## Concurrency
/// A call replaces the handle in its slot by the same with a bit set, which proves that the handle is right and keeps
/// all others out; afterwards it stores the handle again, or 0. Free slots are in lists, of which a thread uses its own
/// until that is empty; each has a lock, and so has the growth of the table.
enum HeldTable {
    private static var isUsed: UInt { 1 }
    private static var chunkLength: Int { 1 << 10 }
    private static var chunkCount: Int { Handle.heldCountMaximum / chunkLength }

    private static let listCount = 16

    /// Free slots.
    @safe
    private struct FreeList: ~Copyable {
        let lock = EngineLock()
        /// Guarded by `lock`.
        var slots: [Int] = []
    }

    /// Addresses of chunks of slots, or 0; never given back.
    private static var chunks: UnsafeMutablePointer<Atomic<UInt>> {
        @inline(__always) get { unsafe redoubt_held_table().assumingMemoryBound(to: Atomic<UInt>.self) }
    }
    private nonisolated(unsafe) static let lists: UnsafeMutablePointer<FreeList> = {
        let lists = unsafe IsolatedMemory.allocate(FreeList.self, count: listCount)
        for index in 0..<listCount { unsafe (lists + index).initialize(to: FreeList()) }
        return unsafe lists
    }()
    /// The chunks that there are.
    private static let grownCount = Atomic<Int>(0)

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
        let index = try freeSlot()
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
            let list = unsafe ownList
            unsafe list.pointee.lock.withLock { unsafe list.pointee.slots.append(handle.heldSlot) }
            return Status.ok
        }
    }

    /// Makes every handle invalid, in a child after `fork()`: what a thread was using is as that thread left it.
    ///
    /// Takes no lock and allocates nothing; no slot that was in use is used again.
    static func forgetAll() {
        var number = 0
        while number < chunkCount {
            if let chunk = unsafe slot(number * chunkLength) {
                var index = 0
                while index < chunkLength {
                    // A store copies a page of the parent.
                    if unsafe (chunk + index).pointee.state.load(ordering: .relaxed) != 0 {
                        unsafe (chunk + index).pointee.state.store(0, ordering: .relaxed)
                    }
                    index += 1
                }
            }
            number += 1
        }
    }

    /// Keeps other calls from what `handle` is of.
    @inline(__always)
    private static func take(
        _ handle: Handle,
        _ kind: Handle.Kind
    ) throws(RedoubtError) -> (UnsafeMutablePointer<HeldSlot>, UnsafeMutableRawPointer) {
        try checkBorrow()
        guard handle.isHeld(kind), let slot = unsafe slot(handle.heldSlot) else { throw invalidHandle(handle, kind) }
        let (isOwn, found) = unsafe slot.pointee.state.compareExchange(
            expected: handle.number,
            desired: handle.number | isUsed,
            ordering: .acquiring
        )
        guard isOwn, let content = unsafe slot.pointee.content else {
            if found == handle.number | isUsed {
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

    private static var ownList: UnsafeMutablePointer<FreeList> {
        unsafe lists + Int(Scheduling.threadOrdinal) % listCount
    }

    /// Takes a slot from the thread's own list, else from another, else from a new chunk.
    private static func freeSlot() throws(RedoubtError) -> Int {
        let own = unsafe ownList
        if let index = unsafe take(from: own) { return index }
        for number in 0..<listCount {
            if let index = unsafe take(from: lists + number) { return index }
        }
        let number = grownCount.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < chunkCount else {
            grownCount.wrappingSubtract(1, ordering: .relaxed)
            throw tooMany()
        }
        let chunk = unsafe IsolatedMemory.allocate(HeldSlot.self, count: chunkLength)
        for index in 0..<chunkLength { unsafe (chunk + index).initialize(to: HeldSlot()) }
        unsafe chunks[number].store(UInt(bitPattern: chunk), ordering: .releasing)
        let first = number * chunkLength
        unsafe own.pointee.lock.withLock {
            unsafe own.pointee.slots += (first + 1..<first + chunkLength).reversed()
        }
        return first
    }

    private static func take(from list: UnsafeMutablePointer<FreeList>) -> Int? {
        unsafe list.pointee.lock.withLock { unsafe list.pointee.slots.popLast() }
    }

    private static func tooMany() -> RedoubtError {
        RedoubtError(.systemLimit, "\(Handle.heldCountMaximum) batches, cursors and loaders are open; close some")
    }
}
