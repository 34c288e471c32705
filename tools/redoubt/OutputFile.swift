import Glibc
import RedoubtCommands

/// A new file that is being written, or standard output.
///
/// The file has its name followed by ".partial" until it is whole and durable, so that what an interrupted program
/// leaves cannot be taken for a whole file; one that is not finished in order is removed.
final class OutputFile {
    private let descriptor: Int32
    private let path: String
    private var pending: [UInt8] = []
    private var isFinished = false
    /// The bytes handed over so far.
    private(set) var byteCount = 0

    private static let pieceByteCount = 1 << 18

    /// Makes a new file for `path`, which only its owner may read; "" and "-" are standard output.
    ///
    /// - Throws: `.usage` if there is something already, or nothing can be made there.
    init(_ path: String) throws(CommandFailure) {
        guard !path.isEmpty, path != "-" else {
            descriptor = 1
            self.path = "standard output"
            return
        }
        self.path = path
        var status = Glibc.stat()
        guard unsafe lstat(path, &status) != 0 else { throw Self.taken(path) }
        let partial = Self.partial(path)
        descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            let reason = unsafe String(cString: strerror(errno))
            throw .usage(
                isThere
                    ? "\"\(partial)\" is there: an interrupted command may have left it; remove it if no other runs"
                    : "\"\(path)\" cannot be made: \(reason); choose a folder that is there and that you may write to"
            )
        }
    }

    deinit {
        guard descriptor > 1 else { return }
        close(descriptor)
        if !isFinished { _ = unsafe unlink(Self.partial(path)) }
    }

    private static func partial(_ path: String) -> String { path + ".partial" }

    private static func taken(_ path: String) -> CommandFailure {
        .usage("\"\(path)\" is there already, and nothing is written over; remove it or choose another name")
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

    /// Writes what is left, and gives a file its name, durably.
    ///
    /// - Throws: `.failure` if that cannot be done; `.usage` if somebody else took the name meanwhile.
    func finish() throws(CommandFailure) {
        try send()
        guard descriptor > 1 else { return }
        if fsync(descriptor) != 0 { throw failure() }
        // A link, not a rename, which would replace what has the name.
        if unsafe link(Self.partial(path), path) != 0 { throw errno == EEXIST ? Self.taken(path) : failure() }
        isFinished = true
        _ = unsafe unlink(Self.partial(path))
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let parent = slash.map { String(path[...$0]) } ?? "."
        let folder = unsafe open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Who may not read the folder gets no word from it.
        guard folder >= 0 else { return }
        defer { close(folder) }
        if fsync(folder) != 0 { throw failure() }
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
