import CRedoubtShims
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Requests to read pages ahead: a bounded ring that drops what does not fit.
final class ReadAheadRing: Sendable {
    private static var capacity: Int { 1024 }
    private let waiting = Mutex<[PageID]>([])
    private let active = Atomic<Bool>(false)
    /// Signalled when requests wait.
    let requested = Event()

    /// Whether some thread serves requests; without one they are dropped.
    var isActive: Bool { active.load(ordering: .acquiring) }

    /// Says whether some thread serves requests.
    func setActive(_ isActive: Bool) {
        active.store(isActive, ordering: .releasing)
        if !isActive { waiting.withLock { $0.removeAll() } }
        requested.signal()
    }

    /// Adds requests, as many as fit, and returns how many that were.
    @discardableResult
    func add(_ pages: some Sequence<PageID>) -> Int {
        guard isActive else { return 0 }
        let count = waiting.withLock { waiting in
            let before = waiting.count
            for page in pages where waiting.count < Self.capacity { waiting.append(page) }
            return waiting.count - before
        }
        requested.signal()
        return count
    }

    /// Takes the first requests, at most `count`.
    func take(_ count: Int) -> [PageID] {
        waiting.withLock { waiting in
            // Element by element, so that no buffer is shared, which the next change would have to copy.
            var taken: [PageID] = []
            for page in waiting.prefix(count) { taken.append(page) }
            if !taken.isEmpty { waiting.removeFirst(taken.count) }
            return taken
        }
    }
}

extension BufferPool {
    /// The pages of an area: what is read ahead at once.
    static var areaPageCount: UInt32 { 64 }

    /// Asks for `pages` to be read in the background; those that do not fit in the ring are forgotten.
    func prefetch(_ pages: some Sequence<PageID>) {
        readAhead.add(pages)
    }

    /// Asks for `page`, which will be wanted soon, unless it is in memory; then the processor fetches its beginning.
    ///
    /// A request for what is there would wake a thread that has nothing to do.
    func prefetch(_ page: PageID) {
        guard let frame = table.find(page) else { return prefetch(CollectionOfOne(page)) }
        let start = unsafe frame.memory
        for line in 0..<2 { unsafe redoubt_prefetch(start + 64 &* line) }
    }

    /// Asks for the neighbouring area if the page in `frame`, used for the first time, ends an area that was used in
    /// order.
    ///
    /// InnoDB: `buf_read_ahead_linear`.
    func considerReadAhead(_ frame: Frame) {
        let threshold = options.readAheadThreshold.load(ordering: .relaxed)
        guard threshold > 0, readAhead.isActive else { return }
        let page = frame.pageID
        let area = Self.areaPageCount
        let offset = page.number.rawValue % area
        guard offset == 0 || offset == area - 1, let file = files.file(page.space) else { return }
        let ascends = offset != 0
        let low = page.number.rawValue - offset
        // Written so that no number from a page can overflow.
        let pageCount = file.pageCount
        guard pageCount >= area, low <= pageCount - area else { return }
        let target = ascends ? frame.bytes.next : frame.bytes.previous
        guard target != .none, target.rawValue % area == (ascends ? 0 : area - 1) else { return }
        let targetLow = target.rawValue - target.rawValue % area
        guard targetLow <= pageCount - area else { return }
        guard wasUsedInOrder(page.space, low: low, ascends: ascends, failuresAllowed: Int(area) - threshold) else {
            return
        }
        prefetch(
            (targetLow..<targetLow + area).lazy.map { PageID(space: page.space, number: PageNumber(rawValue: $0)) }
        )
    }

    /// Asks for the rest of the area of `page`, which was just read because somebody wanted it, if many pages of the
    /// area are in memory and in use.
    ///
    /// InnoDB: `buf_read_ahead_random`.
    func considerRandomReadAhead(_ page: PageID) {
        guard options.readsAheadAtRandom.load(ordering: .relaxed), readAhead.isActive,
            let file = files.file(page.space)
        else { return }
        let low = page.number.rawValue - page.number.rawValue % Self.areaPageCount
        let high = UInt32(min(UInt64(low) + UInt64(Self.areaPageCount), UInt64(file.pageCount)))
        guard low < high else { return }
        var used = 0
        var missing: [PageID] = []
        for number in low..<high {
            let neighbour = PageID(space: page.space, number: PageNumber(rawValue: number))
            guard let frame = table.find(neighbour) else {
                missing.append(neighbour)
                continue
            }
            if isInUse(frame) { used += 1 }
        }
        guard used >= Self.randomReadAheadThreshold, !missing.isEmpty else { return }
        statistics.add(.pagesReadAheadAtRandom, UInt64(readAhead.add(missing)), shard: page.number.rawValue)
    }

    /// The pages of an area in use from which on the whole area is read.
    ///
    /// InnoDB: `BUF_READ_AHEAD_RANDOM_THRESHOLD`.
    static var randomReadAheadThreshold: Int { 5 + Int(areaPageCount) / 8 }

    /// Whether a page was used, and is young or has been used again; while an LRU list is too short to have an old
    /// part, whether it was used.
    private func isInUse(_ frame: Frame) -> Bool {
        guard frame.has(FrameFlags.accessed) else { return false }
        if !frame.has(FrameFlags.old) || frame.has(FrameFlags.referenced) { return true }
        return instance(of: frame).pageCount < LRUList.midpointMinimum
    }

    private func wasUsedInOrder(_ space: SpaceID, low: UInt32, ascends: Bool, failuresAllowed: Int) -> Bool {
        var failures = 0
        var last: UInt32?
        for number in low..<low + Self.areaPageCount {
            var isInOrder = false
            if let frame = table.find(PageID(space: space, number: PageNumber(rawValue: number))),
                frame.has(FrameFlags.accessed)
            {
                let time = unsafe frame.state.pointee.firstAccess.load(ordering: .relaxed)
                isInOrder = last.map { ascends ? time >= $0 : time <= $0 } ?? true
                last = time
            }
            if !isInOrder {
                failures += 1
                if failures > failuresAllowed { return false }
            }
        }
        return true
    }
}
