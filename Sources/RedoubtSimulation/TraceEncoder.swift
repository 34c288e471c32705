import RedoubtCore

extension TraceFile {
    /// The bytes that a trace begins with.
    static let magic = Array("SIEGETRC".utf8)
    /// The bytes before those that the checksum covers.
    static let checkedOffset = 16

    /// Returns the bytes of the file.
    public func encoded() -> [UInt8] {
        var body = TraceEncoder()
        body.append(start)
        body.append(UInt32(events.count))
        for event in events { body.append(event) }
        body.append(crash)
        var head = TraceEncoder()
        head.append(seed)
        head.append(text)
        head.append(UInt32(body.sectorCount))
        let checked = head.bytes + body.sectorBytes + body.bytes
        var file = TraceEncoder()
        file.bytes = Self.magic
        file.append(Self.formatVersion)
        file.append(unsafe checked.withUnsafeBytes { unsafe Checksum.crc32c($0) })
        return file.bytes + checked
    }
}

/// What a trace looks like in a file, in the making.
private struct TraceEncoder {
    var bytes: [UInt8] = []
    /// The sectors stored, one after the other.
    private(set) var sectorBytes: [UInt8] = []
    private var numbers: [[UInt8]: UInt32] = [[UInt8](repeating: 0, count: SparseBytes.sectorSize): 0]

    var sectorCount: Int { sectorBytes.count / SparseBytes.sectorSize }

    mutating func append(_ value: some FixedWidthInteger & UnsignedInteger) {
        for index in 0..<value.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }

    mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    private mutating func append(file: Int) { append(UInt32(file)) }

    /// Appends the numbers of the sectors of `content`, the last one filled with zeros.
    private mutating func append(sectorsOf content: ArraySlice<UInt8>) {
        for start in stride(from: content.startIndex, to: content.endIndex, by: SparseBytes.sectorSize) {
            var sector = Array(content[start..<min(content.endIndex, start + SparseBytes.sectorSize)])
            if sector.count < SparseBytes.sectorSize {
                sector += [UInt8](repeating: 0, count: SparseBytes.sectorSize - sector.count)
            }
            if let number = numbers[sector] {
                append(number)
            } else {
                sectorBytes += sector
                let number = UInt32(sectorCount)
                numbers[sector] = number
                append(number)
            }
        }
    }

    mutating func append(_ image: DiskImage) {
        append(UInt32(image.fileCount))
        for file in 0..<image.fileCount {
            let pages = Self.pages(of: file, in: image)
            append(image.contentSize(file))
            append(UInt32(pages.count))
            for page in pages {
                append(UInt32(page.number))
                append(sectorsOf: page.bytes[...])
            }
        }
        append(UInt32(image.directoryPaths.count))
        for path in image.directoryPaths { append(path) }
        append(UInt32(image.paths.count))
        for path in image.paths {
            append(path)
            append(file: image.file(at: path) ?? 0)
        }
    }

    /// Returns the pages of `file` that are not zero.
    private static func pages(of file: Int, in image: DiskImage) -> [(number: Int, bytes: [UInt8])] {
        let size = SparseBytes.chunkSize
        var pages: [(number: Int, bytes: [UInt8])] = []
        for number in 0..<(Int(image.contentSize(file)) + size - 1) / size {
            var bytes = [UInt8](repeating: 0, count: size)
            _ = unsafe bytes.withUnsafeMutableBytes { unsafe image.read(file, into: $0, at: UInt64(number * size)) }
            if bytes.contains(where: { $0 != 0 }) { pages.append((number, bytes)) }
        }
        return pages
    }

    mutating func append(_ event: SimulatedEvent) {
        switch event {
        case .change(let change):
            bytes.append(1)
            append(change)
        case .start(let change):
            bytes.append(2)
            append(change)
        case .finish(let sequence):
            bytes.append(3)
            append(UInt32(sequence))
        case .sync(let file):
            bytes.append(4)
            append(file: file)
        case .syncFailed(let file):
            bytes.append(5)
            append(file: file)
        case .syncDirectory(let path):
            bytes.append(6)
            append(path)
        case .mark(.issued(let number)):
            bytes.append(7)
            append(UInt64(max(0, number)))
        case .mark(.acknowledged(let number)):
            bytes.append(8)
            append(UInt64(max(0, number)))
        case .mark(.note(let text)):
            bytes.append(9)
            append(text)
        case .syncAbandoned(let file, let aftermath):
            bytes.append(10)
            append(file: file)
            append(aftermath.rawValue)
        case .syncDirectoryFailed(let path):
            bytes.append(11)
            append(path)
        }
    }

    private mutating func append(_ change: StorageChange) {
        switch change {
        case .write(let file, let offset, let content): append(1, file, offset, content)
        case .atomicWrite(let file, let offset, let content): append(2, file, offset, content)
        case .extend(let file, let size): append(3, file, size)
        case .truncate(let file, let size): append(4, file, size)
        case .create(let path, let file):
            bytes.append(5)
            append(path)
            append(file: file)
        case .remove(let path):
            bytes.append(6)
            append(path)
        case .rename(let source, let target, let file):
            bytes.append(7)
            append(source)
            append(target)
            append(file: file)
        case .createDirectory(let path):
            bytes.append(8)
            append(path)
        }
    }

    private mutating func append(_ kind: UInt8, _ file: Int, _ offset: UInt64, _ content: [UInt8]? = nil) {
        bytes.append(kind)
        append(file: file)
        append(offset)
        guard let content else { return }
        append(UInt32(content.count))
        append(sectorsOf: content[...])
    }

    mutating func append(_ crash: TraceFile.Crash?) {
        bytes.append(crash == nil ? 0 : 1)
        guard let crash else { return }
        append(crash.cut.description)
        append(crash.finding)
        append(UInt64(crash.allowed.lowerBound))
        append(UInt64(crash.allowed.upperBound))
    }
}
