import Glibc
import RedoubtCore

/// A folder of our own, which nobody else can have put anything into.
struct OwnFolder {
    /// Where it is.
    let path: String

    /// Makes one in `folder`.
    init(in folder: String) throws(RedoubtError) {
        var name = Array("\(folder)/flushlab-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&name) != nil else {
            let reason = unsafe String(cString: strerror(errno))
            throw RedoubtError(.systemCallFailed, "no folder can be made in \(folder): \(reason)")
        }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes it and what is in it; links are removed, not followed.
    func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
        guard let directory = unsafe opendir(path) else { return }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            remove("\(path)/\(name)")
            _ = unsafe unlink("\(path)/\(name)")
        }
        _ = unsafe closedir(directory)
        _ = unsafe rmdir(path)
    }
}
