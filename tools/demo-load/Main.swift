import Glibc
import Redoubt
import RedoubtSystem

/// The program behind `tools/demo` and the kill tests.
///
///     redoubt-demo --folder F [--kills N] [--threads N] [--milliseconds N] [--small]    load, write, kill, verify
///     redoubt-demo --fill F [--rounds N]                   fill a small file system and free it, again and again
///     redoubt-demo --worker F --threads N [--small]        what is killed
@main
struct Main {
    static func main() {
        let arguments = Options(Array(CommandLine.arguments.dropFirst()))
        do {
            if let folder = arguments.text("worker") {
                try Worker(folder: folder, options: arguments).run()
            } else if let folder = arguments.text("fill") {
                try FillAndFree(folder: folder, rounds: arguments.number("rounds") ?? 20).run()
            } else if let folder = arguments.text("folder") {
                try Demo(folder: folder, options: arguments).run()
            } else {
                throw Failure("usage: redoubt-demo --folder FOLDER [--kills N] [--threads N] [--small]")
            }
        } catch {
            say("FAILED: \(error)")
            exit(1)
        }
    }
}

/// Why the demo stopped.
struct Failure: Error, CustomStringConvertible {
    /// The reason.
    let description: String

    /// Creates a failure because of `reason`.
    init(_ reason: String) { description = reason }
}

/// The options of the command line: `--name value`, or `--name`.
struct Options: Sendable {
    private var values: [String: String] = [:]

    init(_ words: [String]) {
        var name: String?
        for word in words {
            if word.hasPrefix("--") {
                name = String(word.dropFirst(2))
                if let name { values[name] = "" }
            } else if let current = name {
                values[current] = word
                name = nil
            }
        }
    }

    /// The text after `--name`, or nil.
    func text(_ name: String) -> String? { values[name] }
    /// The number after `--name`, or nil.
    func number(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    /// Whether `--name` is there.
    func has(_ name: String) -> Bool { values[name] != nil }
}

/// Prints a line at once, so that it is seen even if the process dies.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
}

/// The time in seconds.
func seconds() -> Double { Double(Scheduling.now().nanoseconds) / 1e9 }

/// `number` with `places` decimal places.
func decimal(_ number: Double, _ places: Int = 1) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let rounded = (number * scale).rounded() / scale
    return places == 0 ? "\(Int(rounded))" : "\(rounded)"
}

/// The whole content of a file, or nil if it cannot be read.
func content(of path: String) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count <= 0 { return count == 0 ? result : nil }
        result += buffer[0..<count]
    }
}
