import RedoubtCore

extension TraceFile {
    /// Reads a trace from the bytes of its file, whatever they are.
    public init(decoding bytes: [UInt8]) throws(TraceFileError) {
        guard bytes.starts(with: Self.magic) else { throw .notATrace }
        var decoder = TraceDecoder(bytes, at: Self.magic.count)
        let version: UInt32 = try decoder.number()
        guard version <= Self.formatVersion else { throw .newerFormat(version) }
        guard version > 0 else { throw .damaged }
        let sum: UInt32 = try decoder.number()
        let found = unsafe bytes.withUnsafeBytes { all in
            unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: all[Self.checkedOffset...]))
        }
        guard found == sum else { throw .damaged }
        let seed: UInt64 = try decoder.number()
        let text = try decoder.string()
        try decoder.takeSectors()
        let start = try decoder.image()
        let events = try decoder.events()
        let crash = try decoder.crash()
        guard decoder.isAtEnd else { throw decoder.meaningless("bytes behind the end") }
        self.init(seed: seed, text: text, start: start, events: events, crash: crash)
    }
}

/// Reads a trace from bytes of which nothing is believed.
private struct TraceDecoder {
    private let bytes: [UInt8]
    private var position: Int
    /// Where the stored sectors begin, and how many there are.
    private var sectors: (offset: Int, count: Int) = (0, 0)
    /// The bytes that may still be taken into memory.
    private var room = TraceFile.contentMaximum
    /// The largest size so far of each file.
    private var sizes: [UInt64] = []
    private var sizeSum: UInt64 = 0

    init(_ bytes: [UInt8], at position: Int) {
        self.bytes = bytes
        self.position = position
    }

    var isAtEnd: Bool { position == bytes.count }

    func meaningless(_ what: String) -> TraceFileError { .meaningless(offset: position, what) }

    mutating func number<Value: FixedWidthInteger & UnsignedInteger>() throws(TraceFileError) -> Value {
        let count = Value.bitWidth / 8
        guard bytes.count - position >= count else { throw .damaged }
        var value: Value = 0
        for index in 0..<count { value |= Value(bytes[position + index]) << (8 * index) }
        position += count
        return value
    }

    private mutating func count() throws(TraceFileError) -> Int {
        let value: UInt32 = try number()
        return Int(value)
    }

    mutating func string() throws(TraceFileError) -> String {
        let count = try count()
        guard bytes.count - position >= count else { throw meaningless("a string of \(count) bytes") }
        guard let text = String(validating: bytes[position..<position + count], as: UTF8.self) else {
            throw meaningless("a string that is not UTF-8")
        }
        position += count
        return text
    }

    mutating func takeSectors() throws(TraceFileError) {
        let count = try count()
        guard (bytes.count - position) / SparseBytes.sectorSize >= count else { throw meaningless("\(count) sectors") }
        sectors = (position, count)
        position += count * SparseBytes.sectorSize
    }

    private mutating func content(byteCount: Int) throws(TraceFileError) -> [UInt8] {
        let size = SparseBytes.sectorSize
        let sectorCount = (byteCount + size - 1) / size
        guard (bytes.count - position) / 4 >= sectorCount else { throw meaningless("\(byteCount) bytes") }
        guard byteCount <= room else { throw .tooLarge }
        room -= byteCount
        var content: [UInt8] = []
        for index in 0..<sectorCount {
            let number = try count()
            let wanted = min(size, byteCount - index * size)
            guard number <= sectors.count else { throw meaningless("sector \(number)") }
            if number == 0 {
                content += [UInt8](repeating: 0, count: wanted)
            } else {
                let offset = sectors.offset + (number - 1) * size
                content += bytes[offset..<offset + wanted]
            }
        }
        return content
    }

    // MARK: The disk at the start

    mutating func image() throws(TraceFileError) -> DiskImage {
        var image = DiskImage()
        for file in 0..<(try count()) {
            sizes.append(0)
            let size: UInt64 = try number()
            try grow(file, to: size)
            _ = image.newFile()
            image.apply(.extend(file: file, size: size))
            for _ in 0..<(try count()) {
                let offset = UInt64(try count()) * UInt64(SparseBytes.chunkSize)
                guard offset < size else { throw meaningless("a page at \(offset) of a file of \(size) bytes") }
                let content = try content(byteCount: SparseBytes.chunkSize)
                let end = min(size, offset + UInt64(SparseBytes.chunkSize))
                image.apply(.write(file: file, offset: offset, bytes: Array(content[..<Int(end - offset)])))
            }
        }
        for _ in 0..<(try count()) { image.apply(.createDirectory(path: try string())) }
        for _ in 0..<(try count()) {
            let path = try string()
            image.apply(.create(path: path, file: try file()))
        }
        return image
    }

