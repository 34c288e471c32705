import Glibc
import RedoubtCommands

/// What is at a path.
enum FileKind {
    case none
    case folder
    case file
}

/// What is at `path`.
func fileKind(_ path: String) -> FileKind {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return .none }
    return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
}

/// A file that is open for reading, or standard input.
final class InputFile {
    private let descriptor: Int32
    /// What is in it.
    let bytes: InputBytes
    /// The size of the file; 0 if it has none, as a pipe.
    let size: Int

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        var status = Glibc.stat()
        size = unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        bytes = InputBytes { (piece) throws(CommandFailure) in
            try Self.read(descriptor, into: &piece, path: path)
        }
    }

    /// Opens the file at `path`; "-" is standard input.
    convenience init(_ path: String) throws(CommandFailure) {
        if path == "-" {
            self.init(descriptor: 0, path: "standard input")
            return
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw .usage("\"\(path)\" cannot be opened: \(reason); correct the path, or write - for standard input")
        }
        guard fileKind(path) != .folder else {
            close(descriptor)
            throw .usage("\"\(path)\" is a folder; name a file")
        }
        self.init(descriptor: descriptor, path: path)
    }

    deinit {
        if descriptor > 0 { close(descriptor) }
    }

    /// Standard input.
    static var standardInput: InputFile { InputFile(descriptor: 0, path: "standard input") }

    private static func read(
        _ descriptor: Int32,
        into piece: inout [UInt8],
        path: String
    ) throws(CommandFailure) -> Int {
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure(
                    code: .failure,
                    message: "\(path) cannot be read: \(unsafe String(cString: strerror(errno)))"
                )
            }
            return count
        }
    }
}
