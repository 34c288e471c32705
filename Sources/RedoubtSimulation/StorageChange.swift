import RedoubtCore

/// One change of a simulated disk: the unit that a power cut keeps, loses or (a write) tears.
public enum StorageChange: Sendable {
    /// Bytes were written to a file.
    case write(file: Int, offset: UInt64, bytes: [UInt8])
    /// Bytes were written to a file in one piece, of which a power cut leaves all or nothing.
    case atomicWrite(file: Int, offset: UInt64, bytes: [UInt8])
    /// A file grew to a size, with zeros.
    case extend(file: Int, size: UInt64)
    /// A file was cut to a size.
    case truncate(file: Int, size: UInt64)
    /// A name for a new file appeared in its directory.
    case create(path: String, file: Int)
    /// A name was removed.
    case remove(path: String)
    /// A file changed its name, replacing what had the new one.
    case rename(source: String, target: String, file: Int)
    /// A directory appeared in the one above it.
    case createDirectory(path: String)

    /// The file whose content or size changes, or nil for a change of a directory.
    public var contentFile: Int? {
        switch self {
        case .write(let file, _, _), .atomicWrite(let file, _, _), .extend(let file, _), .truncate(let file, _): file
        case .create, .remove, .rename, .createDirectory: nil
        }
    }

    /// Returns whether a sync of `directory` makes this change durable.
    func isCovered(bySyncOf directory: String) -> Bool {
        switch self {
        case .write, .atomicWrite, .extend, .truncate: false
        case .create(let path, _), .remove(let path), .createDirectory(let path):
            DiskImage.parent(of: path) == directory
        case .rename(let source, let target, _):
            DiskImage.parent(of: target) == directory || DiskImage.parent(of: source) == directory
        }
    }

    /// Returns the part of a write that its first or last sectors make, for a tear; others are whole.
    func torn(_ tear: PowerCut.Tear) -> StorageChange {
        guard case .write(let file, let offset, let bytes) = self else { return self }
        let sector = SparseBytes.sectorSize
        // Sectors are those of the file: an unaligned write has a short first one.
        let lead = Int(offset % UInt64(sector))
        switch tear {
        case .firstSectors(let count):
            let end = max(0, min(bytes.count, count * sector - lead))
            return .write(file: file, offset: offset, bytes: Array(bytes[..<end]))
        case .lastSectors(let count):
            let total = (lead + bytes.count + sector - 1) / sector
            let start = max(0, min(bytes.count, (total - count) * sector - lead))
            return .write(file: file, offset: offset + UInt64(start), bytes: Array(bytes[start...]))
        case .sizeOnly:
            return .extend(file: file, size: offset + UInt64(bytes.count))
        }
    }

    /// Returns what is left of a write when every sector is kept with a probability of one half; others are whole, or
    /// not there.
    func mixed(_ random: inout SeededRandom) -> [StorageChange] {
        guard case .write(let file, let offset, let bytes) = self else {
            return random.next() >> 63 == 1 ? [self] : []
        }
        let sector = SparseBytes.sectorSize
        var parts: [StorageChange] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + sector - Int((offset + UInt64(start)) % UInt64(sector)))
            if random.next() >> 63 == 1 {
                parts.append(.write(file: file, offset: offset + UInt64(start), bytes: Array(bytes[start..<end])))
            }
            start = end
        }
        return parts
    }

    /// The sectors that a power cut can keep or lose of a write, each by itself; 0 for other changes.
    var sectorCount: Int {
        guard case .write(_, let offset, let bytes) = self, !bytes.isEmpty else { return 0 }
        let sector = SparseBytes.sectorSize
        return (Int(offset % UInt64(sector)) + bytes.count + sector - 1) / sector
    }

    /// The bytes of the file that a write touches, nil for other changes.
    private var writtenRange: Range<UInt64>? {
        switch self {
        case .write(_, let offset, let bytes), .atomicWrite(_, let offset, let bytes):
            offset..<offset + UInt64(bytes.count)
        default: nil
        }
    }

    /// Whether this change touches bytes that `other` also touches.
    private func overlaps(_ other: StorageChange) -> Bool {
        guard let range = writtenRange, let otherRange = other.writtenRange else { return false }
        return contentFile == other.contentFile && range.overlaps(otherRange)
    }
}

// What is left of a change for which others have decided.
extension StorageChange {
    /// Whether some of this change cannot appear any more once `newer` is durable.
    func isReplaced(by newer: StorageChange) -> Bool {
        if case .create(let path, let file) = self, case .rename(let source, _, let renamed) = newer {
            return path == source && file == renamed
        }
        return overlaps(newer)
    }

    /// Returns what can still appear of this change once `newer` is durable: of a write the bytes before and behind.
    func remains(under newer: StorageChange) -> [StorageChange] {
        guard isReplaced(by: newer) else { return [self] }
        let file: Int
        let offset: UInt64
        let bytes: [UInt8]
        switch self {
        case .write(let itsFile, let itsOffset, let itsBytes), .atomicWrite(let itsFile, let itsOffset, let itsBytes):
            (file, offset, bytes) = (itsFile, itsOffset, itsBytes)
        case .extend, .truncate, .create, .remove, .rename, .createDirectory: return []
        }
        guard let cover = newer.writtenRange else { return [] }
        let end = offset + UInt64(bytes.count)
        var parts: [StorageChange] = []
        if offset < cover.lowerBound {
            let count = Int(cover.lowerBound - offset)
            parts.append(.write(file: file, offset: offset, bytes: Array(bytes[..<count])))
        }
        if cover.upperBound < end {
            let start = Int(cover.upperBound - offset)
            parts.append(.write(file: file, offset: cover.upperBound, bytes: Array(bytes[start...])))
        }
        return parts
    }

    /// Returns what can still become durable of this change of a file after a sync of it failed, or nil.
    func remains(after aftermath: SyncAftermath, durableSize: UInt64) -> StorageChange? {
        switch (aftermath, self) {
        case (.uncertain, _), (.keptClean, .truncate), (.reportedLate, .truncate), (.keptUnallocated, .truncate):
            return self
        case (.keptClean, .extend), (.reportedLate, .extend): return self
        case (.keptClean, _), (.reportedLate, _):
            guard let file = contentFile, let end = writtenRange?.upperBound, end > durableSize else { return nil }
            return .extend(file: file, size: end)
        case (.keptUnallocated, _), (.reverted, _): return nil
        }
    }
}

extension StorageChange: CustomStringConvertible {
    /// The change in a few words, without the bytes.
    public var description: String {
        switch self {
        case .write(let file, let offset, let bytes): "write file \(file) at \(offset), \(bytes.count) bytes"
        case .atomicWrite(let file, let offset, let bytes):
            "write file \(file) at \(offset), \(bytes.count) bytes in one piece"
        case .extend(let file, let size): "extend file \(file) to \(size)"
        case .truncate(let file, let size): "truncate file \(file) to \(size)"
        case .create(let path, let file): "create \(path) as file \(file)"
        case .remove(let path): "remove \(path)"
        case .rename(let source, let target, _): "rename \(source) to \(target)"
        case .createDirectory(let path): "create directory \(path)"
        }
    }
}
