import Glibc
import RedoubtSystem

/// A process that this one started.
struct ChildProcess {
    /// How a process ended.
    enum Ending: Equatable, CustomStringConvertible {
        case code(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .code(let code): "code \(code)"
            case .signal(let signal): "signal \(signal)"
            }
        }
    }

    let id: pid_t

    /// Starts the program and arguments `words`, searched in PATH and where system programs are; `descriptors` says
    /// which of this process it has under which number, beside its standard ones.
    static func start(_ words: [String], descriptors: [(from: Int32, to: Int32)] = []) throws -> ChildProcess {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (from, to) in descriptors { unsafe posix_spawn_file_actions_adddup2(&actions, from, to) }
        var arguments = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var id: pid_t = 0
        let code = unsafe posix_spawnp(&id, path(of: words[0]), &actions, nil, arguments, environ)
        guard code == 0 else {
            errno = code
            throw DiskFailure.ofCall("start of \(words[0])")
        }
        return ChildProcess(id: id)
    }

    /// Runs `words` to its end, its output going to the file `log`; kills it after `seconds`.
    static func run(_ words: [String], log: String = "/dev/null", seconds: Double) throws -> Ending {
        let output = unsafe open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw DiskFailure.ofCall("open of \(log)") }
        defer { close(output) }
        return try start(words, descriptors: [(output, 1), (output, 2)]).end(within: seconds)
    }

    /// Waits until it has ended; kills it if that takes more than `seconds`.
    func end(within seconds: Double) -> Ending {
        let deadline = Scheduling.now().advanced(microseconds: Int(seconds * 1e6))
        while Scheduling.now() < deadline {
            if let ending = reap(WNOHANG) { return ending }
            Scheduling.sleep(microseconds: 500)
        }
        kill(id, SIGKILL)
        return reap(0) ?? .signal(SIGKILL)
    }

    /// Returns how it ended, or nil if it has not.
    func endedAlready() -> Ending? { reap(WNOHANG) }

    /// Waits until it has ended.
    func wait() -> Ending { reap(0) ?? .signal(0) }

    private func reap(_ options: Int32) -> Ending? {
        var status: Int32 = 0
        var result: pid_t
        repeat { result = unsafe waitpid(id, &status, options) } while result < 0 && errno == EINTR
        guard result == id else { return nil }
        return status & 0x7F == 0 ? .code(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }

    /// Returns two connected sockets, which programs that are started do not have.
    static func socketPair() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw DiskFailure.ofCall("socketpair") }
        return (try raised(ends[0]), try raised(ends[1]))
    }

    /// Gives `descriptor` a number that no program that is started uses.
    static func raised(_ descriptor: Int32) throws -> Int32 {
        let result = fcntl(descriptor, F_DUPFD_CLOEXEC, 64)
        guard result >= 0 else { throw DiskFailure.ofCall("fcntl") }
        close(descriptor)
        return result
    }

    /// The path of program `name`, or `name` if it is nowhere.
    static func path(of name: String) -> String { find(name) ?? name }

    /// The path of program `name`, or nil.
    static func find(_ name: String) -> String? {
        if name.contains("/") { return unsafe access(name, X_OK) == 0 ? name : nil }
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        for folder in path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"] {
            let candidate = "\(folder)/\(name)"
            if unsafe access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}
