import Glibc

/// What is printed: at once, because others wait for it.
enum Screen {
    /// Prints a line to standard output.
    static func tell(_ text: String) { send("\(text)\n", to: 1) }

    /// Prints a line to standard error.
    static func complain(_ text: String) { send("flushlab: \(text)\n", to: 2) }

    /// Whether a line can be written over.
    static var isTerminal: Bool { isatty(2) == 1 }

    /// Writes a line to standard error over the last one; an empty text takes it away.
    static func show(_ text: String) {
        if isTerminal { send("\r\u{1B}[K\(text)", to: 2) }
    }

    /// Seconds of the monotonic clock.
    static var seconds: Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    private static func send(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}
