import Glibc
import RedoubtCommands
import RedoubtSystem

/// A program that was started by name, with files for what it reads and prints.
struct ChildProcess {
    private let id: pid_t

    /// Starts `words`, the first of which is the program; what it complains about goes to `output` with ".error".
    ///
    /// It ends when this process does, however that comes.
    init(_ words: [String], input: String = "/dev/null", output: String) throws(CommandFailure) {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, output + ".error", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard let program = Self.path(of: words[0]) else { throw Self.missing(words[0]) }
        let keeper = Self.path(of: "setpriv").map { [$0, "--pdeathsig", "KILL"] } ?? []
        let all = keeper + [program] + words.dropFirst()
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe all.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
        var id: pid_t = 0
        guard unsafe posix_spawn(&id, all[0], &actions, nil, arguments, environ) == 0 else {
            throw Self.missing(words[0])
        }
        self.id = id
    }

    private static func missing(_ name: String) -> CommandFailure {
        CommandFailure(code: .failure, message: "\(name) cannot be started; tools/setup installs it")
    }

    /// The end of a file of complaints.
    static func lastWords(of path: String) -> String {
        let lines = ((try? LabFiles.text(of: path)) ?? "").split(separator: "\n")
        return lines.suffix(5).map { "    " + $0.prefix(300) }.joined(separator: "\n")
    }

    /// Where a program is; nil if it is not installed.
    static func path(of name: String) -> String? {
        // Debian has servers where only administrators look.
        ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
    }

    /// The processor seconds that it has used; 0 if it has ended.
    var processorSeconds: Double {
        guard let text = try? LabFiles.text(of: "/proc/\(id)/stat") else { return 0 }
        // Behind the name, in which anything may stand: state, and then numbers; the 12th and 13th are times.
        let fields = text.split(separator: ")").last.map { $0.split(separator: " ") } ?? []
        guard fields.count > 13, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }

    /// Ends it at once.
    func kill() { _ = Glibc.kill(id, SIGKILL) }

    /// Waits until it has ended, at most so many seconds, and then ends it; returns its status, or nil.
    func wait(seconds: Int) -> Int32? {
        for _ in 0..<seconds * 20 {
            var status: Int32 = 0
            if unsafe waitpid(id, &status, WNOHANG) == id { return status }
            Scheduling.sleep(microseconds: 50_000)
        }
        kill()
        wait()
        return nil
    }

    /// Waits until it has ended; returns its status, 0 if all went well.
    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
        return status
    }
}
