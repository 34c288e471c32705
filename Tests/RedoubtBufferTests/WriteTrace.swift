import RedoubtCore
import RedoubtSimulation

@testable import RedoubtEngine

/// What a recorded trace says about doublewrite segments, and where it breaks their rules.
///
/// A page write to a data file must find a copy of the page, whole and synced, in a segment that nothing has
/// overwritten; and a segment must not be overwritten before a sync of the data file after the page's write ended.
struct WriteTrace {
    /// The breaches of the rules, in order.
    private(set) var breaches: [String] = []
    /// The segments written.
    private(set) var segmentCount = 0
    /// The segments written over older ones.
    private(set) var overwritingCount = 0
    /// The segments written while page writes were under way.
    private(set) var pipelinedCount = 0
    /// The page writes, and those of them without a copy.
    private(set) var pageCount = 0
    private(set) var unprotected: [PageID] = []
    /// The syncs of data files.
    private(set) var dataSyncCount = 0

    private struct Segment {
        let range: Range<UInt64>
        var isDurable = false
        /// The pages that a tear may still need, with the LSNs of their copies.
        var needed: [PageID: UInt64]
    }

    private struct PageWrite {
        let page: PageID
        let lsn: UInt64
        let file: Int
    }

    private var names: [Int: String] = [:]
    private var segments: [Int: [Segment]] = [:]
    private var underWay: [Int: PageWrite] = [:]
    private var unsynced: [PageWrite] = []

    /// Reads the trace of a run of a pool fixture or an engine; writes before event `first` are not judged.
    init(_ trace: [SimulatedEvent], from first: Int = 0) {
        for (number, event) in trace.enumerated() {
            switch event {
            case .change(let change): read(change, number, isEnded: true, isJudged: number >= first)
            case .start(let change): read(change, number, isEnded: false, isJudged: number >= first)
            case .finish(let sequence):
                if let write = underWay.removeValue(forKey: sequence) { unsynced.append(write) }
            case .sync(let file): sync(file)
            case .syncFailed, .syncDirectory, .mark: break
            }
        }
    }

    private mutating func read(_ change: StorageChange, _ number: Int, isEnded: Bool, isJudged: Bool) {
        switch change {
        case .create(let path, let file): names[file] = path
        case .rename(_, let target, let file): names[file] = target
        case .write(let file, let offset, let bytes):
            let name = names[file] ?? ""
            if name.contains("doublewrite/") {
                writeSegment(file, offset, bytes, number)
            } else if name.hasSuffix(".ibd") && isJudged {
                writePage(file, bytes, number, isEnded: isEnded)
            }
        default: break
        }
    }

    private mutating func writeSegment(_ file: Int, _ offset: UInt64, _ bytes: [UInt8], _ number: Int) {
        let range = offset..<offset + UInt64(bytes.count)
        segmentCount += 1
        if !underWay.isEmpty { pipelinedCount += 1 }
        var kept: [Segment] = []
        for old in segments[file, default: []] {
            guard old.range.overlaps(range) else {
                kept.append(old)
                continue
            }
            overwritingCount += 1
            for write in unsynced + Array(underWay.values) where old.needed[write.page] == write.lsn {
                breaches.append("event \(number) overwrites the copy of page \(write.page), which is not synced")
            }
        }
        var needed: [PageID: UInt64] = [:]
        for start in stride(from: pageByteCount, to: bytes.count, by: pageByteCount) {
            let (page, lsn) = Self.identity(bytes[start..<start + pageByteCount])
            needed[page] = lsn
        }
        segments[file] = kept + [Segment(range: range, needed: needed)]
    }

    private mutating func writePage(_ file: Int, _ bytes: [UInt8], _ number: Int, isEnded: Bool) {
        guard bytes.count == pageByteCount else { return }
        let (page, lsn) = Self.identity(bytes[...])
        pageCount += 1
        let all = segments.values.joined()
        if !all.contains(where: { $0.isDurable && $0.needed[page] == lsn }) { unprotected.append(page) }
        let write = PageWrite(page: page, lsn: lsn, file: file)
        if isEnded { unsynced.append(write) } else { underWay[number] = write }
    }

    private mutating func sync(_ file: Int) {
        if let list = segments[file] {
            segments[file] = list.map { segment in
                var segment = segment
                segment.isDurable = true
                return segment
            }
        }
        if names[file]?.hasSuffix(".ibd") == true { dataSyncCount += 1 }
        unsynced.removeAll { $0.file == file }
    }

    private static func identity(_ bytes: ArraySlice<UInt8>) -> (PageID, UInt64) {
        func number(_ offset: Int, _ count: Int) -> UInt64 {
            bytes[bytes.startIndex + offset..<bytes.startIndex + offset + count].reduce(0) { $0 << 8 | UInt64($1) }
        }
        let page = PageID(
            space: SpaceID(rawValue: UInt32(number(34, 4))),
            number: PageNumber(rawValue: UInt32(number(4, 4)))
        )
        return (page, number(16, 8))
    }
}
