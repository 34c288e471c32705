import RedoubtCore

extension FlushTrace {
    /// A page, and the end of its newest change.
    typealias Image = RecordedBytes.Image

    /// The pages in `bytes`: those that belong at this offset of their file, and others.
    static func pages(_ bytes: [UInt8], at offset: UInt64) -> (own: [Image], others: [Image]) {
        var own: [Image] = []
        var others: [Image] = []
        guard offset % UInt64(pageByteCount) == 0 else { return (own, others) }
        for start in stride(from: 0, through: bytes.count - pageByteCount, by: pageByteCount) {
            guard let found = RecordedBytes.page(bytes[start..<start + pageByteCount]), found.lsn > 0 else { continue }
            if found.page.number.fileOffset == offset + UInt64(start) {
                own.append(found)
            } else {
                others.append(found)
            }
        }
        return (own, others)
    }

    /// The page that `bytes`, written at `offset` of a data file, are the first part of; nil if they are no part.
    static func part(_ bytes: [UInt8], at offset: UInt64) -> Image? {
        guard bytes.count < pageByteCount, bytes.count >= 512, offset % UInt64(pageByteCount) == 0 else { return nil }
        let found = RecordedBytes.header(bytes[...])
        return found.lsn > 0 && found.page.number.fileOffset == offset ? found : nil
    }
}
