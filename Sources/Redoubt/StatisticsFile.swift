public import RedoubtCore
import RedoubtEngine
package import RedoubtSystem

/// The statistics of a database that another process has open, from the file that the process keeps for this purpose.
///
///     let file = StatisticsFile(of: "/var/lib/shop")
///     print(try file.read().statusReport())
///
/// Reading takes no lock and disturbs nobody. The file is as trustworthy as whoever may write to the folder; whatever
/// is in it, reading returns numbers or throws.
public struct StatisticsFile: Sendable {
    /// The folder of the database.
    public let path: String
    private let storage = LinuxStorage(directIO: false, asyncIO: false)

    /// How often a read that meets a write is tried again.
    private static let tryCount = 200

    /// Names the file of the database in the folder `path`.
    public init(of path: String) {
        self.path = path
    }

    /// The newest numbers, at most about a quarter of a second old while the process runs.
    ///
    /// - Throws: `.notFound` if there is no database; `.notOpen` if no process has it open; `.unsupportedFormat` if the
    ///   process is of another version of Redoubt; `.notADatabase` if the file was written by something else;
    ///   `.systemCallFailed`.
    public func read() throws(RedoubtError) -> Statistics {
        guard try storage.exists(path + "/redoubt.lock") else {
            throw RedoubtError(.notFound, "there is no database here; correct the path", path: path)
        }
        let name = path + "/" + StatisticsImage.fileName
        guard try storage.exists(name) else { throw notOpen(nil) }
        let file: any StorageFile
        do throws(RedoubtError) {
            file = try storage.open(name, role: .control, creating: false, readOnly: true)
        } catch  where error.code == .missingFile {
            // Closed just now.
            throw notOpen(nil)
        }
        defer { file.close() }
        let statistics = try Self.read(file)
        guard try storage.isLocked(path + "/redoubt.lock") else { throw notOpen(statistics) }
        return statistics
    }

    private func notOpen(_ last: Statistics?) -> RedoubtError {
        let message =
            last.map { "process \($0.processID) had the database open and has ended; open it again, which recovers" }
            ?? "no process has the database open; this reads what a running one says"
        return RedoubtError(.notOpen, message, path: path)
    }

    /// Reads the image in `file`, again while it is being written.
    package static func read(_ file: any StorageFile) throws(RedoubtError) -> Statistics {
        for _ in 0..<tryCount {
            let before = try words(file, at: StatisticsImage.sequenceWord, count: 1)
            let image = try words(file, at: 0, count: StatisticsImage.wordCountMaximum)
            let after = try words(file, at: StatisticsImage.sequenceWord, count: 1)
            if before == after, before.isEmpty || before[0] == image.dropFirst(StatisticsImage.sequenceWord).first {
                switch StatisticsImage.decode(image) {
                case .statistics(let statistics): return Statistics(statistics)
                case .unfinished: break
                case .otherVersion:
                    throw RedoubtError(
                        .unsupportedFormat,
                        "the statistics are of another version of Redoubt; use the one that has the database open",
                        path: file.path
                    )
                case .garbage:
                    throw RedoubtError(
                        .notADatabase,
                        "the file holds no statistics; something else wrote it",
                        path: file.path
                    )
                }
            }
            Scheduling.sleep(microseconds: 500)
        }
        throw RedoubtError(.notOpen, "the statistics are never finished; their writer has stopped", path: file.path)
    }

    private static func words(_ file: any StorageFile, at word: Int, count: Int) throws(RedoubtError) -> [UInt64] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 8, alignment: 8)
        defer { unsafe buffer.deallocate() }
        let byteCount = try unsafe file.read(into: buffer, at: UInt64(word * 8))
        return (0..<byteCount / 8).map { index in
            UInt64(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        }
    }
}
