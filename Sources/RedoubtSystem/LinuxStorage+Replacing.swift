import Glibc
package import RedoubtCore

extension LinuxStorage {
    /// Makes `bytes` the content of the file at `path`: the old content or the new one is there, never a part.
    ///
    /// What is no file, such as a pipe or a device, is written to and stays what it is; a link stays, and what it leads
    /// to is replaced. Waits for the disk.
    ///
    /// - Throws: `.diskFull`, `.systemCallFailed`; nothing has changed then, unless it is no file.
    package func replace(_ path: String, with bytes: [UInt8]) throws(RedoubtError) {
        var status = stat()
        let exists = unsafe stat(path, &status) == 0
        if exists && status.st_mode & S_IFMT != S_IFREG { return try send(bytes, to: path) }
        var target = path
        if exists, let real = unsafe realpath(path, nil) {
            target = unsafe String(cString: real)
            unsafe free(real)
        }
        let fresh = "\(target).\(getpid()).new"
        let file = try open(fresh, role: .control, creating: true, readOnly: false)
        defer { file.close() }
        do throws(RedoubtError) {
            try unsafe bytes.withUnsafeBufferPointer { (source) throws(RedoubtError) in
                if !source.isEmpty { unsafe try file.write(UnsafeRawBufferPointer(source), at: 0) }
            }
            try file.sync()
            try rename(fresh, to: target)
        } catch {
            try? remove(fresh)
            throw error
        }
    }

    /// Writes `bytes` to what is no file.
    private func send(_ bytes: [UInt8], to path: String) throws(RedoubtError) {
        let descriptor = SystemCall.repeated { Int(unsafe Glibc.open(path, O_WRONLY | O_CLOEXEC)) }
        try SystemCall.check(descriptor, "open", path)
        defer { _ = close(Int32(descriptor)) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = SystemCall.repeated {
                unsafe rest.withUnsafeBytes { unsafe Glibc.write(Int32(descriptor), $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(try SystemCall.check(count, "write", path))
        }
    }
}
