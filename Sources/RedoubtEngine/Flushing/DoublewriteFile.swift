import RedoubtCore
import RedoubtSystem

/// A file that holds the last batch of a page writer, so that a page torn by a power cut can be put right.
final class DoublewriteFile: Sendable {
    /// The directory below that of the database.
    static let directoryName = "doublewrite"
    private static let namePrefix = "dw_"

    private let file: any StorageFile

    /// Opens the file of writer `number` in `directory`, and makes it, durably, if it is missing.
    init(storage: any Storage, directory: String, number: Int, batchPages: Int) throws(RedoubtError) {
        let folder = directory + "/" + Self.directoryName
        let path = folder + "/\(Self.namePrefix)\(number)"
        let byteCount = UInt64((batchPages + 1) * pageByteCount)
        if try storage.exists(path) {
            file = try storage.open(path, role: .doublewrite, creating: false, readOnly: false)
            if try file.size() < byteCount {
                try file.extendByWriting(to: byteCount)
                try file.sync()
            }
        } else {
            try storage.createDirectory(folder)
            file = try storage.open(path, role: .doublewrite, creating: true, readOnly: false)
            try file.extendByWriting(to: byteCount)
            try file.sync()
            try storage.syncDirectory(folder)
            try storage.syncDirectory(directory)
        }
    }

    /// The paths of the doublewrite files of the database in `directory`.
    static func paths(storage: any Storage, directory: String) throws(RedoubtError) -> [String] {
        let folder = directory + "/" + directoryName
        guard try storage.exists(folder) else { return [] }
        return try storage.list(folder).filter { $0.hasPrefix(namePrefix) }.map { folder + "/" + $0 }
    }

    /// Removes the doublewrite files, durably, for a database that opens without them.
    ///
    /// A copy that is left behind would one day be put over a damaged page that was written without one since.
    static func removeAll(storage: any Storage, directory: String) throws(RedoubtError) {
        let paths = try paths(storage: storage, directory: directory)
        guard !paths.isEmpty else { return }
        for path in paths { try storage.remove(path) }
        try storage.syncDirectory(directory + "/" + directoryName)
    }

    /// Writes header and images over the batch before, durably.
    ///
    /// The pages of the batch before must be durable in their data files. Waits.
    func write(_ batch: UnsafeRawBufferPointer) throws(RedoubtError) {
        try unsafe file.write(batch, at: 0)
        try file.sync()
    }

    /// Closes the file.
    func close() { file.close() }
}
