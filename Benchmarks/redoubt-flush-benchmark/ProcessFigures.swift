import Glibc
import RedoubtSystem

/// What the kernel tells about processes, threads and the machine.
enum ProcessFigures {
    /// The time in seconds.
    static func now() -> Double { Double(Scheduling.now().nanoseconds) / 1e9 }

    /// The first bytes of a file of /proc, or an empty text.
    static func text(_ path: String) -> String {
        let file = unsafe open(path, O_RDONLY)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    /// The first number in the line of `text` that begins with `name`.
    static func number(_ name: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return line.dropFirst(name.count).split { !$0.isNumber }.first.flatMap { Int($0) }
        }
        return nil
    }

    /// Bytes that the calling process has had written to devices.
    static var deviceBytes: Int { number("write_bytes", in: text("/proc/self/io")) ?? 0 }

    /// The processor seconds that the process `id` has used.
    static func processorSeconds(ofProcess id: pid_t) -> Double {
        // The name in parentheses may hold blanks; user and system time are the 12th and 13th words behind it.
        let rest = text("/proc/\(id)/stat").split(separator: ")").last ?? ""
        let words = rest.split(separator: " ")
        guard words.count > 12, let user = Double(words[11]), let system = Double(words[12]) else { return 0 }
        return (user + system) / ticksPerSecond
    }

    /// The processor seconds that this process and the children that it has waited for have used.
    static var ownSeconds: Double {
        [RUSAGE_SELF, RUSAGE_CHILDREN].reduce(0) { sum, who in
            var usage = rusage()
            unsafe getrusage(__rusage_who_t(who.rawValue), &usage)
            let user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
            return sum + user + Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
        }
    }

    /// The processor seconds that everybody has used since the machine started.
    static var machineSeconds: Double {
        let words = text("/proc/stat").split(separator: "\n").first?.split(separator: " ") ?? []
        let numbers = words.dropFirst().compactMap { Double($0) }
        guard numbers.count >= 8 else { return 0 }
        // user nice system idle iowait irq softirq steal
        return (numbers[0] + numbers[1] + numbers[2] + numbers[5] + numbers[6] + numbers[7]) / ticksPerSecond
    }

    private static var ticksPerSecond: Double { Double(sysconf(Int32(_SC_CLK_TCK))) }
}

/// Writes a line to standard output at once.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}
