package import RedoubtCore

/// What makes a backup of a folder: a text that names every file with its size and checksum.
///
///     redoubt-backup 1
///     database 00112233445566778899aabbccddeeff
///     checkpoint 8204
///     end 90133
///     verified 1
///     file 1048576 89abcdef catalog.ibd
///     file 1048576 01234567 orders-1024.ibd
///     redo 45056 76543210
///     sum 00ff00ff
///
/// Checksums are CRC-32C in hexadecimal; the last one is of all bytes before its line. The catalog comes first. Sizes
/// are whole pages, names those that ``DatabaseFiles`` makes, and no two files are of one space.
package struct BackupManifest: Sendable, Equatable {
    /// A file with pages.
    package struct File: Sendable, Equatable {
        /// The name of the file in the database.
        package var name: String
        /// The size in bytes.
        package var byteCount: UInt64
        /// The checksum of its content.
        package var checksum: UInt32
    }

    /// The database.
    package var database: DatabaseID
    /// Where recovery starts.
    package var checkpointLSN: LogSequenceNumber
    /// The position that the backup is of.
    package var endLSN: LogSequenceNumber
    /// Whether the copy was recovered and checked.
    package var isVerified: Bool
    /// The files with pages.
    package var files: [File]
    /// The size of the redo.
    package var redoByteCount: UInt64
    /// The checksum of the redo.
    package var redoChecksum: UInt32

    static let version = 1
    /// A backup has no more files with pages.
    static let fileCountMaximum = 100_000
    /// No line is longer: a name has 215 bytes at most, the two numbers before it 28.
    private static let lineByteCountMaximum = 256
    /// A manifest is no larger; bounds what is read.
    static let byteCountMaximum = UInt64((fileCountMaximum + 8) * lineByteCountMaximum)
    /// The bytes of the last line.
    private static let sumByteCount = 13
    private static let lineFeed = UInt8(ascii: "\n")

    /// The sum of the sizes of all files in bytes.
    package var byteCount: UInt64 { files.reduce(redoByteCount) { $0 &+ $1.byteCount } }

    /// The text.
    func encode() -> [UInt8] {
        var text: [UInt8] = []
        func add(_ line: String) {
            text += line.utf8
            text.append(Self.lineFeed)
        }
        add("redoubt-backup \(Self.version)")
        add("database \(database)")
        add("checkpoint \(checkpointLSN)")
        add("end \(endLSN)")
        add("verified \(isVerified ? 1 : 0)")
        for file in files { add("file \(file.byteCount) \(Self.hex(file.checksum)) \(file.name)") }
        add("redo \(redoByteCount) \(Self.hex(redoChecksum))")
        add("sum \(Self.hex(Self.checksum(text[...])))")
        return text
    }

    /// Reads a text.
    ///
    /// - Throws: `.unsupportedFormat` for a newer version, `.damagedBackup` for whatever else is not a manifest.
    static func decode(_ bytes: [UInt8], path: String) throws(RedoubtError) -> BackupManifest {
        var lines = Lines(bytes[...])
        guard let first = lines.next("redoubt-backup", wordCount: 1), let version = Int(first[0]) else {
            throw damaged("does not begin as one", path)
        }
        guard version <= Self.version else {
            throw RedoubtError(
                .unsupportedFormat,
                "the backup is of format version \(version), but only \(Self.version) is known; use a newer Redoubt",
                path: path
            )
        }
        // Before anything is made of the bytes. Every way to write the same numbers but one is refused, so no changed
        // byte goes unnoticed.
        let sum = Array("sum \(hex(checksum(bytes.dropLast(sumByteCount))))\n".utf8)
        guard bytes.suffix(sumByteCount).elementsEqual(sum), let manifest = parse(&lines), manifest.encode() == bytes
        else { throw damaged("does not match its checksum, or names what no backup has", path) }
        return manifest
    }

    /// Reads what follows the first line.
    private static func parse(_ lines: inout Lines) -> BackupManifest? {
        guard let database = lines.next("database", wordCount: 1)?[0], database.utf8.count == 32,
            let high = UInt64(database.prefix(16), radix: 16), let low = UInt64(database.suffix(16), radix: 16),
            let checkpoint = lines.number("checkpoint"), let end = lines.number("end"),
            let verified = lines.number("verified")
        else { return nil }
        var files: [File] = []
        var spaces: Set<SpaceID> = []
        while let words = lines.next("file", wordCount: 3) {
            guard files.count < fileCountMaximum, let size = UInt64(words[0]), size % UInt64(pageByteCount) == 0,
                let checksum = UInt32(words[1], radix: 16), let space = DatabaseFiles.space(ofFile: words[2]),
                spaces.insert(space).inserted
            else { return nil }
            files.append(File(name: words[2], byteCount: size, checksum: checksum))
        }
        guard let redo = lines.next("redo", wordCount: 2), let size = UInt64(redo[0]),
            let checksum = UInt32(redo[1], radix: 16), let catalog = files.first,
            catalog.name == DatabaseFiles.catalogName, catalog.byteCount >= UInt64(pageByteCount)
        else { return nil }
        return BackupManifest(
            database: DatabaseID(high: high, low: low),
            checkpointLSN: LogSequenceNumber(rawValue: checkpoint),
            endLSN: LogSequenceNumber(rawValue: end),
            isVerified: verified == 1,
            files: files,
            redoByteCount: size,
            redoChecksum: checksum
        )
    }

    /// The lines of a text, one after another, without a copy of the whole.
    private struct Lines {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

        /// Takes the next line if it is `name` and `wordCount` words, and returns these.
        mutating func next(_ name: String, wordCount: Int) -> [String]? {
            let line = rest.prefix(BackupManifest.lineByteCountMaximum).prefix { $0 != BackupManifest.lineFeed }
            guard line.endIndex < rest.endIndex, rest[line.endIndex] == BackupManifest.lineFeed else { return nil }
            let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard words.count == wordCount + 1, words[0].elementsEqual(name.utf8) else { return nil }
            rest = rest[(line.endIndex + 1)...]
            return words.dropFirst().map { String(decoding: $0, as: UTF8.self) }
        }

        /// Takes the next line if it is `name` and a number.
        mutating func number(_ name: String) -> UInt64? { next(name, wordCount: 1).flatMap { UInt64($0[0]) } }
    }

    private static func damaged(_ what: String, _ path: String) -> RedoubtError {
        RedoubtError(.damagedBackup, "the manifest \(what); use another backup", path: path)
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c($0) }
    }
}
