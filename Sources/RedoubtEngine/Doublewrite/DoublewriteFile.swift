import RedoubtCore
import RedoubtSystem

/// A file that holds the last batches of a page writer, so that a page torn by a power cut can be put right.
final class DoublewriteFile: Sendable {
    /// The directory below that of the database.
    static let directoryName = "doublewrite"
    private static let namePrefix = "dw_"

    private let file: any StorageFile

    /// Opens the file of writer `number` in `directory`, and makes it, durably, if it is missing or too short.
    init(storage: any Storage, directory: String, number: Int, pageCount: Int) throws(RedoubtError) {
        let folder = directory + "/" + Self.directoryName
        let path = folder + "/\(Self.namePrefix)\(number)"
        let byteCount = UInt64(pageCount * pageByteCount)
        let isThere = try storage.exists(path)
        if !isThere { try storage.createDirectory(folder) }
        file = try storage.open(path, role: .doublewrite, creating: !isThere, readOnly: false)
        let before = try file.size()
        guard before < byteCount else { return }
        // The entries before the length: a file that is long enough is in its directory after any power cut, also if
        // an earlier attempt to make it was cut short.
        try storage.syncDirectory(folder)
        try storage.syncDirectory(directory)
        do throws(RedoubtError) {
            try file.extendByWriting(to: byteCount)
        } catch {
            // Nobody uses the file then, and others may need the last of the space.
            try? file.truncate(to: before)
            throw error
        }
        try file.sync()
    }

    /// The paths of the doublewrite files of the database in `directory` whose numbers are `first` and up.
    static func paths(
        storage: any Storage,
        directory: String,
        from first: Int = 0
    ) throws(RedoubtError) -> [String] {
        let folder = directory + "/" + directoryName
        guard try storage.exists(folder) else { return [] }
        return try storage.list(folder).filter { name in
            guard name.hasPrefix(namePrefix) else { return false }
            // A name without a number is nobody's, and goes with all others only.
            guard let number = Int(name.dropFirst(namePrefix.count)) else { return first == 0 }
            return number >= first
        }.map { folder + "/" + $0 }
    }

    /// Removes, durably, the doublewrite files whose numbers are `first` and up: of writers that are no more.
    ///
    /// Repair must be done before.
    static func removeAll(storage: any Storage, directory: String, from first: Int = 0) throws(RedoubtError) {
        let paths = try paths(storage: storage, directory: directory, from: first)
        guard !paths.isEmpty else { return }
        for path in paths { try storage.remove(path) }
        try storage.syncDirectory(directory + "/" + directoryName)
    }

    /// Writes a segment, or a part of one, over what stood at page `start` of the file; durable after ``sync()``.
    ///
    /// The pages of the segments that stood there must be durable in their data files. Waits.
    func write(_ segment: UnsafeRawBufferPointer, at start: Int) throws(RedoubtError) {
        try unsafe file.write(segment, at: UInt64(start * pageByteCount))
    }

    /// The write of one page at page `place` of the file, for a queue.
    func request(_ page: UnsafeMutableRawBufferPointer, at place: Int, tag: UInt64) -> StorageRequest {
        unsafe StorageRequest(
            file: file,
            isWrite: true,
            buffer: page,
            offset: UInt64(place * pageByteCount),
            tag: tag
        )
    }

    /// Makes what was written durable.
    ///
    /// Waits. Not to be called again after a failure, which is never `.diskFull`.
    func sync() throws(RedoubtError) { try file.syncWrites() }

    /// Closes the file.
    func close() { file.close() }
}
