import RedoubtCore
import RedoubtPolicy

/// A page of the model; all that is known of it lies in one cache line.
struct ModelPage {
    /// The position of its oldest change that is in no file; 0 if there is none.
    var oldest: UInt64 = 0
    /// The end of the redo of its last change.
    var newest: UInt64 = 0
    /// When it was first used after it was read, in milliseconds.
    var used: UInt32 = 0
    /// Its neighbours in the LRU list; -1 is none.
    var newer: Int32 = -1
    var older: Int32 = -1
    var isResident = false
    var isOld = false
    var isWriting = false
    /// Whether it was made anew and not written since.
    var isAnew = false
    /// Whether it leaves when it is written.
    var leaves = false
    /// Whether it is being read.
    var isReading = false
    /// Whether it is written because it lies beside one that must be.
    var isNeighbour = false
    /// Clients that hold it.
    var holders: UInt16 = 0
    /// The batch that writes it.
    var batch: Int32 = -1
    /// When its write began, in microseconds.
    var started: UInt32 = 0
}

/// One instance of the buffer pool: its free frames, its LRU list in two parts, and its flush list.
struct PoolInstanceModel {
    /// A part of the LRU list, newest first.
    struct Part {
        var newest: Int32 = -1
        var oldest: Int32 = -1
        var count = 0
    }

    /// An entry of the flush list; stale if the page has another oldest change by now.
    struct Dirty {
        let page: Int32
        let oldest: UInt64
    }

    var free: Int
    var young = Part()
    var old = Part()
    var dirtyCount = 0
    var ages: DirtyAges
    var framesTaken: UInt64 = 0
    var frameWaits: UInt64 = 0
    /// Clients that wait for a frame, in order.
    var waiters: [Int32] = []
    /// The frames below which somebody is woken to make more.
    var roomMark: Int
    private(set) var flushList: [Dirty] = []
    private(set) var flushHead = 0

    init(frames: Int, freeTarget: Int, redoCapacity: Int) {
        free = frames
        roomMark = freeTarget / 2
        ages = DirtyAges(redoCapacity: redoCapacity)
    }

    mutating func append(_ dirty: Dirty) {
        flushList.append(dirty)
        dirtyCount += 1
        ages.add(dirty.oldest)
    }

    /// Drops the head of the flush list.
    mutating func advance() {
        flushHead += 1
        if flushHead > 1 << 16, flushHead > flushList.count / 2 {
            flushList.removeFirst(flushHead)
            flushHead = 0
        }
    }

    var pageCount: Int { young.count + old.count }
}

/// The buffer pool of the model: which pages are in memory, in what order they leave, and which are dirty.
struct PoolModel {
    var pages: [ModelPage]
    var instances: [PoolInstanceModel]
    let freeTarget: Int
    /// Whether nothing ever has to leave, so that nobody keeps lists.
    let isRoomy: Bool
    /// Pages that were read, and dirty ones in all instances.
    private(set) var residentCount = 0
    var dirtyCount: Int { instances.reduce(0) { $0 + $1.dirtyCount } }
    var freeCount: Int { instances.reduce(0) { $0 + $1.free } }

    /// A page that is used again this long after its first use is young, in milliseconds.
    ///
    /// InnoDB: `innodb_old_blocks_time`.
    private static let oldTime: UInt32 = 1000
    /// The share of the LRU list that is old.
    ///
    /// InnoDB: `innodb_old_blocks_pct`.
    private static let oldShare = 0.37

    init(_ scenario: Scenario) {
        pages = Array(repeating: ModelPage(), count: scenario.pageCount)
        freeTarget = max(4, min(scenario.freeFrameTarget, scenario.frameCount / scenario.instanceCount / 8))
        let share = scenario.frameCount / scenario.instanceCount
        let target = freeTarget
        instances = (0..<scenario.instanceCount).map { _ in
            PoolInstanceModel(frames: share, freeTarget: target, redoCapacity: scenario.redoCapacity)
        }
        isRoomy =
            scenario.pageCount + scenario.pageCount / 8 + scenario.instanceCount * (2 * freeTarget + 64)
            <= scenario.frameCount
    }

    /// The instance of a page: whole extents go together.
    @inline(__always)
    func instance(of page: Int) -> Int { instances.count == 1 ? 0 : (page >> 6) % instances.count }

    /// Puts a page into a frame that was taken for it.
    mutating func insert(_ page: Int, millisecond: UInt32) {
        pages[page].isResident = true
        pages[page].used = millisecond
        residentCount += 1
        if isRoomy { return }
        let index = instance(of: page)
        link(page, index, isOld: instances[index].pageCount >= 512)
        balance(index)
    }

    /// Takes note of a use.
    @inline(__always)
    mutating func touch(_ page: Int, millisecond: UInt32) {
        if isRoomy { return }
        touchList(page, millisecond)
    }

    private mutating func touchList(_ page: Int, _ millisecond: UInt32) {
        // Young ones move once a second at most: more would change little.
        guard millisecond &- pages[page].used >= Self.oldTime else { return }
        let index = instance(of: page)
        unlink(page, index)
        link(page, index, isOld: false)
        pages[page].used = millisecond
        balance(index)
    }

    /// Keeps the share of old pages, by moving the border between the parts.
    private mutating func balance(_ index: Int) {
        let count = instances[index].pageCount
        guard count >= 512 else { return }
        let wanted = Int(Double(count) * Self.oldShare)
        while instances[index].old.count < wanted - Self.tolerance {
            let page = Int(instances[index].young.oldest)
            unlink(page, index)
            link(page, index, isOld: true)
        }
        while instances[index].old.count > wanted + Self.tolerance {
            let page = Int(instances[index].old.newest)
            unlink(page, index)
            linkOldest(page, index)
        }
    }

