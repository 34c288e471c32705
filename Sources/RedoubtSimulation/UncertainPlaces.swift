import RedoubtCore

/// What the changes that no sync has covered could leave: places, and for each the versions that a power cut may find
/// there.
///
/// A place is a sector (a page, where it is written in one piece), the size of a file, or an order of changes that
/// appear one after the other. Version 0 is what is durable; versions with equal bytes are one. A *choice* takes one
/// version for each place; every choice is a disk, and disks with equal hashes are equal.
///
/// A write of a part of a sector leaves the sector as running programs saw it then: that is what a page cache writes.
struct UncertainPlaces {
    /// A choice: the number of the version of each place, in their order.
    typealias Choice = [UInt16]

    enum Place {
        case bytes(file: Int, offset: UInt64)
        case size(file: Int)
        /// Changes, by their position among the uncertain ones, that appear in this order.
        case changes([Int])
    }

    struct Version {
        /// The change that leaves it; -1 for what is durable.
        var change: Int
        var bytes: ArraySlice<UInt8> = []
        /// The size that the file has at least, where that is beyond the durable one.
        var size: UInt64 = 0
        /// What it adds to the hash of a disk.
        var hash: UInt64 = 0
    }

    /// What one change does: the version that it leaves of a place.
    struct Effect {
        var place: Int
        var version: UInt16
    }

    private(set) var places: [Place] = []
    private(set) var versions: [[Version]] = []
    /// The version of each place that running programs see.
    private var present: [Int] = []
    /// What each uncertain change does: sectors in their order, the size of the file last.
    private(set) var effects: [[Effect]] = []
    let durable: DiskImage
    let pending: [DurabilityState.Pending]
    let model: PersistenceModel
    private var placeByKey: [UInt64: Int] = [:]
    private var sizePlaces: [Int: Int] = [:]
    /// The places of sectors beyond the durable size, by file.
    private(set) var beyond: [Int: [Int]] = [:]
    /// Where whole pages are written in one piece.
    private var atomicPages: Set<UInt64> = []
    /// Whether a hash needs the disk to be built: where a file may become shorter.
    private(set) var needsImages = false

    private static let sector = SparseBytes.sectorSize
    private static let page = SparseBytes.chunkSize

    /// Looks at everything that is uncertain in `state`.
    init(_ state: DurabilityState, model: PersistenceModel = .paranoid) {
        durable = state.durable
        pending = state.pending
        self.model = model
        for item in pending {
            guard case .atomicWrite(let file, let offset, _) = item.change else { continue }
            atomicPages.insert(Self.key(file, offset))
        }
        for index in pending.indices { effects.append(add(pending[index].change, index)) }
    }

    /// The choice that keeps nothing.
    var nothing: Choice { Choice(repeating: 0, count: places.count) }

    /// The number of choices, or `limit` if there are more.
    func choiceCount(limit: Int) -> Int {
        var product = 1
        for versions in versions {
            product *= versions.count
            if product >= limit { return limit }
        }
        return product
    }

    /// Keeps what change `index` does, all of it or those of its effects that `range` names, in `choice`.
    func keep(_ index: Int, _ range: Range<Int>? = nil, in choice: inout Choice) {
        let all = effects[index]
        for effect in all[range ?? all.indices] { choice[effect.place] = effect.version }
    }

    // MARK: Building

    private static func key(_ file: Int, _ offset: UInt64) -> UInt64 { UInt64(file) << 44 | offset / UInt64(sector) }

    private mutating func place(_ key: UInt64, _ place: Place, _ durable: Version) -> Int {
        if let index = placeByKey[key] { return index }
        placeByKey[key] = places.count
        append(place, durable)
        return places.count - 1
    }

    private mutating func append(_ place: Place, _ durable: Version) {
        places.append(place)
        versions.append([durable])
        present.append(0)
    }

    /// Adds a version to a place, unless there is one with the same hash.
    private mutating func version(_ version: Version, at place: Int) -> Effect {
        if let same = versions[place].firstIndex(where: { $0.hash == version.hash && $0.size == version.size }) {
            present[place] = same
            return Effect(place: place, version: UInt16(same))
        }
        return newest(version, at: place)
    }

    private mutating func newest(_ version: Version, at place: Int) -> Effect {
        versions[place].append(version)
        present[place] = versions[place].count - 1
        return Effect(place: place, version: UInt16(present[place]))
    }

