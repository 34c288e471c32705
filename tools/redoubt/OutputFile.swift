import Glibc
import RedoubtCommands

/// A file that is being written, or standard output; a new file that is not finished is removed.
final class OutputFile {
    private let descriptor: Int32
    private let path: String
    private var pending: [UInt8] = []
    private var isFinished = false
    /// The bytes handed over so far.
    private(set) var byteCount = 0

    private static let pieceByteCount = 1 << 18

    /// Makes a new file at `path`, which only its owner may read; "" and "-" are standard output.
    ///
    /// - Throws: `.usage` if there is something already, or nothing can be made there.
    init(_ path: String) throws(CommandFailure) {
        guard !path.isEmpty, path != "-" else {
            descriptor = 1
            self.path = "standard output"
            return
        }
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        self.path = path
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            let reason = unsafe String(cString: strerror(errno))
            throw .usage(
                isThere
                    ? "\"\(path)\" is there already, and nothing is written over; remove it or choose another name"
                    : "\"\(path)\" cannot be made: \(reason); choose a folder that is there and that you may write to"
            )
        }
    }

    deinit {
        guard descriptor > 1 else { return }
        close(descriptor)
        if !isFinished { _ = unsafe unlink(path) }
    }

    /// Whether the bytes go to a terminal.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Appends what `body` appends to the bytes it is given.
    ///
    /// - Throws: `.failure` if they cannot be written; what `body` throws.
    func write(_ body: (inout [UInt8]) throws(CommandFailure) -> Void) throws(CommandFailure) {
        let before = pending.count
        try body(&pending)
        byteCount += pending.count - before
        if pending.count >= Self.pieceByteCount { try send() }
    }

    /// Writes what is left, and makes a file durable.
    ///
    /// - Throws: `.failure` if that cannot be done.
    func finish() throws(CommandFailure) {
        try send()
        if descriptor > 1, fsync(descriptor) != 0 { throw failure() }
        isFinished = true
    }

    private func send() throws(CommandFailure) {
        if !Output.send(pending, to: descriptor) { throw failure() }
        pending.removeAll(keepingCapacity: true)
    }

    private func failure() -> CommandFailure {
        let reason = unsafe String(cString: strerror(errno))
        return CommandFailure(
            code: .failure,
            message: "\(path) could not be written: \(reason); make room and try again"
        )
    }
}
