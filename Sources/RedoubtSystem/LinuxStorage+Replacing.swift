import Glibc
package import RedoubtCore

extension LinuxStorage {
    /// Makes `bytes` the content of the file at `path`: the old content or the new one is there, never a part.
    ///
    /// What is no file, such as a pipe or a device, is written to and stays what it is; a link stays, and what it leads
    /// to is made or replaced. A file that is replaced keeps who may read, write and run it; a new one has mode 0600.
    /// Waits for the disk.
    ///
    /// - Throws: `.diskFull`, `.systemCallFailed`; nothing has changed then, unless it is no file.
    package func replace(_ path: String, with bytes: [UInt8]) throws(RedoubtError) {
        var status = stat()
        let exists = unsafe stat(path, &status) == 0
        if exists && status.st_mode & S_IFMT != S_IFREG { return try send(bytes, to: path) }
        let target = try Self.destination(of: path)
        // Drawn: a process that was killed may have left one, and another one have its number.
        let fresh = "\(target).\(String(UInt64.random(in: .min ... .max), radix: 36)).new"
        let file = try open(fresh, role: .control, creating: true, readOnly: false)
        defer { file.close() }
        do throws(RedoubtError) {
            try unsafe bytes.withUnsafeBufferPointer { (source) throws(RedoubtError) in
                if !source.isEmpty { unsafe try file.write(UnsafeRawBufferPointer(source), at: 0) }
            }
            // Some file systems have no modes.
            if exists { _ = unsafe chmod(fresh, status.st_mode & 0o777) }
            try file.sync()
            try rename(fresh, to: target)
        } catch {
            try? remove(fresh)
            throw error
        }
    }

    /// The path that a link at `path` leads to, and a link there, and so on, whether something is there or not.
    private static func destination(of path: String) throws(RedoubtError) -> String {
        // As many as the kernel follows.
        var place = path
        for _ in 0..<40 {
            var text = [CChar](repeating: 0, count: Int(PATH_MAX))
            let current = place
            let count = SystemCall.repeated { Int(unsafe readlink(current, &text, Int(PATH_MAX))) }
            // Nothing, or no link: whatever else is wrong, the opening tells.
            guard count > 0 else { return place }
            guard let link = String(validating: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) else {
                throw SystemCall.error("readlink", path, EILSEQ)
            }
            let folder = link.hasPrefix("/") ? "" : place.lastIndex(of: "/").map { String(place[...$0]) } ?? ""
            place = folder + link
        }
        throw SystemCall.error("readlink", path, ELOOP)
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
