import Glibc

/// What the figures were measured on.
enum Machine {
    /// Processor, count, memory, kernel, and the file system of `folder`, in one line.
    static func line(folder: String) -> String {
        let cpu = value("model name", in: ProcessFigures.text("/proc/cpuinfo")) ?? "unknown processor"
        let memory = ProcessFigures.number("MemTotal", in: ProcessFigures.text("/proc/meminfo")) ?? 0
        let kernel = ProcessFigures.text("/proc/sys/kernel/osrelease").split(separator: "\n").first ?? "?"
        return "\(cpu), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, \(memory >> 20) GiB, Linux \(kernel), "
            + fileSystem(of: folder)
    }

    /// The commit of the repository, or "unknown".
    static var commit: String {
        guard let pipe = unsafe popen("git rev-parse --short HEAD 2>/dev/null", "r") else { return "unknown" }
        defer { unsafe pclose(pipe) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = unsafe fread(&buffer, 1, buffer.count, pipe)
        let text = String(decoding: buffer[..<count].prefix { $0 > 32 }, as: UTF8.self)
        return text.isEmpty ? "unknown" : text
    }

    private static func value(_ name: String, in text: String) -> String? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.split(separator: ":").last.map { String($0.drop { $0 == " " }) }
    }

    /// Kind and device of the file system that holds `folder`, by the longest mount point above it.
    private static func fileSystem(of folder: String) -> String {
        var best = (length: 0, text: "unknown file system")
        for line in ProcessFigures.text("/proc/self/mounts").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 2 else { continue }
            let point = words[1] == "/" ? "/" : words[1] + "/"
            if (folder + "/").hasPrefix(point) && point.count >= best.length {
                best = (point.count, "\(words[2]) on \(words[0])")
            }
        }
        return best.text
    }
}