    private mutating func add(_ change: StorageChange, _ index: Int) -> [Effect] {
        switch change {
        case .write(let file, let offset, let bytes), .atomicWrite(let file, let offset, let bytes):
            return addWrite(file, offset, bytes[...], index)
        case .extend(let file, let size):
            return addSize(file, size, index)
        case .truncate(let file, _):
            needsImages = true
            return [addOrdered(index, key: UInt64(file) << 1)]
        case .create(let path, _), .remove(let path), .createDirectory(let path), .rename(_, let path, _):
            return [addOrdered(index, key: DiskImage.nameHash(DiskImage.parent(of: path)) << 1 | 1)]
        }
    }

    private mutating func addWrite(
        _ file: Int,
        _ offset: UInt64,
        _ bytes: ArraySlice<UInt8>,
        _ index: Int
    ) -> [Effect] {
        let end = offset + UInt64(bytes.count)
        var result: [Effect] = []
        var position = offset
        while position < end {
            let pageStart = position / UInt64(Self.page) * UInt64(Self.page)
            let isWhole = atomicPages.contains(Self.key(file, pageStart))
            let unit = UInt64(isWhole ? Self.page : Self.sector)
            let start = position / unit * unit
            let next = min(end, start + unit)
            let from = bytes.startIndex + Int(position - offset)
            let part = bytes[from..<from + Int(next - position)]
            result.append(addBytes(file, start, Int(unit), part, at: Int(position - start), index))
            position = next
        }
        if end > durable.contentSize(file) || needsImages { result += addSize(file, end, index) }
        return result
    }

    private mutating func addBytes(
        _ file: Int,
        _ start: UInt64,
        _ count: Int,
        _ part: ArraySlice<UInt8>,
        at within: Int,
        _ index: Int
    ) -> Effect {
        var before = [UInt8](repeating: 0, count: count)
        _ = unsafe before.withUnsafeMutableBytes { unsafe durable.read(file, into: $0, at: start) }
        let first = Version(change: -1, bytes: before[...], hash: Self.hash(before[...], file, start))
        let place = place(Self.key(file, start), .bytes(file: file, offset: start), first)
        var size = start + UInt64(within + part.count)
        var bytes = part
        if part.count < count {
            let before = versions[place][present[place]]
            var whole = Array(before.bytes)
            whole.replaceSubrange(within..<within + part.count, with: part)
            bytes = whole[...]
            size = max(size, before.size)
        }
        let isBeyond = size > durable.contentSize(file)
        if isBeyond && beyond[file]?.last != place { beyond[file, default: []].append(place) }
        let hash = Self.hash(bytes, file, start)
        return version(Version(change: index, bytes: bytes, size: isBeyond ? size : 0, hash: hash), at: place)
    }

    private mutating func addSize(_ file: Int, _ size: UInt64, _ index: Int) -> [Effect] {
        let durableSize = durable.contentSize(file)
        guard size > durableSize || needsImages else { return [] }
        // Behind a cut the order of sizes matters.
        if model == .ext4Ordered || needsImages { return [addOrdered(index, key: UInt64(file) << 1)] }
        let place: Int
        if let known = sizePlaces[file] {
            place = known
        } else {
            place = places.count
            sizePlaces[file] = place
            append(.size(file: file), Version(change: -1, size: durableSize))
        }
        let largest = versions[place].last?.size ?? durableSize
        guard size > largest else {
            // Of two sizes that are kept the larger one counts.
            let same = versions[place].lastIndex { $0.size == largest } ?? 0
            return [Effect(place: place, version: UInt16(same))]
        }
        return [newest(Version(change: index, size: size), at: place)]
    }

    /// Adds a change that appears behind others of the same order; which those are, the model says.
    private mutating func addOrdered(_ index: Int, key: UInt64) -> Effect {
        let order: UInt64
        switch model {
        case .ext4Ordered: order = 1
        case .posix: order = mix(key) | 1 << 63
        case .paranoid, .prefix, .dropAll, .keepAll: order = mix(UInt64(index)) | 1 << 63
        }
        let place = place(order | 1 << 62, .changes([]), Version(change: -1))
        if case .changes(let before) = places[place] { places[place] = .changes(before + [index]) }
        return newest(Version(change: index), at: place)
    }

    private static func hash(_ bytes: ArraySlice<UInt8>, _ file: Int, _ offset: UInt64) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe SparseBytes.hash(of: $0, file: file, offset: offset) }
    }
}
