import Glibc

/// A file read from beginning to end in large pieces.
final class InputFile {
    private let descriptor: Int32
    private let path: String
    private var buffer = [UInt8](repeating: 0, count: 1 << 18)
    private var position = 0
    private var end = 0
    /// The bytes taken so far.
    private(set) var byteCount = 0
    /// The size of the file; 0 if it has none, as a pipe.
    let size: Int

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
        var status = Glibc.stat()
        size = unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Opens the file at `path`; "-" is standard input.
    convenience init(_ path: String) throws(CommandFailure) {
        if path == "-" {
            self.init(descriptor: 0, path: "standard input")
            return
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .usage("\"\(path)\" cannot be opened: \(unsafe String(cString: strerror(errno)))")
        }
        self.init(descriptor: descriptor, path: path)
    }

    deinit {
        if descriptor > 0 { close(descriptor) }
    }

    /// Standard input.
    static var standardInput: InputFile { InputFile(descriptor: 0, path: "standard input") }

    /// Returns the next byte, or nil at the end.
    @inline(__always)
    func next() throws(CommandFailure) -> UInt8? {
        if position == end {
            guard try fill() else { return nil }
        }
        let byte = buffer[position]
        position += 1
        return byte
    }

    /// Returns the next byte without taking it, or nil at the end.
    func peek() throws(CommandFailure) -> UInt8? {
        if position == end {
            guard try fill() else { return nil }
        }
        return buffer[position]
    }

    /// Returns everything up to the end.
    func readAll() throws(CommandFailure) -> [UInt8] {
        var bytes = Array(buffer[position..<end])
        while try fill() { bytes += buffer[0..<end] }
        return bytes
    }

    private func fill() throws(CommandFailure) -> Bool {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure(code: .failure, message: "\(path) cannot be read: errno \(errno)")
            }
            position = 0
            end = count
            byteCount += count
            return count > 0
        }
    }
}
