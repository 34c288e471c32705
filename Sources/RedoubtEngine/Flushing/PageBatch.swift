import RedoubtCore
import RedoubtSystem
import Synchronization

/// Copies of pages on their way to the data files, with the memory that they lie in.
///
///     memory   header page | images that the doublewrite segment holds ->   ...   <- images that it does not
///
/// Used by one thread at a time, but for ``minimum``.
@safe
final class PageBatch: @unchecked Sendable {
    /// How far the write of a page to its data file has come.
    enum Stage: Sendable {
        /// It has not begun.
        case waiting
        /// It has begun.
        case underWay
        /// It found no space, and may have written a part of the page.
        case refused
        /// It has ended, or was given up.
        case ended
    }

    /// A page on its way.
    struct Flight {
        let frame: Frame
        let file: PageFile
        let page: PageID
        /// The LSN in the image.
        let lsn: LogSequenceNumber
        /// The place of the image in the memory of the batch.
        let place: Int
        /// Whether the device is asked to write all of it or nothing.
        let isAtomic: Bool
        /// How far the write has come.
        var stage = Stage.waiting
        /// When the write began.
        var began = EngineInstant(nanoseconds: 0)
    }

    /// The number of the batch among those of its writer.
    let index: Int
    /// The most pages.
    let capacity: Int
    /// Nothing older than this is on its way in this batch; `.max` when nothing is.
    let minimum = Atomic<UInt64>(.max)
    private let memory: UnsafeMutableRawBufferPointer
    /// The pages, in the order in which they were taken.
    var flights: [Flight] = []
    /// The pages that the doublewrite segment names, in the order of their images.
    var entries: [DoublewriteBatch.Entry] = []
    /// The doublewrite segment, or nil if none of the pages needs one.
    var segment: UInt64?
    /// The pages of the segment, its header included.
    var segmentPageCount = 0
    /// Whether pages leave memory when they have been written.
    var evicts = false
    /// The pages whose writes have begun, or were given up: the first ones.
    var begunCount = 0
    /// The pages whose writes have ended, or were given up.
    var endedCount = 0

    /// Creates an empty batch of up to `capacity` pages in `memory`, which has room for a header page besides and
    /// outlives it.
    init(index: Int, capacity: Int, memory: UnsafeMutableRawBufferPointer) {
        precondition(memory.count == (capacity + 1) * pageByteCount, "\(memory.count) bytes for \(capacity) pages")
        self.index = index
        self.capacity = capacity
        unsafe self.memory = unsafe memory
        flights.reserveCapacity(capacity)
        entries.reserveCapacity(capacity)
    }

    /// Whether no more pages fit.
    var isFull: Bool { flights.count == capacity }

    /// The page of memory at `place`; the header page is at 0.
    func image(at place: Int) -> UnsafeMutableRawPointer {
        unsafe memory.baseAddress.unsafelyUnwrapped + place * pageByteCount
    }

    /// Copies the page in `frame`, which is latched, as one that goes to `file`.
    ///
    /// A protected one is part of the doublewrite segment, at least by its `sectors`; the device is asked to write an
    /// atomic one as a whole.
    func add(_ frame: Frame, _ file: PageFile, sectors: PageSectors, isProtected: Bool, isAtomic: Bool) {
        precondition(!isFull, "a batch of \(capacity) pages gets one more")
        let place = isProtected ? entries.count + 1 : capacity - (flights.count - entries.count)
        unsafe image(at: place).copyMemory(from: frame.memory, byteCount: pageByteCount)
        let lsn = frame.newestModification
        flights.append(
            Flight(frame: frame, file: file, page: frame.pageID, lsn: lsn, place: place, isAtomic: isAtomic)
        )
        guard isProtected else { return }
        entries.append(DoublewriteBatch.Entry(page: frame.pageID, lsn: lsn, checksum: 0, sectors: sectors))
    }

    /// Gives the copies their checksums; returns the newest change in any of them.
    func seal() -> LogSequenceNumber {
        var newest = LogSequenceNumber.zero
        for flight in flights {
            let bytes = unsafe PageBytes(image(at: flight.place))
            precondition(
                bytes.lsn == flight.lsn && bytes.id == flight.page,
                "page \(flight.page) at \(flight.lsn) holds page \(bytes.id) at \(bytes.lsn)"
            )
            PageSeal.seal(bytes)
            newest = max(newest, flight.lsn)
            // The protected ones stand at 1 and up.
            if flight.place <= entries.count {
                entries[flight.place - 1].checksum = unsafe Checksum.crc32c(bytes.all)
            }
        }
        return newest
    }

    /// Lowers ``minimum`` to `oldest`; only the owner of the batch does.
    func lowerMinimum(to oldest: UInt64) {
        // Not Atomic.min, which compares unsigned numbers as signed ones in Swift 6.3.
        if oldest < minimum.load(ordering: .relaxed) { minimum.store(oldest, ordering: .sequentiallyConsistent) }
    }

    /// The header page and the images of the segment, or the header page alone.
    func segmentBytes(_ content: DoublewriteBatch.Content) -> UnsafeRawBufferPointer {
        let pageCount = content == .images ? entries.count + 1 : 1
        return unsafe UnsafeRawBufferPointer(rebasing: memory[..<(pageCount * pageByteCount)])
    }

    /// What the write of the page `index` is known by.
    func tag(_ index: Int) -> UInt64 { UInt64(self.index) << 32 | UInt64(index) }

    /// The write of the page `index` to its data file.
    func request(_ index: Int) -> StorageRequest {
        let flight = flights[index]
        return unsafe StorageRequest(
            file: flight.file.file,
            isWrite: true,
            buffer: UnsafeMutableRawBufferPointer(start: image(at: flight.place), count: pageByteCount),
            offset: flight.page.number.fileOffset,
            tag: tag(index),
            isAtomic: flight.isAtomic
        )
    }

    /// Forgets the pages; all have been written or given up.
    func clear() {
        flights.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        segment = nil
        begunCount = 0
        endedCount = 0
        minimum.store(.max, ordering: .releasing)
    }
}
