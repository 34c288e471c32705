import RedoubtCore
import RedoubtSystem
import Synchronization

/// The part of a frame's control block behind the latch; see ``Frame``.
///
/// Every member is atomic, also the list links that a lock protects: a stale hint may read any of them at any time.
/// The order keeps what a page hit touches in the first cache line, together with the latch.
struct FrameState: ~Copyable {
    /// The page in the frame in packed form; 0 when the frame is free.
    ///
    /// Changes only under the exclusive latch.
    let pageID = Atomic<UInt64>(0)
    /// The search index of the page, as ``SearchIndexSlabs`` packs it; 0 for none.
    let searchIndex = Atomic<UInt64>(0)
    /// The address of the frame's 16 KiB; never changes.
    let bytesAddress: UInt
    /// See ``FrameFlags``.
    let flags = Atomic<UInt32>(0)
    /// The sectors changed since a writer last took the page, as ``PageSectors`` has them.
    ///
    /// Changes under the exclusive latch, taken by the writer under the shared latch.
    let changedSectors = Atomic<UInt32>(0)
    /// The end of the last mini-transaction that changed the page.
    let newestModification = Atomic<UInt64>(0)
    /// The start of the first mini-transaction whose change is not on its way to the data file; 0 when there is none.
    let oldestModification = Atomic<UInt64>(0)
    /// See ``FrameIOState``.
    let ioState = Atomic<UInt32>(0)
    /// The number of the frame in the pool; never changes.
    let index: UInt32

    /// Milliseconds of the pool's clock at the first access since the page came in; 0 before it.
    let firstAccess = Atomic<UInt32>(0)
    /// The sectors in which the image that was last written, or was read, may differ from one before it that is
    /// durable; see ``writeTicket``.
    ///
    /// Of the writer that has ``ioState``, or of the reader.
    let unsyncedSectors = Atomic<UInt32>(0)
    /// The write of the page's file that a sync must cover for ``unsyncedSectors`` to be durable.
    let writeTicket = Atomic<UInt64>(0)
    /// The next frame of the same bucket of the page table.
    let tableNext = Atomic<UInt32>(FrameState.noFrame)
    /// The neighbour towards the tail of the LRU list; in a free frame, the next free frame.
    let lruNext = Atomic<UInt32>(FrameState.noFrame)
    /// The neighbour towards the head of the LRU list.
    let lruPrevious = Atomic<UInt32>(FrameState.noFrame)
    /// The neighbour towards the tail (the older end) of the flush list.
    let flushNext = Atomic<UInt32>(FrameState.noFrame)
    /// The neighbour towards the head (the newer end) of the flush list.
    let flushPrevious = Atomic<UInt32>(FrameState.noFrame)
    /// The place of the frame in the memo of the mini-transaction that has it latched exclusively, if it is one of many
    /// there; else anything.
    let memoPosition = Atomic<UInt32>(0)

    /// What a link holds where no frame follows.
    static var noFrame: UInt32 { .max }

    init(index: UInt32, bytesAddress: UInt) {
        self.index = index
        self.bytesAddress = bytesAddress
    }
}

/// The bits of ``FrameState/flags``.
enum FrameFlags {
    /// Used once since the page came in; `firstAccess` says when.
    static var accessed: UInt32 { 1 }
    /// Used again, long enough after the first use: the eviction scan makes the page young.
    static var referenced: UInt32 { 2 }
    /// In the old part of the LRU list.
    ///
    /// Protected by the LRU lock.
    static var old: UInt32 { 4 }
    /// In the LRU list.
    ///
    /// Protected by the LRU lock.
    static var listed: UInt32 { 8 }
    /// Searched once: the next search builds a search index.
    static var searched: UInt32 { 16 }
    /// Some thread is building the search index.
    static var building: UInt32 { 32 }
    /// Made by `create` and not changed yet: the file has no such page.
    static var fresh: UInt32 { 64 }
    /// Made anew by an initialising operation since a writer last took the page: the redo behind the checkpoint gives
    /// its content, whatever the file holds.
    ///
    /// Set under the exclusive latch, cleared by the writer that takes the page.
    static var madeAnew: UInt32 { 128 }
    /// Out of use, because the memory was made less: in no list, without a page.
    ///
    /// Protected by the free-list lock; cleared only by who holds `PoolSize.lock` besides.
    static var withdrawn: UInt32 { 256 }
    /// Withdrawn, and the memory of the page given back to the system.
    ///
    /// Protected by `PoolSize.lock`.
    static var givenBack: UInt32 { 512 }
    /// What a page that comes in starts without.
    static var perPage: UInt32 { accessed | referenced | searched | building | fresh | madeAnew }
}

/// The values of ``FrameState/ioState``.
enum FrameIOState {
    /// No transfer.
    static var none: UInt32 { 0 }
    /// The page is being read; the frame is latched exclusively.
    static var reading: UInt32 { 1 }
    /// A copy of the page is being written; the frame is not latched.
    static var writing: UInt32 { 2 }
}
