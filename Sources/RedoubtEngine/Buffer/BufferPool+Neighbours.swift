import RedoubtCore
import RedoubtPolicy

/// Why pages are written.
enum FlushType: Sendable {
    /// They are the oldest in the flush list.
    case list
    /// They are next to leave the LRU list; they leave memory once written.
    case lru
}

// Neighbours: the dirty pages that lie beside a page that must be written.
extension BufferPool {
    /// Replaces `chosen`, the frames that must be written, by them and their neighbours: each with its neighbours in
    /// the order of page numbers, until `budget` frames are chosen.
    ///
    /// The frames that no longer fit are left for the next batch. Takes no latch: who writes looks again under it.
    func addNeighbours(to chosen: inout [UInt32], type: FlushType, budget: Int) {
        let setting = configuration.flushing.neighbours
        guard setting != .none, !chosen.isEmpty else { return }
        var all: [UInt32] = []
        all.reserveCapacity(budget)
        var isTaken: Set<UInt32> = []
        for victim in chosen where !isTaken.contains(victim) {
            guard all.count < budget else { break }
            var added = 0
            for index in neighbours(of: frame(victim), setting, type: type, budget: budget - all.count) {
                guard isTaken.insert(index).inserted else { continue }
                all.append(index)
                if index != victim { added += 1 }
            }
            guard added > 0 else { continue }
            statistics.add(.neighbourBatches, shard: victim)
            statistics.add(.neighbourPages, UInt64(added), shard: victim)
        }
        chosen = all
    }

    /// The frame `victim` and those of its neighbours, in the order of page numbers.
    private func neighbours(
        of victim: Frame,
        _ setting: Configuration.Neighbours,
        type: FlushType,
        budget: Int
    ) -> [UInt32] {
        let page = victim.pageID
        // A page that has just left memory has no neighbours.
        guard page.packed != 0 else { return [victim.index] }
        let instance = instance(of: victim)
        let area = NeighbourArea(
            setting: setting,
            areaPageCount: Int(Self.areaPageCount),
            instancePageCount: instance.frameCount,
            lruLength: instance.pageCount
        )
        let numbers = area.pages(around: page.number.rawValue, budget: budget) { number in
            flushableNeighbour(PageID(space: page.space, number: PageNumber(rawValue: number)), type) != nil
        }
        return numbers.compactMap { number in
            if number == page.number.rawValue { return victim.index }
            return flushableNeighbour(PageID(space: page.space, number: PageNumber(rawValue: number)), type)?.index
        }
    }

    /// The frame of `page` if it is dirty, not being written, in nobody's exclusive use and, for the LRU list, old.
    private func flushableNeighbour(_ page: PageID, _ type: FlushType) -> Frame? {
        guard let frame = table.find(page), frame.isDirty, frame.ioState == FrameIOState.none,
            frame.optimisticVersion() != nil, type == .list || frame.has(FrameFlags.old)
        else { return nil }
        return frame
    }
}
