import Glibc

/// What the figures were measured on.
enum Machine {
    /// The commit of the checkout that this program was built in, with "-dirty" if it has changes; "unknown" if none.
    static let commit = {
        let folder = "$(dirname \"$(readlink -f /proc/\(getpid())/exe)\")"
        let commit = output("git -C \"\(folder)\" describe --always --dirty --exclude '*' 2>/dev/null")
        return commit.isEmpty ? "unknown" : commit
    }()

    /// Commit, machine, minutes, seed: a line each.
    static func heading(minutes: Double, seed: UInt64) -> [String] {
        let model = output("sed -nE 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1")
        let count = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return [
            "commit \(commit), seed \(seed)",
            "\(model.isEmpty ? "unknown processor" : model), \(count) processors, Linux \(output("uname -r"))",
            "\((minutes * 10).rounded() / 10) minutes",
        ]
    }

    /// The first line that `command` prints.
    private static func output(_ command: String) -> String {
        guard let pipe = unsafe popen(command, "r") else { return "" }
        defer { unsafe pclose(pipe) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = unsafe fread(&buffer, 1, buffer.count, pipe)
        return String(decoding: buffer[..<count].prefix { $0 >= 32 }, as: UTF8.self)
    }
}