    /// Takes the number of a file that there is.
    private mutating func file() throws(TraceFileError) -> Int {
        let file = try count()
        guard file < sizes.count else { throw meaningless("file \(file) of \(sizes.count)") }
        return file
    }

    /// Takes account of a file that grows.
    private mutating func grow(_ file: Int, to size: UInt64) throws(TraceFileError) {
        guard size <= TraceFile.sizeMaximum else { throw .tooLarge }
        guard size > sizes[file] else { return }
        sizeSum += size - sizes[file]
        sizes[file] = size
        guard sizeSum <= TraceFile.sizeMaximum else { throw .tooLarge }
    }

    // MARK: Events

    mutating func events() throws(TraceFileError) -> [SimulatedEvent] {
        var events: [SimulatedEvent] = []
        for _ in 0..<(try count()) {
            // What an event takes in memory is many times what it may take here.
            guard room >= MemoryLayout<SimulatedEvent>.size else { throw .tooLarge }
            room -= MemoryLayout<SimulatedEvent>.size
            events.append(try event(events.count))
        }
        return events
    }

    private mutating func event(_ sequence: Int) throws(TraceFileError) -> SimulatedEvent {
        let kind: UInt8 = try number()
        switch kind {
        case 1: return .change(try change())
        case 2: return .start(try change())
        case 3:
            let started = try count()
            guard started < sequence else { throw meaningless("event \(sequence) ends event \(started)") }
            return .finish(sequence: started)
        case 4: return .sync(file: try file())
        case 5: return .syncFailed(file: try file())
        case 6: return .syncDirectory(path: try string())
        case 7: return .mark(.issued(try commit()))
        case 8: return .mark(.acknowledged(try commit()))
        case 9: return .mark(.note(try string()))
        case 10:
            let file = try file()
            let name = try string()
            guard let aftermath = SyncAftermath(rawValue: name) else { throw meaningless("aftermath \(name)") }
            return .syncAbandoned(file: file, aftermath)
        case 11: return .syncDirectoryFailed(path: try string())
        default: throw meaningless("event of kind \(kind)")
        }
    }

    private mutating func commit() throws(TraceFileError) -> Int {
        let value: UInt64 = try number()
        guard let number = Int(exactly: value) else { throw meaningless("commit \(value)") }
        return number
    }

    private mutating func change() throws(TraceFileError) -> StorageChange {
        let kind: UInt8 = try number()
        switch kind {
        case 1, 2:
            let file = try file()
            let offset: UInt64 = try number()
            let byteCount = try count()
            guard offset <= TraceFile.sizeMaximum else { throw .tooLarge }
            try grow(file, to: offset + UInt64(byteCount))
            let bytes = try content(byteCount: byteCount)
            return kind == 1
                ? .write(file: file, offset: offset, bytes: bytes)
                : .atomicWrite(file: file, offset: offset, bytes: bytes)
        case 3, 4:
            let file = try file()
            let size: UInt64 = try number()
            try grow(file, to: size)
            return kind == 3 ? .extend(file: file, size: size) : .truncate(file: file, size: size)
        case 5:
            let path = try string()
            sizes.append(0)
            return .create(path: path, file: try file())
        case 6: return .remove(path: try string())
        case 7:
            let source = try string()
            let target = try string()
            return .rename(source: source, target: target, file: try file())
        case 8: return .createDirectory(path: try string())
        default: throw meaningless("change of kind \(kind)")
        }
    }

    mutating func crash() throws(TraceFileError) -> TraceFile.Crash? {
        let flag: UInt8 = try number()
        guard flag != 0 else { return nil }
        guard flag == 1 else { throw meaningless("crash of kind \(flag)") }
        let text = try string()
        guard let cut = CrashCut(text) else { throw meaningless("a power cut") }
        let finding = try string()
        let least = try commit()
        let most = try commit()
        guard least <= most else { throw meaningless("from \(least) to \(most) commits") }
        return TraceFile.Crash(cut: cut, finding: finding, allowed: least...most)
    }
}
