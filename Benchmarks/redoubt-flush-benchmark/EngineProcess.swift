import Glibc
import RedoubtCore
import RedoubtSystem
import Synchronization

/// A child process with the database open, and the samples that it has sent.
@safe
final class EngineProcess: @unchecked Sendable {
    private struct State {
        var samples: [Sample] = []
        var isReady = false
        var isClosed = false
        var hasEnded = false
        var failure: String?
    }

    /// The process.
    let id: pid_t
    private let input: Int32
    private let output: Int32
    private let state = Mutex(State())
    private let news = Event()
    private var reader: EngineThread?

    /// Starts a child for `setup` and waits until it has opened the database.
    init(_ setup: LoadSetup) throws {
        // A child that died must be an error of ours, not a signal.
        _ = signal(SIGPIPE, SIG_IGN)
        (id, input, output) = try Self.spawn(setup.words)
        reader = try Scheduling.start("samples") { [self] in read() }
        try wait(seconds: 300, for: "the child to open the database") { $0.isReady }
    }

    /// The samples so far.
    var samples: [Sample] { state.withLock { $0.samples } }

    /// The last sample.
    var latest: Sample? { state.withLock { $0.samples.last } }

    /// The processor seconds that the child has used.
    var processorSeconds: Double { ProcessFigures.processorSeconds(ofProcess: id) }

    /// Sets the updates a second, and returns when it was set.
    @discardableResult
    func setPace(_ pace: Int) throws -> Double {
        try send("\(pace)")
        return ProcessFigures.now()
    }

    /// Changes the policy, and returns when it was changed.
    func setPolicy(_ policy: FlushingPolicy) throws -> Double {
        try send(policy.rawValue)
        return ProcessFigures.now()
    }

    /// Lets the child work for `seconds`; throws if it fails meanwhile.
    func run(seconds: Double) throws {
        let end = ProcessFigures.now() + seconds
        while ProcessFigures.now() < end {
            Scheduling.sleep(microseconds: Int(min(0.1, end - ProcessFigures.now()) * 1e6) + 1)
            try check()
        }
    }

    /// Stops the updates and waits until no page is dirty and none is written, or for ``patience``.
    ///
    /// Policies write on while nobody changes anything, some only after a second of that: what is measured next would
    /// have the engine beside it.
    func quieten() throws {
        try setPace(0)
        let start = ProcessFigures.now()
        var quietSince = start
        var last = latest
        while ProcessFigures.now() - start < Self.patience {
            try run(seconds: 0.1)
            let now = latest
            if now?[.pagesWritten] != last?[.pagesWritten] || now?[.updates] != last?[.updates] {
                quietSince = ProcessFigures.now()
            }
            last = now
            let isClean = now.map { $0[.dirty] == 0 } ?? false
            if ProcessFigures.now() - quietSince >= (isClean ? Self.quiet : Self.idleDelay) { return }
        }
    }

    /// How long nothing is written before the database counts as quiet, without dirty pages and with them, and how long
    /// to wait for that, in seconds.
    private static let quiet = 0.4
    private static let idleDelay = 2.0
    private static let patience = 15.0

    /// Lets the child close the database in order.
    func close() throws {
        try send("end")
        try wait(seconds: 120, for: "the child to close the database") { $0.isClosed }
        finish()
    }

    /// Kills the child where it stands.
    func kill() {
        Glibc.kill(id, SIGKILL)
        finish()
    }

    private func finish() {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
        if let reader { Scheduling.join(reader) }
        Glibc.close(input)
        Glibc.close(output)
    }

    // MARK: Lines

    private func send(_ line: String) throws {
        try check()
        let bytes = Array((line + "\n").utf8)
        guard unsafe bytes.withUnsafeBytes({ unsafe write(input, $0.baseAddress, $0.count) }) == bytes.count else {
            throw BenchmarkFailure("the child does not listen: errno \(errno)")
        }
    }

    private func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw BenchmarkFailure("the child: \(failure)") }
    }

    private func wait(seconds: Double, for what: String, _ condition: (borrowing State) -> Bool) throws {
        let deadline = ProcessFigures.now() + seconds
        while !state.withLock({ condition($0) }) {
            try check()
            guard !state.withLock({ $0.hasEnded }) else { throw BenchmarkFailure("the child ended unasked") }
            guard ProcessFigures.now() < deadline else { throw BenchmarkFailure("waited too long for \(what)") }
            let ticket = news.ticket
            news.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 50))
        }
    }

    private func read() {
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(output, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            pending += buffer[..<count]
            while let end = pending.firstIndex(of: 10) {
                take(String(decoding: pending[..<end], as: UTF8.self))
                pending.removeSubrange(...end)
            }
        }
        state.withLock { $0.hasEnded = true }
        news.signal()
    }

    private func take(_ line: String) {
        let sample = Sample(line)
        state.withLock { state in
            if let sample {
                state.samples.append(sample)
            } else if line == "ready" {
                state.isReady = true
            } else if line == "closed" {
                state.isClosed = true
            } else {
                state.failure = line
            }
        }
        news.signal()
    }

    // MARK: Starting

    /// Starts this program again with `words`; returns its id and the ends of its input and output.
    private static func spawn(_ words: [String]) throws -> (pid_t, Int32, Int32) {
        var toChild: [Int32] = [0, 0]
        var fromChild: [Int32] = [0, 0]
        guard unsafe pipe(&toChild) == 0, unsafe pipe(&fromChild) == 0 else {
            throw BenchmarkFailure("no pipe: errno \(errno)")
        }
        for end in [toChild[1], fromChild[0]] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, toChild[0], STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, fromChild[1], STDOUT_FILENO)
        unsafe posix_spawn_file_actions_addclose(&actions, toChild[0])
        unsafe posix_spawn_file_actions_addclose(&actions, fromChild[1])
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe ([CommandLine.arguments[0]] + words).map {
            unsafe strdup($0)
        }
        unsafe arguments.append(nil)
        var id: pid_t = 0
        let code = unsafe posix_spawn(&id, "/proc/self/exe", &actions, nil, arguments, environ)
        for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        Glibc.close(toChild[0])
        Glibc.close(fromChild[1])
        guard code == 0 else { throw BenchmarkFailure("no child process: errno \(code)") }
        return (id, toChild[1], fromChild[0])
    }
}
