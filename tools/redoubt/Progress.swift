import Glibc
import Redoubt

/// Shows how far long work with rows is: a line on standard error that is written over while it is a terminal, and the
/// figures at the end.
struct Progress {
    /// What is being done, in the past tense.
    private let verb: String
    private let unit: String
    private let isShown: Bool
    private let start = Progress.seconds()
    private var lastShown = 0.0

    /// The columns of the bar.
    private static let width = 20

    /// Begins; nothing is shown but the figures at the end, unless standard error is a terminal that nothing else is
    /// written to.
    init(_ verb: String, of unit: String = "rows", isShown: Bool = true) {
        self.verb = verb
        self.unit = unit
        self.isShown = isShown && Output.isTerminal
    }

    /// Whether it is time to show something: ten times a second, on a terminal.
    mutating func isDue() -> Bool {
        guard isShown else { return false }
        let now = Self.seconds()
        guard now - lastShown > 0.1 else { return false }
        lastShown = now
        return true
    }

    /// Shows a bar that is filled to `share`, from 0 to 1, if that is known.
    func show(rows: Int, bytes: Int, share: Double?) {
        let elapsed = max(Self.seconds() - start, 0.001)
        var line = figures(rows, bytes, elapsed)
        if let share {
            let filled = Int(share * Double(Self.width))
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
            line = "[\(bar)] \(PlainText.right("\(Int(share * 100))", 3)) %  \(line)"
            if share > 0.01, share < 0.995, elapsed > 1 {
                line += ", " + PlainText.duration(elapsed / share * (1 - share) * 1e9) + " left"
            }
        }
        Output.progress(line, isLast: false)
    }

    /// Shows the figures of all of it.
    func end(rows: Int, bytes: Int) {
        clear()
        let elapsed = max(Self.seconds() - start, 0.001)
        Output.complain("\(verb) \(figures(rows, bytes, elapsed)), in \(PlainText.duration(elapsed * 1e9))")
    }

    /// Takes the bar away.
    func clear() {
        if isShown { Output.progress("", isLast: false) }
    }

    private func figures(_ rows: Int, _ bytes: Int, _ elapsed: Double) -> String {
        let rate = PlainText.bytes(Double(bytes) / elapsed)
        return "\(rows) \(unit), \(Int(Double(rows) / elapsed)) \(unit)/s, \(rate)/s"
    }

    private static func seconds() -> Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
