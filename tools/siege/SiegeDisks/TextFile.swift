import Glibc

/// Small files, read and written whole.
enum TextFile {
    /// Returns the lines of the file at `path`; none if it cannot be read.
    static func lines(_ path: String) -> [String] {
        guard let file = unsafe fopen(path, "re") else { return [] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Makes `text` the content of the file at `path`.
    static func write(_ text: String, to path: String) throws {
        guard let file = unsafe fopen(path, "we") else { throw DiskFailure.ofCall("open of \(path)") }
        let bytes = Array(text.utf8)
        let written = unsafe bytes.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
        guard unsafe fclose(file) == 0, written == bytes.count else { throw DiskFailure.ofCall("write of \(path)") }
    }

    /// Removes the folder at `path` and what is in it, without following links or leaving its file system.
    static func removeFolder(_ path: String) {
        _ = try? ChildProcess.run(["rm", "-rf", "--one-file-system", path], seconds: 20)
    }

    /// Creates a folder with a name that no other has.
    static func makeTemporaryFolder() throws -> String {
        let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var name = Array("\(base)/siege-disks-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&name) != nil else { throw DiskFailure.ofCall("mkdtemp") }
        return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
