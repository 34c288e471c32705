import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtEngine

/// A file in memory.
final class MemoryFile: StorageFile {
    let path = "test.ibd"
    let role = FileRole.control
    let alignment = 1
    private let content: Mutex<[UInt8]>
    private let unreadable: UInt64?
    private let reads = Mutex(0)

    /// A file of `bytes`, of which a read of page `unreadable` fails.
    init(_ bytes: [UInt8] = [], unreadable: Int? = nil) {
        content = Mutex(bytes)
        self.unreadable = unreadable.map { UInt64($0) * 16384 }
    }

    var bytes: [UInt8] { content.withLock { $0 } }
    /// How often something was read.
    var readCount: Int { reads.withLock { $0 } }

    func size() throws(RedoubtError) -> UInt64 { UInt64(content.withLock { $0.count }) }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        if offset == unreadable { throw RedoubtError(.readFailed, "the page cannot be read", path: path) }
        reads.withLock { $0 += 1 }
        return content.withLock { bytes in
            guard offset < UInt64(bytes.count) else { return 0 }
            let count = min(target.count, bytes.count - Int(offset))
            unsafe bytes.withUnsafeBytes {
                unsafe target.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + count])
                )
            }
            return count
        }
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        content.withLock { bytes in
            let end = Int(offset) + source.count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
            unsafe bytes.withUnsafeMutableBytes { unsafe $0[Int(offset)..<end].copyBytes(from: source) }
        }
    }

    func sync() throws(RedoubtError) {}

    func extend(to size: UInt64) throws(RedoubtError) {
        content.withLock { bytes in
            if bytes.count < Int(size) { bytes += [UInt8](repeating: 0, count: Int(size) - bytes.count) }
        }
    }

    func extendByWriting(to size: UInt64) throws(RedoubtError) { try extend(to: size) }
    func truncate(to size: UInt64) throws(RedoubtError) { content.withLock { $0.removeLast($0.count - Int(size)) } }
    func close() {}
}

/// A row.
struct Row: Hashable {
    var key: [UInt8]
    var value: [UInt8]
}

/// The bytes of a tablespace, which a test may change and seal again.
struct ForeignFile {
    var bytes: [UInt8]

    /// Writes `rows`, which must ascend.
    init(_ rows: [Row], space: SpaceID = SpaceID(rawValue: 77)) throws {
        let file = MemoryFile()
        let writer = try TablespaceWriter(file, space: space)
        for row in rows {
            try writer.add(row)
        }
        _ = try writer.finish()
        bytes = file.bytes
    }

    /// The rows that a reader finds.
    func rows(_ definition: TableDefinition? = nil) throws -> [Row] {
        let reader = try TablespaceReader(MemoryFile(bytes), definition: definition)
        var rows: [Row] = []
        try unsafe reader.forEachRow { (key, value) throws(RedoubtError) in
            var row = unsafe Row(key: [UInt8](key), value: [])
            var piece = [UInt8](repeating: 0, count: 10_000)
            while row.value.count < value.byteCount {
                let count = try unsafe piece.withUnsafeMutableBufferPointer { (target) throws(RedoubtError) in
                    unsafe try value.read(into: UnsafeMutableRawBufferPointer(target))
                }
                row.value += piece[..<count]
            }
            rows.append(row)
        }
        #expect(rows.count == reader.rowCount)
        return rows
    }

    /// The error that a reader throws, or nil.
    func fault(_ definition: TableDefinition? = nil) -> RedoubtError? {
        do {
            _ = try rows(definition)
            return nil
        } catch {
            return error as? RedoubtError
        }
    }

    // MARK: Fields

    var pageCount: Int { bytes.count / 16384 }

    func number(_ page: Int, _ offset: Int, _ count: Int) -> Int {
        bytes[page * 16384 + offset..<page * 16384 + offset + count].reduce(0) { $0 << 8 | Int($1) }
    }

    /// Stores a big-endian number.
    mutating func store(_ value: Int, _ count: Int, _ page: Int, _ offset: Int) {
        for index in 0..<count {
            bytes[page * 16384 + offset + index] = UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - index)))
        }
    }

    /// Makes the checksums of a page right, in the form that the flags say.
    mutating func seal(_ page: Int) {
        let start = page * 16384
        func sum(_ range: Range<Int>) -> UInt32 {
            unsafe bytes[start + range.lowerBound..<start + range.upperBound].withUnsafeBytes {
                unsafe Checksum.crc32c($0)
            }
        }
        if number(0, 54, 4) == 0x15 {
            store(number(page, 20, 4), 4, page, 16376)
            store(Int(sum(0..<16380)), 4, page, 16380)
        } else {
            let whole = Int(sum(4..<26) ^ sum(38..<16376))
            store(whole, 4, page, 0)
            store(whole, 4, page, 16376)
            store(number(page, 20, 4), 4, page, 16380)
        }
    }

    /// Seals every page that is not all zeros.
    mutating func sealAll() {
        for page in 0..<pageCount where number(page, 24, 2) != 0 { seal(page) }
    }

    /// Puts page `source` at `target`, as another program would have numbered it.
    mutating func move(_ source: Int, to target: Int) {
        let content = bytes[source * 16384..<(source + 1) * 16384]
        bytes.replaceSubrange(target * 16384..<(target + 1) * 16384, with: content)
        bytes.replaceSubrange(source * 16384..<(source + 1) * 16384, with: [UInt8](repeating: 0, count: 16384))
        store(target, 4, target, 4)
    }

    /// The origins of the records of an index page, in order.
    func origins(_ page: Int) -> [Int] {
        var result: [Int] = []
        var origin = 99
        while result.count <= number(page, 54, 2) {
            origin = (origin + number(page, origin - 2, 2)) & 0xFFFF
            guard origin != 112, origin >= 2, origin < 16384 else { break }
            result.append(origin)
        }
        return result
    }
}

extension TablespaceWriter {
    /// Adds a row.
    func add(_ row: Row) throws {
        try unsafe row.key.withUnsafeBytes { key in
            try unsafe row.value.withUnsafeBytes { value in unsafe try add(key, value) }
        }
    }
}
