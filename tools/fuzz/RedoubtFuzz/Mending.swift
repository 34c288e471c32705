import RedoubtCore

/// Makes checksums right again, as somebody would who wants damage to be believed; written from the format, not with
/// the engine's code.
enum Mending {
    private static let sectorByteCount = 512

    private static func sum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    private static func store(_ value: UInt32, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
    }

    private static func load(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A page of a tablespace: its two checksums, the low half of its LSN, and the record of page 0.
    static func page(_ bytes: inout [UInt8]) {
        let record = 12288
        if bytes[record..<record + 7].elementsEqual("Redoubt".utf8) {
            store(sum(bytes, record..<record + 60), at: record + 60, in: &bytes)
        }
        for index in 0..<4 { bytes[16380 + index] = bytes[20 + index] }
        let checksum = sum(bytes, 4..<26) ^ sum(bytes, 38..<16376)
        store(checksum, at: 0, in: &bytes)
        store(checksum, at: 16376, in: &bytes)
    }

    /// The sectors of `range` of a page of a redo file: header, checkpoints and blocks are sealed alike.
    static func redo(_ bytes: inout [UInt8], _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        for sector in range.lowerBound / sectorByteCount...(range.upperBound - 1) / sectorByteCount {
            let start = sector * sectorByteCount
            store(sum(bytes, start..<start + 508), at: start + 508, in: &bytes)
        }
    }

    /// Whether a page of a doublewrite file is the header of a segment.
    static func isDoublewriteHeader(_ bytes: [UInt8]) -> Bool { bytes.starts(with: "RDBTDWRT".utf8) }

    /// The header of a doublewrite segment.
    static func doublewriteHeader(_ bytes: inout [UInt8]) {
        store(sum(bytes, 0..<16380), at: 16380, in: &bytes)
    }

    /// The pages that the header of a segment names: space, number, LSN.
    static func entries(of header: [UInt8]) -> [(space: UInt32, page: UInt32, lsn: [UInt8])] {
        (0..<min(512, Int(load(header, at: 12)))).map { index in
            let offset = 64 + 24 * index
            return (load(header, at: offset), load(header, at: offset + 4), Array(header[offset + 8..<offset + 16]))
        }
    }

    /// Notes in the header of a segment of images that image `index` is `image`.
    static func note(_ image: [UInt8], at index: Int, in header: inout [UInt8]) {
        guard index < entries(of: header).count, load(header, at: 40) == 1 else { return }
        store(sum(image, 0..<image.count), at: 64 + 24 * index + 16, in: &header)
        doublewriteHeader(&header)
    }
}
