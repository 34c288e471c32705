import RedoubtCore
import RedoubtSystem

/// The file that names pages to read after the next opening: text, so that it can be looked at and written by hand.
///
///     redoubt-pool-dump 1 <identity of the database>
///     <space>,<page>
///     ...
///     checksum <CRC-32C of everything before this line, 8 hexadecimal digits>
///
/// It only ever speeds things up: what is not a whole dump of this database is ignored.
enum PoolDump {
    /// The name of the file.
    static var fileName: String { "pool.dump" }
    /// The name under which it is made.
    static var unfinishedName: String { "pool.dump.incomplete" }

    /// The first line.
    static func header(_ database: DatabaseID) -> String { "redoubt-pool-dump 1 \(database)" }
    /// What the last line begins with.
    static var checksumWord: String { "checksum " }

    /// Returns the file that names `pages`.
    static func encode(_ pages: [PageID], _ database: DatabaseID) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 + pages.count * 16)
        bytes += header(database).utf8
        bytes.append(PoolDumpReader.newline)
        for page in pages {
            bytes += "\(page.space.rawValue),\(page.number.rawValue)\n".utf8
        }
        let sum = unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c($0) }
        bytes += "\(checksumWord)\(digits(of: sum))\n".utf8
        return bytes
    }

    /// `sum` as 8 hexadecimal digits.
    static func digits(of sum: UInt32) -> String {
        let text = String(sum, radix: 16)
        return String(repeating: "0", count: 8 - text.utf8.count) + text
    }

    /// Writes the file in `directory` under another name, makes it durable and renames it.
    ///
    /// Waits.
    static func write(_ bytes: [UInt8], storage: any Storage, directory: String) throws(RedoubtError) {
        let unfinished = directory + "/" + unfinishedName
        if try storage.exists(unfinished) { try storage.remove(unfinished) }
        let file = try storage.open(unfinished, role: .control, creating: true, readOnly: false)
        do throws(RedoubtError) {
            defer { file.close() }
            unsafe try bytes.span.bytes.withUnsafeBytes { (all) throws(RedoubtError) in
                unsafe try file.write(all, at: 0)
            }
            try file.sync()
        } catch {
            try? storage.remove(unfinished)
            throw error
        }
        try storage.rename(unfinished, to: directory + "/" + fileName)
        try storage.syncDirectory(directory)
    }

    /// Reads the file in `directory`, of which at most `maximum` pages are kept, and returns them in the order of
    /// (space, page), each once; a reason if there is no whole dump of `database`.
    ///
    /// Waits.
    static func read(
        storage: any Storage,
        directory: String,
        database: DatabaseID,
        maximum: Int
    ) throws(RedoubtError) -> (pages: [PageID], fault: String?) {
        let path = directory + "/" + fileName
        guard try storage.exists(path) else { return ([], "there is no \(fileName)") }
        let file = try storage.open(path, role: .control, creating: false, readOnly: true)
        defer { file.close() }
        var reader = PoolDumpReader(database: database, maximum: maximum)
        let chunk = try AlignedBuffer(byteCount: 64 << 10)
        var offset: UInt64 = 0
        while true {
            let count = try unsafe file.read(into: chunk.bytes, at: offset)
            for index in 0..<count {
                guard reader.take(unsafe chunk.bytes[index]) else { return ([], reader.fault) }
            }
            offset += UInt64(count)
            if unsafe count < chunk.bytes.count { break }
        }
        return reader.finish()
    }
}

/// Reads a pool dump byte by byte, with memory for the pages that are kept and one line.
struct PoolDumpReader {
    static var newline: UInt8 { 10 }
    /// No line is longer.
    private static var lineLimit: Int { 80 }

    private enum Place {
        case header
        case pages
        case end
    }

    private let header: [UInt8]
    private let maximum: Int
    private var place = Place.header
    private var line: [UInt8] = []
    private var sum: UInt32 = 0
    private var pages: [PageID] = []
    /// What is wrong with the file.
    private(set) var fault: String?

    init(database: DatabaseID, maximum: Int) {
        header = Array(PoolDump.header(database).utf8)
        self.maximum = maximum
    }

    /// Takes the next byte; returns false if the file is no dump.
    mutating func take(_ byte: UInt8) -> Bool {
        guard place != .end else { return refuse("there is more behind the checksum") }
        guard byte == Self.newline else {
            line.append(byte)
            return line.count <= Self.lineLimit || refuse("a line is longer than any of a dump")
        }
        defer { line.removeAll(keepingCapacity: true) }
        if place == .pages && line.starts(with: PoolDump.checksumWord.utf8) {
            place = .end
            let expected = PoolDump.checksumWord + PoolDump.digits(of: sum)
            return line.elementsEqual(expected.utf8) || refuse("the checksum is wrong")
        }
        if place == .header {
            guard line == header else { return refuse("it is not a dump of this database") }
            place = .pages
        } else {
            guard let page = Self.page(line) else { return refuse("a line names no page") }
            if pages.count < maximum { pages.append(page) }
        }
        line.append(byte)
        sum = unsafe line.withUnsafeBytes { unsafe Checksum.crc32c($0, seed: sum) }
        return true
    }

    /// Ends the file: the pages in the order of (space, page), each once, or what is wrong.
    consuming func finish() -> (pages: [PageID], fault: String?) {
        guard place == .end, line.isEmpty else { return ([], "it ends before its checksum") }
        pages.sort()
        var last: PageID?
        pages.removeAll { page in
            defer { last = page }
            return page == last
        }
        return (pages, nil)
    }

    private mutating func refuse(_ reason: String) -> Bool {
        fault = reason
        return false
    }

    /// The page that a line "space,page" names.
    private static func page(_ line: [UInt8]) -> PageID? {
        let parts = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard parts.count == 2, let space = number(parts[0]), let page = number(parts[1]) else { return nil }
        guard space != 0, page != PageNumber.none.rawValue else { return nil }
        return PageID(space: SpaceID(rawValue: space), number: PageNumber(rawValue: page))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard !digits.isEmpty, digits.count <= 10 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        return UInt32(exactly: value)
    }
}
