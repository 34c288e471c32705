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
/// Checksums are CRC-32C in hexadecimal; the last one is of all bytes before its line. The catalog comes first.
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
    /// A manifest is no larger; bounds what is read.
    static let byteCountMaximum: UInt64 = 64 << 20

    /// The sum of the sizes of all files in bytes.
    package var byteCount: UInt64 { files.reduce(redoByteCount) { $0 &+ $1.byteCount } }

    /// The text.
    func encode() -> [UInt8] {
        var lines = [
            "redoubt-backup \(Self.version)", "database \(database)", "checkpoint \(checkpointLSN)", "end \(endLSN)",
            "verified \(isVerified ? 1 : 0)",
        ]
        for file in files { lines.append("file \(file.byteCount) \(Self.hex(file.checksum)) \(file.name)") }
        lines.append("redo \(redoByteCount) \(Self.hex(redoChecksum))")
        let text = Array((lines.joined(separator: "\n") + "\n").utf8)
        return text + Array("sum \(Self.hex(Self.checksum(text)))\n".utf8)
    }

    /// Reads a text.
    ///
    /// - Throws: `.unsupportedFormat` for a newer version, `.damagedBackup` for whatever else is not a manifest.
    static func decode(_ bytes: [UInt8], path: String) throws(RedoubtError) -> BackupManifest {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw damaged("is no text", path) }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        }
        guard let first = lines.first, first.count == 2, first[0] == "redoubt-backup", let version = Int(first[1])
        else {
            throw damaged("does not begin as one", path)
        }
        guard version <= Self.version else {
            throw RedoubtError(
                .unsupportedFormat,
                "the backup is of format version \(version), but only \(Self.version) is known; use a newer Redoubt",
                path: path
            )
        }
        // Every way to write the same numbers but one is refused, so no changed byte goes unnoticed.
        guard let manifest = parse(lines), manifest.encode() == bytes else {
            throw damaged("does not match its checksum", path)
        }
        return manifest
    }

    private static func parse(_ lines: [[String]]) -> BackupManifest? {
        guard lines.count >= 8, lines[1].count == 2, lines[1][0] == "database", lines[1][1].utf8.count == 32,
            let high = UInt64(lines[1][1].prefix(16), radix: 16), let low = UInt64(lines[1][1].suffix(16), radix: 16),
            let checkpoint = number("checkpoint", lines[2]), let end = number("end", lines[3]),
            let verified = number("verified", lines[4])
        else { return nil }
        var files: [File] = []
        var index = 5
        while index < lines.count, lines[index].first == "file" {
            guard lines[index].count == 4, let size = UInt64(lines[index][1]),
                let checksum = UInt32(lines[index][2], radix: 16),
                DatabaseFiles.space(ofFile: lines[index][3]) != nil, !lines[index][3].contains("/")
            else { return nil }
            files.append(File(name: lines[index][3], byteCount: size, checksum: checksum))
            index += 1
        }
        guard index < lines.count, lines[index].count == 3, lines[index][0] == "redo",
            let size = UInt64(lines[index][1]), let checksum = UInt32(lines[index][2], radix: 16),
            files.first?.name == DatabaseFiles.catalogName, Set(files.map(\.name)).count == files.count
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

    private static func number(_ name: String, _ line: [String]) -> UInt64? {
        line.count == 2 && line[0] == name ? UInt64(line[1]) : nil
    }

    private static func damaged(_ what: String, _ path: String) -> RedoubtError {
        RedoubtError(.damagedBackup, "the manifest \(what); use another backup", path: path)
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c($0) }
    }
}
