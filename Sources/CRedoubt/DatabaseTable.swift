import CRedoubtHeader
import CRedoubtShims
import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// A place for an open database; it stays where it is, so that a call may look at it without owning it.
///
/// Memory of zeros is a slot that was never used.
@safe
struct DatabaseSlot: ~Copyable {
    /// The handle of the database, or 0 if there is none or it is being closed.
    let state: Atomic<UInt>
    /// The calls that are inside, each thread on a line of its own; allocated when the slot is first used.
    var lines: UnsafeMutablePointer<Atomic<Int>>?
    /// The database; stays while `state` is its handle, or a line is not 0.
    var content: Unmanaged<OpenDatabase>?
    /// How often the slot was used; guarded by the lock of the table.
    var generation: UInt
    /// Signalled when a call leaves a database that is being closed; made when the slot is first used.
    var left: Event?
}

/// The databases that are open, by their handles.
///
/// ## Concurrency
/// A call counts itself on its thread's line and then looks again whether the slot still holds what its handle says;
/// closing takes the handle out of the slot and then waits until every line is 0. These four steps are sequentially
/// consistent, so either the call sees that the database is being closed, or the closing sees the call. No call
/// writes to memory that another thread's call writes to, up to 64 threads.
enum DatabaseTable {
    private static var lineCount: Int { 64 }
    private static var lineStride: Int { 16 }

    /// Every slot.
    private static var slots: UnsafeMutablePointer<DatabaseSlot> {
        @inline(__always) get {
            unsafe redoubt_database_table().assumingMemoryBound(to: DatabaseSlot.self)
        }
    }
    /// Whether a child after `fork()` begins without handles; arranged when first asked.
    private static let isForgottenAtFork =
        redoubt_at_fork {
            DatabaseTable.forgetAll()
            HeldTable.forgetAll()
        } == 0
    private static let freeSlots = Mutex(Array((0..<Handle.databaseCountMaximum).reversed()))

    /// A call that is inside a database, until ``leave()``.
    @safe
    struct Call {
        fileprivate let slot: UnsafeMutablePointer<DatabaseSlot>
        fileprivate let line: UnsafeMutablePointer<Atomic<Int>>
        fileprivate let handle: Handle

        /// The database.
        var content: Unmanaged<OpenDatabase>? {
            @inline(__always) get { unsafe slot.pointee.content }
        }

        /// Ends the call.
        @inline(__always)
        func leave() {
            unsafe line.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            if unsafe slot.pointee.state.load(ordering: .sequentiallyConsistent) != handle.number {
                unsafe slot.pointee.left?.signal()
            }
        }
    }

    /// Begins a call to the database of `handle`; nil if it is none, or not open.
    @inline(__always)
    static func enter(_ handle: Handle) -> Call? {
        let slot = unsafe slots + handle.databaseSlot
        // A slot that was never used has no lines.
        guard unsafe handle.isOf(.database) && slot.pointee.state.load(ordering: .acquiring) == handle.number,
            let lines = unsafe slot.pointee.lines
        else { return nil }
        let number = Int(redoubt_thread_ordinal()) & (lineCount - 1)
        let call = unsafe Call(slot: slot, line: lines + number * lineStride, handle: handle)
        unsafe call.line.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if unsafe slot.pointee.state.load(ordering: .sequentiallyConsistent) == handle.number { return call }
        call.leave()
        return nil
    }

    /// Opens a database with `open` and returns its handle.
    ///
    /// - Throws: `.systemLimit` if there are too many, or memory lacks; what `open` throws.
    static func open(_ open: () throws(RedoubtError) -> Database) throws(RedoubtError) -> Handle {
        guard isForgottenAtFork else { throw RedoubtError(.systemLimit, "no memory for what fork() must call") }
        guard let index = freeSlots.withLock({ $0.popLast() }) else {
            throw RedoubtError(.systemLimit, "\(Handle.databaseCountMaximum) databases are open; close one")
        }
        let database: Database
        do throws(RedoubtError) {
            database = try open()
        } catch {
            freeSlots.withLock { $0.append(index) }
            throw error
        }
        precondition(MemoryLayout<DatabaseSlot>.stride <= 64, "a slot does not fit the memory of the table")
        // Nobody else touches a slot that is neither free nor open.
        let slot = unsafe slots + index
        if unsafe slot.pointee.lines == nil {
            unsafe slot.pointee.lines = makeLines()
            unsafe slot.pointee.left = Event()
        }
        unsafe slot.pointee.content = Unmanaged.passRetained(OpenDatabase(database))
        unsafe slot.pointee.generation += 1
        let handle = unsafe Handle(databaseIn: index, generation: slot.pointee.generation)
        unsafe slot.pointee.state.store(handle.number, ordering: .sequentiallyConsistent)
        return handle
    }

    /// Ends the validity of `handle`, waits for the calls inside, and returns what it was of; nil if it is none.
    static func remove(_ handle: Handle) -> OpenDatabase? {
        guard handle.isOf(.database) else { return nil }
        let slot = unsafe slots + handle.databaseSlot
        let (isOwn, _) = unsafe slot.pointee.state.compareExchange(
            expected: handle.number,
            desired: 0,
            ordering: .sequentiallyConsistent
        )
        guard isOwn, let lines = unsafe slot.pointee.lines, let left = unsafe slot.pointee.left else { return nil }
        while true {
            let ticket = left.ticket
            if unsafe isEmpty(lines) { break }
            left.wait(ticket)
        }
        let content = unsafe slot.pointee.content?.takeRetainedValue()
        unsafe slot.pointee.content = nil
        // Behind the others, so that a generation lasts long.
        freeSlots.withLock { $0.insert(handle.databaseSlot, at: 0) }
        return content
    }

    /// Makes every handle invalid, in a child after `fork()`: the engine's threads are the parent's.
    ///
    /// Takes no lock and allocates nothing; no slot that was in use is used again.
    private static func forgetAll() {
        var index = 0
        while index < Handle.databaseCountMaximum {
            let slot = unsafe slots + index
            if unsafe slot.pointee.state.load(ordering: .relaxed) != 0 {
                unsafe slot.pointee.state.store(0, ordering: .relaxed)
            }
            // They count calls of threads that the child does not have.
            if unsafe slot.pointee.lines != nil { unsafe slot.pointee.lines = nil }
            index += 1
        }
    }

    private static func makeLines() -> UnsafeMutablePointer<Atomic<Int>> {
        let lines = unsafe IsolatedMemory.allocate(Atomic<Int>.self, count: lineCount * lineStride)
        for index in 0..<lineCount * lineStride { unsafe (lines + index).initialize(to: Atomic(0)) }
        return unsafe lines
    }

    private static func isEmpty(_ lines: UnsafeMutablePointer<Atomic<Int>>) -> Bool {
        for number in 0..<lineCount {
            if unsafe lines[number * lineStride].load(ordering: .sequentiallyConsistent) != 0 { return false }
        }
        return true
    }
}
