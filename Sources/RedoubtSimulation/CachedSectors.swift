import RedoubtCore
import RedoubtSystem

/// What a page cache holds of one file that the device may not have: the sectors written since the last sync.
///
/// The kernel copies bytes into a page while the device may be reading it. So the device may get half of a change to a
/// sector that was dirty before; and if a sync has the page on its way, this half is what the sync leaves, although it
/// succeeds. A sector that was clean is not on its way.
struct CachedSectors: Sendable {
    private var dirty: Set<UInt64> = []
    private var isSyncing = false
    /// The sectors that were dirty when the sync that runs began.
    private var leaving: Set<UInt64> = []
    /// The sectors that changed while they were on their way, as the device got them.
    private var caught: [StorageChange] = []

    private static let sector = UInt64(SparseBytes.sectorSize)

    /// Takes note of a write to a file of which `image` has the bytes before; returns the changes that a device may see
    /// first.
    mutating func write(_ file: Int, _ offset: UInt64, _ bytes: [UInt8], _ image: DiskImage) -> [StorageChange] {
        var torn: [StorageChange] = []
        let limit = offset + UInt64(bytes.count)
        var start = offset
        while start < limit {
            let number = start / Self.sector
            let end = min(limit, (number + 1) * Self.sector)
            if !dirty.insert(number).inserted || leaving.contains(number) {
                let half = bytes[Int(start - offset)..<Int((start + end) / 2 - offset)]
                let mixture = Self.mixture(file, number, half, at: start, image)
                torn.append(mixture)
                if isSyncing { caught.append(mixture) }
            }
            start = end
        }
        return torn
    }

    /// The sector with this number, with `bytes` over what it holds.
    private static func mixture(
        _ file: Int,
        _ number: UInt64,
        _ bytes: ArraySlice<UInt8>,
        at offset: UInt64,
        _ image: DiskImage
    ) -> StorageChange {
        var sector = content(of: file, number, image)
        let first = Int(offset % Self.sector)
        sector.replaceSubrange(first..<first + bytes.count, with: bytes)
        return .write(file: file, offset: number * Self.sector, bytes: sector)
    }

    private static func content(of file: Int, _ number: UInt64, _ image: DiskImage) -> [UInt8] {
        var sector = [UInt8](repeating: 0, count: Int(Self.sector))
        unsafe sector.withUnsafeMutableBytes { _ = unsafe image.read(file, into: $0, at: number * Self.sector) }
        return sector
    }

    /// Takes note of the begin of a sync; returns whether anything is dirty.
    mutating func beginSync() -> Bool {
        isSyncing = !dirty.isEmpty
        leaving = dirty
        dirty = []
        caught = []
        return isSyncing
    }

    /// Takes note of the end of a sync; returns what is uncertain although it succeeded: for each sector that changed
    /// meanwhile, what the device may have got, and what the page holds.
    mutating func endSync(_ image: DiskImage) -> [StorageChange] {
        var changes = caught
        for case .write(let file, let offset, _) in caught {
            let present = Self.content(of: file, offset / Self.sector, image)
            changes.append(.write(file: file, offset: offset, bytes: present))
        }
        isSyncing = false
        leaving = []
        caught = []
        return changes
    }
}
