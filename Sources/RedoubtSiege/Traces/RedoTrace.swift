import RedoubtCore

/// The redo log as recorded writes leave it: what is written, what of that is durable, and which pages its groups
/// change.
///
/// Reads the formats for itself, as the READMEs give them, so that what writes them is not believed. The stream starts
/// at the newest checkpoint of the disk that recording began with, or at the first one that is written.
struct RedoTrace {
    /// What one group does to a page.
    struct Change {
        /// Where the group starts and ends, as LSNs.
        let start: UInt64
        let end: UInt64
        /// Whether it makes the page without looking at what it held.
        var makesAnew: Bool
    }

    /// The changes that no checkpoint has passed, by page, in the order of the stream.
    private(set) var changes: [PageID: [Change]] = [:]
    /// Where the groups end that say that a space is gone.
    private(set) var dropped: [SpaceID: UInt64] = [:]
    /// The groups read.
    private(set) var groupCount = 0
    /// The identity of the database, as redo files say it; nil if there has been none.
    private(set) var database: DatabaseID?

    /// The LSN up to which groups were read, durable or not; 0 if the stream has no beginning.
    var readLSN: UInt64 { position.map { LogSequenceNumber(sequenceNumber: $0).rawValue } ?? 0 }
    /// What a recovery would find: the LSN up to which the stream is durable.
    var durableLSN: UInt64 { LogSequenceNumber(sequenceNumber: durable).rawValue }

    private struct Block {
        let payload: [UInt8]
        let firstGroup: Int
    }

    private typealias Ends = [UInt64: Int]

    private static let dataOffset: UInt64 = 12288
    private static let slots: Set<UInt64> = [4096, 8192]
    /// Kinds of records: initialize, initializeIndex, freePage, image; the file is gone.
    private static let initialisingKinds: Set<UInt8> = [1, 2, 3, 62]
    private static let deleteKind: UInt8 = 97

    // The LSN of the first block, by file.
    private var starts: [Int: UInt64] = [:]
    // Written blocks by index, and the payload bytes of them that are durable.
    private var blocks: [UInt64: Block] = [:]
    private var durableEnds: Ends = [:]
    private var unsynced: [Int: Ends] = [:]
    private var underWay: [Int: (file: Int, ends: Ends)] = [:]
    // Sequence numbers: where the next group starts, and the end of what is durable.
    private var position: UInt64?
    private var durable: UInt64 = 0
    private var newest: (number: UInt64, lsn: UInt64)?

    // MARK: The disk at the beginning

    /// Takes in a file of the disk that recording began with.
    mutating func load(_ file: Int, _ bytes: [UInt8]) {
        guard write(file, 0, bytes, number: nil) != nil else { return }
        sync(file)
    }

    /// Says that all files were loaded: finds the first group behind the newest checkpoint.
    mutating func begin() {
        guard let newest else { return }
        var index = newest.lsn / 512
        seek(to: newest.lsn)
        while let block = blocks[index] {
            if block.firstGroup > 0 {
                position = index * 496 + UInt64(block.firstGroup - 12)
                break
            }
            if block.payload.count < 496 { break }
            index += 1
        }
        durable = position ?? 0
        advance()
        readGroups()
    }

    private mutating func seek(to lsn: UInt64) {
        let sequence = lsn / 512 * 496 + max(lsn % 512, 12) - 12
        position = sequence
        durable = max(durable, sequence)
    }

    // MARK: Events

    /// Takes note of a write; `number` is that of the event if the write has not ended.
    ///
    /// Returns the LSNs of the checkpoints in it, or nil if the file is no redo file.
    mutating func write(_ file: Int, _ offset: UInt64, _ bytes: [UInt8], number: Int?) -> [UInt64]? {
        if offset == 0 {
            starts[file] = Self.start(bytes)
            if starts[file] != nil { database = Self.database(bytes) }
        }
        guard let start = starts[file] else { return nil }
        var checkpoints: [UInt64] = []
        var ends: Ends = [:]
        for place in stride(from: 0, to: bytes.count - 511, by: 512) {
            let target = offset + UInt64(place)
            let sector = bytes[place..<place + 512]
            if target >= Self.dataOffset {
                let index = (start + target - Self.dataOffset) / 512
                let block = Self.block(sector, index)
                blocks[index] = block
                ends[index] = block?.payload.count ?? 0
                retract(index, to: ends[index] ?? 0)
            } else if Self.slots.contains(target), let found = Self.checkpoint(sector) {
                checkpoints.append(found.lsn)
                if found.number > newest?.number ?? 0 { newest = found }
            }
        }
        if let number {
            underWay[number] = (file, ends)
        } else {
            unsynced[file, default: [:]].merge(ends) { $1 }
        }
        if position == nil, let first = checkpoints.first { seek(to: first) }
        readGroups()
        return checkpoints
    }

    /// Takes note of the end of the write that event `number` began.
    mutating func finish(_ number: Int) {
        guard let write = underWay.removeValue(forKey: number) else { return }
        unsynced[write.file, default: [:]].merge(write.ends) { $1 }
    }

