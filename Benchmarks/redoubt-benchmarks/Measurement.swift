import Glibc
import RedoubtCore
import RedoubtSystem

/// One figure: several runs of the same work, of which the median counts.
struct Measurement {
    /// What was measured.
    let name: String
    /// What a figure counts, such as "reads/s".
    let unit: String
    /// The figures of the runs.
    let runs: [Double]
    /// A sum over the work's results, so that no run can skip it unseen.
    let checksum: UInt64

    /// The figure in the middle.
    var median: Double { runs.sorted()[runs.count / 2] }
    /// The width of the runs, as a share of the median.
    var spread: Double { ((runs.max() ?? 0) - (runs.min() ?? 0)) / max(median, 1) }

    /// The measurement as one line of JSON.
    func json(_ parameters: String, _ machine: String, _ commit: String) -> String {
        let list = runs.map { "\(Int($0))" }.joined(separator: ",")
        return "{\"name\":\"\(name)\",\"unit\":\"\(unit)\",\"median\":\(Int(median)),\"runs\":[\(list)],"
            + "\"checksum\":\(checksum),\"parameters\":\"\(parameters)\","
            + "\"machine\":\"\(machine)\",\"commit\":\"\(commit)\"}"
    }
}

/// Time and threads.
enum Clock {
    /// The time in seconds.
    static func seconds() -> Double { Double(Scheduling.now().nanoseconds) / 1e9 }

    /// Runs `body` on `count` threads at once; returns the seconds from the first start to the last end.
    static func time(threads count: Int, _ body: @escaping @Sendable (Int) -> Void) throws -> Double {
        if count == 1 {
            let start = seconds()
            body(0)
            return seconds() - start
        }
        let gate = Event()
        let isOpen = Flag()
        var threads: [EngineThread] = []
        for index in 0..<count {
            let thread = try Scheduling.start("bench-\(index)") {
                while true {
                    let ticket = gate.ticket
                    if isOpen.isSet { break }
                    gate.wait(ticket)
                }
                body(index)
            }
            threads.append(thread)
        }
        let start = seconds()
        isOpen.set()
        gate.signal()
        for thread in threads { Scheduling.join(thread) }
        return seconds() - start
    }
}

/// What the figures were measured on.
enum Machine {
    /// Processor, count, kernel, in one line.
    static var line: String {
        var name = utsname()
        _ = unsafe uname(&name)
        let release = unsafe withUnsafeBytes(of: &name.release) { unsafe text($0) }
        let model = firstLine(of: "/proc/cpuinfo", after: "model name") ?? "unknown processor"
        return "\(model), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, Linux \(release)"
    }

    /// The commit of the repository, or "unknown".
    static var commit: String {
        guard let pipe = unsafe popen("git rev-parse --short HEAD 2>/dev/null", "r") else { return "unknown" }
        defer { unsafe pclose(pipe) }
        var buffer = [CChar](repeating: 0, count: 64)
        guard unsafe fgets(&buffer, 64, pipe) != nil else { return "unknown" }
        return String(decoding: buffer.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// What stands after the colon in the first line of the file that begins with `name`.
    static func firstLine(of path: String, after name: String) -> String? {
        guard let file = unsafe fopen(path, "r") else { return nil }
        defer { unsafe fclose(file) }
        var buffer = [CChar](repeating: 0, count: 512)
        while unsafe fgets(&buffer, 512, file) != nil {
            let line = String(
                decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) },
                as: UTF8.self
            )
            guard line.hasPrefix(name), let colon = line.firstIndex(of: ":") else { continue }
            return String(line[line.index(colon, offsetBy: 2)...])
        }
        return nil
    }
}
