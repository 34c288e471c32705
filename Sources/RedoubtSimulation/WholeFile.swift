package import RedoubtCore
import RedoubtSystem

/// Files that are read and written in one piece.
package enum WholeFile {
    /// Writes `bytes` to a file at `path`, replacing what is there; the old content or the new one, never a part.
    ///
    /// What is no file, such as a pipe or a device, is written to and stays what it is; so does what a link leads to.
    /// Waits for the disk.
    package static func write(_ bytes: [UInt8], to path: String) throws(RedoubtError) {
        try LinuxStorage(directIO: false, asyncIO: false).replace(path, with: bytes)
    }

    /// Returns the bytes of the file at `path`, or nil if there are more than `limit`.
    package static func read(_ path: String, limit: Int) throws(RedoubtError) -> [UInt8]? {
        let storage = LinuxStorage(directIO: false, asyncIO: false)
        let file = try storage.open(path, role: .control, creating: false, readOnly: true)
        defer { file.close() }
        let size = try file.size()
        guard size <= UInt64(limit) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let outcome: Result<Int, RedoubtError> = unsafe bytes.withUnsafeMutableBytes { target in
            do throws(RedoubtError) {
                return unsafe .success(target.isEmpty ? 0 : try file.read(into: target, at: 0))
            } catch {
                return .failure(error)
            }
        }
        // Fewer if the file was cut meanwhile.
        bytes.removeLast(bytes.count - (try outcome.get()))
        return bytes
    }
}
