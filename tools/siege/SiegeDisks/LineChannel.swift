import Glibc
import RedoubtSystem

/// Lines to and from another process, over a socket.
final class LineChannel {
    /// Why no line came.
    enum Silence: Error { case closed, late }

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0

    /// Speaks over `descriptor`, which stays the caller's.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Sends `line`; nothing happens if nobody is there, which the next ``receive(seconds:)`` says.
    func send(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        var done = 0
        while done < bytes.count {
            let sent = unsafe bytes[done...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent < 0 && errno != EINTR { return }
            done += max(0, sent)
        }
    }

    /// Returns the next line, without its end; waits for at most `seconds`, or for ever if that is nil.
    func receive(seconds: Double? = nil) throws(Silence) -> String {
        let deadline = seconds.map { Scheduling.now().advanced(microseconds: Int($0 * 1e6)) }
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[start..<end], as: UTF8.self)
                start = end + 1
                return line
            }
            if start > 0 {
                buffer.removeFirst(start)
                start = 0
            }
            searched = buffer.count
            var left: Int32 = -1
            if let deadline { left = Int32(deadline.nanoseconds(since: Scheduling.now()) / 1_000_000) }
            guard isReadable(within: left) else { throw .late }
            var piece = [UInt8](repeating: 0, count: 65536)
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .closed }
            buffer += piece[..<count]
        }
    }

    /// Throws away what has come and was not asked for.
    func drain() {
        buffer = []
        start = 0
        var piece = [UInt8](repeating: 0, count: 65536)
        while isReadable(within: 0) {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return }
        }
    }

    private func isReadable(within milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = unsafe poll(&waiting, 1, milliseconds)
            if ready >= 0 { return ready > 0 }
            if errno != EINTR { return false }
        }
    }
}
