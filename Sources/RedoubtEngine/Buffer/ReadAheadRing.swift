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

    /// Adds requests, as many as fit.
    func add(_ pages: some Sequence<PageID>) {
        guard isActive else { return }
        waiting.withLock { waiting in
            for page in pages where waiting.count < Self.capacity { waiting.append(page) }
        }
        requested.signal()
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

    /// Asks for the neighbouring area if the page in `frame`, used for the first time, ends an area that was used in
    /// order.
    ///
    /// InnoDB: `buf_read_ahead_linear`.
    func considerReadAhead(_ frame: Frame) {
        let threshold = configuration.bufferPool.readAheadThreshold
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
