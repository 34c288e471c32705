import RedoubtCore
import RedoubtSystem

extension HookedStorage {
    /// A storage in which a read of a file that is open for reading only is made of parts, with other threads between
    /// them: what it returns may be half of one write and half of another.
    static func torn(_ inner: any Storage) -> HookedStorage {
        HookedStorage(
            inner,
            opening: { (path, readOnly, open) throws(RedoubtError) in
                let file = try open()
                // That of the engine, and what backups are made of.
                return readOnly && path.hasPrefix(BackupWorld.path + "/") ? TornFile(file) : file
            }
        )
    }
}

private final class TornFile: StorageFile {
    private let inner: any StorageFile
    // Half a page, so that pages are torn as well as pieces.
    private static let partByteCount = 8192

    init(_ inner: any StorageFile) {
        self.inner = inner
    }

    var path: String { inner.path }
    var role: FileRole { inner.role }
    var alignment: Int { inner.alignment }
    func size() throws(RedoubtError) -> UInt64 { try inner.size() }
    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        var done = 0
        while done < target.count {
            let end = min(target.count, done + Self.partByteCount)
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: target[done..<end])
            let count = unsafe try inner.read(into: part, at: offset + UInt64(done))
            done += count
            if count < part.count { break }
            // Long enough for a page to be written in between.
            if Scheduling.isSimulated { Scheduling.sleep(microseconds: 20) }
        }
        return done
    }
    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        unsafe try inner.write(source, at: offset)
    }
    func sync() throws(RedoubtError) { try inner.sync() }
    func extend(to size: UInt64) throws(RedoubtError) { try inner.extend(to: size) }
    func extendByWriting(to size: UInt64) throws(RedoubtError) { try inner.extendByWriting(to: size) }
    func truncate(to size: UInt64) throws(RedoubtError) { try inner.truncate(to: size) }
    func close() { inner.close() }
}
