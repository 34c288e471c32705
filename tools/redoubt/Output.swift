import Glibc
import RedoubtCommands
import Synchronization

/// What the commands print: to standard output in large pieces, complaints to standard error.
enum Output {
    // Commands print from one thread; the mutex is for the compiler.
    private static let pending = Mutex<[UInt8]>([])
    // Set by the first write that fails: what comes after a gap must not count as output.
    private static let hasFailed = Mutex(false)

    /// Prints `text` and a line feed; of control characters only tabs and line feeds reach a terminal.
    static func print(_ text: String) {
        write(Array(VisibleText.of(text, keeping: "\t\n").utf8) + [UInt8(ascii: "\n")])
    }

    /// Prints bytes as they are.
    static func write(_ bytes: [UInt8]) {
        let isFull = pending.withLock { pending in
            pending += bytes
            return pending.count > 1 << 16
        }
        if isFull { _ = send() }
    }

    /// Prints one line to standard error, whatever names and pieces of files `text` quotes.
    static func complain(_ text: String) {
        _ = send(Array("redoubt: \(VisibleText.of(text))\n".utf8), to: 2)
    }

    /// Writes over the last line of standard error.
    static func progress(_ text: String, isLast: Bool) {
        _ = send(Array("\r\u{1B}[K\(text)\(isLast ? "\n" : "")".utf8), to: 2)
    }

    /// Whether a write has failed, so that what is printed now goes nowhere.
    static var isBroken: Bool { hasFailed.withLock { $0 } }

    /// Whether standard error is a terminal.
    static var isTerminal: Bool { isatty(2) == 1 }

    /// Hands everything to the system.
    static func flush() throws(CommandFailure) {
        if !send() {
            throw CommandFailure(
                code: .failure,
                message: "the output could not be written as a whole; make room for it"
            )
        }
    }

    private static func send() -> Bool {
        let bytes = pending.withLock { pending in
            defer { pending.removeAll(keepingCapacity: true) }
            return pending
        }
        if hasFailed.withLock({ $0 }) { return false }
        let isSent = send(bytes, to: 1)
        if !isSent { hasFailed.withLock { $0 = true } }
        return isSent
    }

    /// Hands `bytes` to the system; false if it did not take them all.
    static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// A key or value to print: text as it is, but for doubled backslashes; other bytes escaped as \xNN.
    static func text(_ bytes: [UInt8], hex: Bool) -> String {
        if hex { return Hexadecimal.text(bytes) }
        // Valid UTF-8 reads better than escapes.
        if !hasControl(bytes), let whole = String(validating: bytes, as: UTF8.self) {
            return bytes.contains(UInt8(ascii: "\\")) ? whole.replacing("\\", with: "\\\\") : whole
        }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\\"): result += [byte, byte]
            case 0x20...0x7E: result.append(byte)
            default:
                result += [UInt8(ascii: "\\"), UInt8(ascii: "x")]
                result += Hexadecimal.text([byte]).utf8
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Whether there is a control character in `bytes`, if they are UTF-8.
    private static func hasControl(_ bytes: [UInt8]) -> Bool {
        var last: UInt8 = 0
        for byte in bytes {
            if byte < 0x20 || byte == 0x7F || last == 0xC2 && byte < 0xA0 { return true }
            last = byte
        }
        return false
    }
}
