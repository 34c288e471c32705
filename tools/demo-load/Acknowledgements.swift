import Glibc

/// The side file of one thread: four bytes for each operation that the database has acknowledged, appended by write(2)
/// before the next operation begins.
///
/// What write(2) took survives SIGKILL.
final class Acknowledgements {
    private let descriptor: Int32

    /// Opens the file for appending.
    init(_ path: String) throws {
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be opened: errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// Notes that operation `number` was acknowledged.
    func append(_ number: Int) throws {
        var word = UInt32(number).littleEndian
        let count = unsafe withUnsafeBytes(of: &word) { unsafe write(descriptor, $0.baseAddress, $0.count) }
        guard count == 4 else { throw Failure("an acknowledgement could not be written: errno \(errno)") }
    }

    /// The path of the side file of `thread`.
    static func path(_ folder: String, _ thread: Int) -> String { "\(folder)/acknowledged.\(thread)" }

    /// The number of operations that the file at `path` says were acknowledged.
    ///
    /// The last one may be there twice: acknowledged, written, killed, done again.
    static func count(_ path: String) throws -> Int {
        guard let bytes = content(of: path) else { return 0 }
        guard bytes.count % 4 == 0 else { throw Failure("\(path) has \(bytes.count) bytes") }
        var next = 0
        for start in stride(from: 0, to: bytes.count, by: 4) {
            let number = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << ($1 * 8) }
            guard number == next || number + 1 == next else { throw Failure("\(path): \(number) after \(next - 1)") }
            next = number + 1
        }
        return next
    }
}
