import RedoubtCore
import RedoubtLog
import RedoubtSystem

/// Applies a batch of redo records to their pages in the buffer pool.
///
/// A record is applied if its group starts at or after the page's LSN, which is the end of the last group that changed
/// the page. A page that some record makes anew is not read, whatever the file holds: that record and the later ones
/// give the same bytes from any start.
///
/// A damaged page is an error only at the end, by ``finish()``: it may be a torn first write, and the record that makes
/// the page anew may come in a later batch.
struct RedoApplier {
    let kernel: Kernel
    let flushing: Flushing
    /// Reads pages ahead.
    let queue: any StorageQueue
    /// Called with page 0 of a space, latched, when it may have changed.
    let headerChanged: (Frame) throws(RedoubtError) -> Void

    private let damaged = DamagedPages()

    /// The pages that are read ahead together.
    ///
    /// InnoDB: `RECV_READ_AHEAD_AREA`.
    static let readAheadPageCount = 32

    /// The records of one page.
    private struct Job {
        let page: PageID
        /// The records from the last one that makes the page anew, or all.
        let records: Range<Int>
        let isMadeAnew: Bool
    }

    /// Applies all of `collection` but the pages of `ignored` spaces; `progress` gets the records done, and all.
    ///
    /// Waits.
    ///
    /// - Throws: `.corruptLog` if a record does not fit its page, `.corruptPage`, `.readFailed`, `.fenced`.
    func apply(
        _ collection: RedoCollection,
        ignoring ignored: Set<SpaceID>,
        progress: (Int, Int) -> Void
    ) throws(RedoubtError) {
        let entries = collection.sorted()
        let changedMaximum = max(Self.readAheadPageCount, kernel.pool.plan.frameCount / 3)
        var changed = 0
        var position = 0
        while position < entries.count {
            let jobs = try nextJobs(entries, &position, ignored)
            let pages = jobs.filter { !$0.isMadeAnew }.map(\.page)
            _ = kernel.pool.readBatch(pages, queue: queue, acceptsUnwritten: true)
            for job in jobs {
                try apply(job, entries)
                // Whether a page that is now right was so before makes no difference to what it is.
                Scheduling.remember(.appliedPages, damaged.digest)
                try Scheduling.merge(at: .redoApplied, UInt64(position))
            }
            changed += jobs.count
            if changed >= changedMaximum && !flushing.breaks(.recoveryMakesNoRoom) {
                try flushing.flushAll()
                changed = 0
            }
            progress(position, entries.count)
        }
    }

    /// Returns the next pages with their records, and moves `position` behind them.
    private func nextJobs(
        _ entries: [RedoCollection.Entry],
        _ position: inout Int,
        _ ignored: Set<SpaceID>
    ) throws(RedoubtError) -> [Job] {
        var jobs: [Job] = []
        let countMaximum = Scheduling.isExploring ? 1 : Self.readAheadPageCount
        while position < entries.count, jobs.count < countMaximum {
            let start = position
            while position < entries.count && entries[position].page == entries[start].page { position += 1 }
            let page = PageID(packed: entries[start].page)
            if ignored.contains(page.space), !Scheduling.breaks(.appliesToDropped) { continue }
            var first = start
            var isMadeAnew = false
            for index in (start..<position).reversed() {
                if try operation(entries[index]).initializesPage {
                    first = index
                    isMadeAnew = true
                    break
                }
            }
            jobs.append(Job(page: page, records: first..<position, isMadeAnew: isMadeAnew))
        }
        return jobs
    }

    private func apply(_ job: Job, _ entries: [RedoCollection.Entry]) throws(RedoubtError) {
        let id = job.page
        let frame: Frame
        if job.isMadeAnew {
            frame = try kernel.pool.create(id)
            damaged.pages.remove(id)
        } else {
            do throws(RedoubtError) {
                frame = try kernel.pool.fetchForRecovery(id)
            } catch {
                guard error.code == .corruptPage else { throw error }
                damaged.pages.insert(id)
                return
            }
        }
        do throws(RedoubtError) {
            defer { frame.unlockExclusive() }
            let hasNone = job.isMadeAnew || Scheduling.breaks(.appliesTwice)
            let pageLSN = hasNone ? LogSequenceNumber.zero : frame.bytes.lsn
            var applied: LogRange?
            for record in entries[job.records] where record.start >= pageLSN.rawValue {
                try operation(record).apply(to: frame.bytes, id: id, index: .none)
                applied = LogRange(
                    start: applied?.start ?? LogSequenceNumber(rawValue: record.start),
                    end: LogSequenceNumber(rawValue: record.end)
                )
            }
            if let applied {
                // Only redo that lies changes a page that nothing ever made; the page writer relies on the id.
                guard frame.bytes.id == id else {
                    throw RedoubtError(.corruptLog, "redo up to \(applied.end) changes a page that was never made")
                }
                frame.noteChanged(.all)
                if job.isMadeAnew { frame.set(FrameFlags.madeAnew) }
                kernel.pool.noteRecovered(frame, applied)
            }
            if id.number == SpaceFormat.headerPage { try headerChanged(frame) }
            if Scheduling.isExploring {
                // Not the checksums, which are those of the page as it was read.
                let content = unsafe frame.bytes.bytes(at: 4, count: PageBytes.Offset.trailer - 4)
                damaged.applied = unsafe [damaged.applied, id.packed, content.digest].digest
            }
        } catch {
            throw RedoubtError(error.code, "recovery: \(error.message)", page: id, path: error.path, errno: error.errno)
        }
    }

    /// Says that there is no more redo.
    ///
    /// - Throws: `.corruptPage` if a page that was to be changed is damaged and was not made anew.
    func finish() throws(RedoubtError) {
        guard let page = damaged.pages.min() else { return }
        // Once more, for the error.
        try kernel.pool.fetchForRecovery(page).unlockExclusive()
        throw RedoubtError(.corruptPage, "recovery: the page could not be read before, and can be now", page: page)
    }

    private func operation(_ entry: RedoCollection.Entry) throws(RedoubtError) -> PageOperation {
        let body = unsafe UnsafeRawBufferPointer(start: entry.body, count: Int(entry.byteCount))
        return try unsafe PageOperation.decode(kind: entry.kind, body: body)
    }
}

/// The pages that could not be read because they are damaged.
private final class DamagedPages {
    var pages: Set<PageID> = []
    /// A digest of the pages to which redo was applied; for explorations.
    var applied: UInt64 = 1

    var digest: UInt64 { ([applied] + pages.sorted().map(\.packed)).digest }
}