    /// How far the share of old pages may be off.
    ///
    /// InnoDB: `BUF_LRU_OLD_TOLERANCE`.
    private static let tolerance = 20

    /// Makes a page the oldest of the young ones.
    private mutating func linkOldest(_ page: Int, _ index: Int) {
        var part = instances[index].young
        pages[page].isOld = false
        pages[page].older = -1
        pages[page].newer = part.oldest
        if part.oldest >= 0 { pages[Int(part.oldest)].older = Int32(page) }
        part.oldest = Int32(page)
        if part.newest < 0 { part.newest = Int32(page) }
        part.count += 1
        instances[index].young = part
    }

    private mutating func link(_ page: Int, _ index: Int, isOld: Bool) {
        var part = isOld ? instances[index].old : instances[index].young
        pages[page].isOld = isOld
        pages[page].newer = -1
        pages[page].older = part.newest
        if part.newest >= 0 { pages[Int(part.newest)].newer = Int32(page) }
        part.newest = Int32(page)
        if part.oldest < 0 { part.oldest = Int32(page) }
        part.count += 1
        if isOld { instances[index].old = part } else { instances[index].young = part }
    }

    private mutating func unlink(_ page: Int, _ index: Int) {
        let (newer, older, isOld) = (pages[page].newer, pages[page].older, pages[page].isOld)
        var part = isOld ? instances[index].old : instances[index].young
        if newer >= 0 { pages[Int(newer)].older = older } else { part.newest = older }
        if older >= 0 { pages[Int(older)].newer = newer } else { part.oldest = newer }
        part.count -= 1
        if isOld { instances[index].old = part } else { instances[index].young = part }
    }

    /// Removes a clean page from memory; its frame is free then.
    mutating func evict(_ page: Int) {
        let index = instance(of: page)
        if !isRoomy { unlink(page, index) }
        pages[page].isResident = false
        pages[page].leaves = false
        residentCount -= 1
        instances[index].free += 1
    }

    /// Makes a page dirty by a change whose redo is `start..<end`.
    @inline(__always)
    mutating func change(_ page: Int, start: UInt64, end: UInt64) {
        pages[page].newest = end
        guard pages[page].oldest == 0 else { return }
        pages[page].oldest = start
        instances[instance(of: page)].append(PoolInstanceModel.Dirty(page: Int32(page), oldest: start))
    }

    /// Takes a dirty page off the flush list because it is being written; returns its oldest change.
    mutating func take(_ page: Int) -> UInt64 {
        let index = instance(of: page)
        let oldest = pages[page].oldest
        pages[page].oldest = 0
        pages[page].isWriting = true
        pages[page].isAnew = false
        instances[index].dirtyCount -= 1
        instances[index].ages.remove(oldest)
        return oldest
    }

    /// Whether a page may be written now.
    func isFlushable(_ page: Int) -> Bool {
        page < pages.count && pages[page].oldest != 0 && !pages[page].isWriting && pages[page].holders == 0
    }

    /// The oldest change of an instance that is in no file and not on its way; nil if there is none.
    mutating func oldest(_ index: Int) -> UInt64? {
        while instances[index].flushHead < instances[index].flushList.count {
            let entry = instances[index].flushList[instances[index].flushHead]
            if pages[Int(entry.page)].oldest == entry.oldest { return entry.oldest }
            instances[index].advance()
        }
        return nil
    }

    /// Chooses the oldest pages of an instance with changes below `limit`, at most `count`, and leaves them listed.
    ///
    /// Says how many it had to pass over because they are latched; those being written are nobody's concern.
    mutating func chooseOldest(_ index: Int, below limit: UInt64, count: Int) -> (chosen: [Int32], skipped: Int) {
        guard let first = oldest(index), first < limit else { return ([], 0) }
        var (chosen, skipped) = ([Int32](), 0)
        var position = instances[index].flushHead
        while chosen.count < count, position < instances[index].flushList.count {
            let entry = instances[index].flushList[position]
            if entry.oldest >= limit { break }
            let page = pages[Int(entry.page)]
            if page.oldest == entry.oldest {
                if page.holders > 0 { skipped += 1 } else if !page.isWriting { chosen.append(entry.page) }
            }
            position += 1
        }
        return (chosen, skipped)
    }

    /// Looks through the end of the LRU list of an instance for `wanted` frames: clean pages leave at once, dirty ones
    /// are returned, at most `most`.
    mutating func sweep(_ index: Int, wanted: Int, most: Int) -> (freed: Int, dirty: [Int32]) {
        var (freed, dirty) = (0, [Int32]())
        var left = max(freeTarget, 64) * 2
        var page = instances[index].old.oldest
        if page < 0 { page = instances[index].young.oldest }
        while page >= 0, left > 0, freed + dirty.count < wanted {
            left -= 1
            let state = pages[Int(page)]
            let next = state.newer >= 0 || !state.isOld ? state.newer : instances[index].young.oldest
            if state.holders > 0 {
                page = next
                continue
            }
            if state.oldest == 0 && !state.isWriting {
                evict(Int(page))
                freed += 1
            } else if !state.isWriting && dirty.count < most {
                dirty.append(page)
            }
            page = next
        }
        return (freed, dirty)
    }
}
