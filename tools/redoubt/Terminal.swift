import Glibc
import RedoubtCommands
import Synchronization

/// The terminal while a board is on it: another screen, no echo, keys one by one; as it was before when the object
/// goes, also after a signal that asks to end.
final class Terminal {
    private var before = termios()

    // Set by signal handlers, which may do nothing else.
    private static let isEnding = Atomic<Bool>(false)
    private static let isResized = Atomic<Bool>(false)

    /// Whether input and output are a terminal that understands control sequences.
    static var isThere: Bool {
        guard isatty(0) == 1, isatty(1) == 1, let name = unsafe getenv("TERM") else { return false }
        return unsafe String(cString: name) != "dumb"
    }

    /// Takes the terminal over.
    init() {
        // The handlers must not be the first to touch these.
        Self.isEnding.store(false, ordering: .relaxed)
        Self.isResized.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            _ = signal(number) { _ in Terminal.isEnding.store(true, ordering: .relaxed) }
        }
        _ = signal(SIGWINCH) { _ in Terminal.isResized.store(true, ordering: .relaxed) }
        _ = unsafe tcgetattr(0, &before)
        var raw = before
        // Keys that would stop or end the program come as bytes, so that the terminal is put right first.
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        _ = unsafe tcsetattr(0, TCSAFLUSH, &raw)
        Self.write("\u{1B}[?1049h\u{1B}[?25l")
    }

    /// Puts the terminal back.
    func restore() {
        Self.write("\u{1B}[?25h\u{1B}[?1049l")
        _ = unsafe tcsetattr(0, TCSAFLUSH, &before)
    }

    /// The columns and rows now.
    var size: (columns: Int, rows: Int) {
        var window = winsize()
        guard unsafe ioctl(1, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(window.ws_col), Int(window.ws_row))
    }

    /// Shows `lines`, the first one inverted.
    func show(_ lines: [String]) {
        var text = "\u{1B}[H"
        for (index, line) in lines.enumerated() {
            if index > 0 { text += "\r\n" }
            text += index == 0 ? "\u{1B}[7m\(line)\u{1B}[0m\u{1B}[K" : line + "\u{1B}[K"
        }
        Self.write(text + "\u{1B}[J")
    }

    /// What ended a ``wait(_:)``.
    enum Cause {
        case time
        case resize
        case quit
    }

    /// Waits for `seconds`, for a key that ends the program, or for another size.
    func wait(_ seconds: Double) -> Cause {
        var left = Int(seconds * 1000)
        while true {
            if Self.isEnding.load(ordering: .relaxed) { return .quit }
            if Self.isResized.exchange(false, ordering: .relaxed) { return .resize }
            if left <= 0 { return .time }
            var polled = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
            // In short pieces: a signal just before the call would not end it.
            let piece = min(left, 100)
            if unsafe poll(&polled, 1, Int32(piece)) > 0 {
                var byte: UInt8 = 0
                let count = unsafe read(0, &byte, 1)
                // The end of input, a terminal that is gone, and q, Q, control-C, control-D.
                if count < 0 && errno != EINTR && errno != EAGAIN { return .quit }
                if count == 0 || (count == 1 && [113, 81, 3, 4].contains(byte)) { return .quit }
            } else {
                left -= piece
            }
        }
    }

    private static func write(_ text: String) {
        Output.write(Array(text.utf8))
        do throws(CommandFailure) { try Output.flush() } catch {}
    }
}
