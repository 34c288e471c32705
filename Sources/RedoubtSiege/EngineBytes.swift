import RedoubtCore
import SiegeKit

/// Says what bytes in the files of a database are, for a person who reads a trace: by their own headers, as
/// ``RecordedBytes`` reads them.
package enum EngineBytes {
    /// Returns what `bytes`, written to `offset` of the file at `path`, are, in a few words; nil if it cannot tell.
    package static func describe(_ path: String, _ offset: UInt64, _ bytes: [UInt8]) -> String? {
        if path.contains("/redo/") { return redo(offset, bytes) }
        if path.contains("/doublewrite/") { return copies(bytes) }
        if path.hasSuffix(".ibd") { return pages(offset, bytes) }
        return nil
    }

    private static func pages(_ offset: UInt64, _ bytes: [UInt8]) -> String? {
        let count = bytes.count / pageByteCount
        guard count > 0, offset % UInt64(pageByteCount) == 0 else { return "a part of page \(offset / 16384)" }
        let list = (0..<count).prefix(3).map { page(bytes[($0 * pageByteCount)..<($0 + 1) * pageByteCount]) }
        return list.joined(separator: ", ") + (count > 3 ? " and \(count - 3) more" : "")
    }

    private static func page(_ bytes: ArraySlice<UInt8>) -> String {
        guard let (id, lsn) = RecordedBytes.page(bytes) else { return "not a whole page" }
        return "page \(id.number.rawValue) LSN \(lsn)"
    }

    private static func copies(_ bytes: [UInt8]) -> String? {
        let isSegment = RecordedBytes.beginSegment(bytes)
        let first = isSegment ? pageByteCount : 0
        let copies = stride(from: first, to: bytes.count - pageByteCount + 1, by: pageByteCount).compactMap { start in
            RecordedBytes.page(bytes[start..<start + pageByteCount])
        }
        let list = copies.prefix(3).map { "page \($0.page.number.rawValue) LSN \($0.lsn)" }.joined(separator: ", ")
        let more = copies.count > 3 ? " and \(copies.count - 3) more" : ""
        guard !list.isEmpty else { return isSegment ? "header of a batch of copies" : nil }
        return (isSegment ? "batch with copies of " : "copies of ") + list + more
    }

    /// Blocks follow three pages of header and checkpoints.
    private static let blocksOffset: UInt64 = 12288

    private static func redo(_ offset: UInt64, _ bytes: [UInt8]) -> String? {
        if offset == 0 { return bytes.starts(with: Array("REDOUBTL".utf8)) ? "header of a redo file" : nil }
        guard offset >= blocksOffset else { return "checkpoint" }
        var first: UInt64?
        var last: UInt64 = 0
        for start in stride(from: 0, to: bytes.count - 511, by: 512) {
            let block = bytes[start..<start + 512]
            let number = RecordedBytes.number(block, 0, 4)
            let sum = unsafe block.prefix(508).withUnsafeBytes { unsafe Checksum.crc32c($0) }
            guard number > 0, RecordedBytes.number(block, 508, 4) == UInt64(sum) else { continue }
            let epoch = (RecordedBytes.number(block, 8, 1) + 255) % 256
            let index = number - 1 + epoch << 30
            first = first ?? index
            last = index * 512 + RecordedBytes.number(block, 4, 2)
        }
        return first.map { "redo of LSN \($0 * 512) to \(last)" }
    }
}