    /// Takes note of a sync; after one that failed nothing of what it should have covered counts.
    mutating func sync(_ file: Int, hasFailed: Bool = false) {
        guard let ends = unsynced.removeValue(forKey: file), !hasFailed else { return }
        durableEnds.merge(ends) { $1 }
        advance()
    }

    /// Forgets the changes that start below `lsn`.
    mutating func prune(below lsn: UInt64) {
        for (page, list) in changes {
            let kept = list.filter { $0.start >= lsn }
            changes[page] = kept.isEmpty ? nil : kept
        }
        blocks = blocks.filter { $0.key + 1 >= lsn / 512 }
    }

    // MARK: The stream

    private mutating func advance() {
        while let end = durableEnds[durable / 496] {
            let reach = durable / 496 * 496 + UInt64(end)
            if reach <= durable { return }
            durable = reach
        }
    }

    /// What a recovery cuts off, or overwrites, is no longer there; for the tail of the stream only.
    private mutating func retract(_ index: UInt64, to end: Int) {
        guard let known = durableEnds[index], known > end else { return }
        durableEnds[index] = end
        durable = min(durable, index * 496 + UInt64(end))
    }

    private mutating func readGroups() {
        guard var place = position else { return }
        while let head = payload(from: place, 4) {
            let count = head.reduce(0) { $0 << 8 | Int($1) }
            guard count > 4, let group = payload(from: place, count) else { break }
            let start = LogSequenceNumber(sequenceNumber: place).rawValue
            place += UInt64(count)
            note(group[4...], start, LogSequenceNumber(sequenceNumber: place).rawValue)
            groupCount += 1
        }
        position = place
    }

    private func payload(from sequence: UInt64, _ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var place = sequence
        while bytes.count < count {
            guard let block = blocks[place / 496], Int(place % 496) < block.payload.count else { return nil }
            let run = block.payload[Int(place % 496)...].prefix(count - bytes.count)
            bytes += run
            place += UInt64(run.count)
        }
        return bytes
    }

    private mutating func note(_ group: ArraySlice<UInt8>, _ start: UInt64, _ end: UInt64) {
        var rest = group
        var page = PageID(packed: 0)
        while let kind = rest.popFirst() {
            guard let space = Self.number(&rest) else { return }
            if space != 0 {
                guard let number = Self.number(&rest) else { return }
                page = PageID(space: SpaceID(rawValue: space), number: PageNumber(rawValue: number))
            }
            guard let length = Self.number(&rest) else { return }
            rest = rest.dropFirst(Int(length))
            if kind == Self.deleteKind { dropped[page.space] = end }
            guard (1...63).contains(kind) else { continue }
            let makesAnew = Self.initialisingKinds.contains(kind)
            if var last = changes[page]?.popLast() {
                let isSame = last.start == start
                if isSame { last.makesAnew = last.makesAnew || makesAnew }
                changes[page]?.append(last)
                if isSame { continue }
            }
            changes[page, default: []].append(Change(start: start, end: end, makesAnew: makesAnew))
        }
    }

    private static func number(_ bytes: inout ArraySlice<UInt8>) -> UInt32? {
        let found = unsafe bytes.withUnsafeBytes { unsafe CompressedInteger.decode($0) }
        guard let found else { return nil }
        bytes = bytes.dropFirst(found.byteCount)
        return found.value
    }
}

// The formats.
extension RedoTrace {
    private static func isWhole(_ sector: ArraySlice<UInt8>) -> Bool {
        let sum = unsafe sector.prefix(508).withUnsafeBytes { unsafe Checksum.crc32c($0) }
        return RecordedBytes.number(sector, 508, 4) == UInt64(sum)
    }

    /// The LSN of the first block of the file that `bytes` begin, nil if they begin no redo file.
    private static func start(_ bytes: [UInt8]) -> UInt64? {
        guard bytes.count >= 512, bytes.starts(with: Array("REDOUBTL".utf8)), isWhole(bytes[..<512]) else { return nil }
        return RecordedBytes.number(bytes[...], 32, 8)
    }

    private static func database(_ bytes: [UInt8]) -> DatabaseID {
        DatabaseID(high: RecordedBytes.number(bytes[...], 16, 8), low: RecordedBytes.number(bytes[...], 24, 8))
    }

    private static func checkpoint(_ sector: ArraySlice<UInt8>) -> (number: UInt64, lsn: UInt64)? {
        guard sector.starts(with: Array("CKPT".utf8)), isWhole(sector) else { return nil }
        return (RecordedBytes.number(sector, 24, 8), RecordedBytes.number(sector, 8, 8))
    }

    private static func block(_ sector: ArraySlice<UInt8>, _ index: UInt64) -> Block? {
        guard RecordedBytes.number(sector, 0, 4) == index & 0x3FFF_FFFF + 1,
            RecordedBytes.number(sector, 8, 1) == (1 + index >> 30) & 255,
            isWhole(sector)
        else { return nil }
        let end = min(Int(RecordedBytes.number(sector, 4, 2)), 508)
        guard end >= 12 else { return nil }
        let first = sector.startIndex
        return Block(
            payload: Array(sector[first + 12..<first + end]),
            firstGroup: Int(RecordedBytes.number(sector, 6, 2))
        )
    }
}
