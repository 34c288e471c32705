import Glibc

/// What the commands print: at once, because a run takes minutes.
enum Lines {
    /// Prints a line to standard output.
    static func tell(_ text: String) { send("\(text)\n", to: 1) }

    /// Prints a line to standard error.
    static func complain(_ text: String) { send("siege: \(text)\n", to: 2) }

    private static func send(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            sent += count
        }
    }
}
