import Glibc
import Redoubt
import RedoubtCore
import RedoubtSystem

/// Loads real data, lets a process write, kills it, recovers and verifies; several times.
struct Demo {
    private let folder: String
    private let options: Options
    private let threadCount: Int
    private let killCount: Int
    private let isSmall: Bool

    /// Reads the options.
    init(folder: String, options: Options) {
        self.folder = folder
        self.options = options
        threadCount = options.number("threads") ?? 4
        killCount = options.number("kills") ?? 3
        isSmall = options.has("small")
    }

    /// The path of the database.
    private var path: String { folder + "/database" }

    /// Runs everything; throws if anything was lost.
    func run() throws {
        let start = seconds()
        let corpus = isSmall ? Corpus(sources: []) : try Corpus.read()
        if !isSmall { try load(corpus) }
        var slowest = 0.0
        for round in 1...max(killCount, 1) {
            let before = try acknowledged()
            try writeAndKill(round)
            let written = try acknowledged() - before
            let opened = seconds()
            let database = try Database.open(at: path, configuration: Worker.configuration)
            let recovery = seconds() - opened
            slowest = max(slowest, recovery)
            let rows = try verify(database, corpus, isLast: round == killCount)
            try database.close()
            if !isSmall {
                say(
                    "kill \(round): \(written) acknowledged writes, SIGKILL, "
                        + "recovered in \(decimal(recovery * 1000, 0)) ms, "
                        + "\(rows) rows verified, every structure sound"
                )
            }
        }
        let total = try acknowledged()
        try judgeFiles()
        say(
            "\(killCount) kills, \(threadCount) threads: \(total) acknowledged writes, 0 lost; slowest recovery "
                + "\(decimal(slowest * 1000, 0)) ms; \(decimal(seconds() - start)) s"
        )
    }

    private func load(_ corpus: Corpus) throws {
        let start = seconds()
        let database = try Database.open(at: path, configuration: Worker.configuration)
        for source in corpus.sources {
            let before = seconds()
            let keyspace = try database.keyspace(named: source.name, createIfMissing: true)
            var load = keyspace.sortedLoad()
            for row in source.rows { try load.add(row.key, row.value) }
            try load.finish(durability: .flushed)
            let rate = Double(source.rows.count) / max(seconds() - before, 0.0001)
            say("loaded \(source.rows.count) rows of \(source.path) (\(decimal(rate, 0)) rows/s)")
        }
        try database.close()
        let size = decimal(Double(corpus.byteCount) / 1048576)
        say("loaded \(corpus.rowCount) rows, \(size) MiB, in \(decimal(seconds() - start, 2)) s")
    }

    /// Starts the worker, waits until it writes, and kills it a while later.
    private func writeAndKill(_ round: Int) throws {
        let before = try acknowledged()
        var words = ["redoubt-demo", "--worker", folder, "--threads", "\(threadCount)"]
        if isSmall { words.append("--small") }
        let child = try spawn(words)
        let deadline = seconds() + 60
        while try acknowledged() == before {
            var status: Int32 = 0
            if unsafe waitpid(child, &status, WNOHANG) == child { throw Failure("the writing process ended by itself") }
            if seconds() > deadline {
                kill(child, SIGKILL)
                throw Failure("nothing was acknowledged for 60 s")
            }
            usleep(2000)
        }
        // Not always the same time after the first write, so that the kill finds the engine in many states.
        var random = SeededRandom(seed: UInt64(round) &* 7919)
        let span = options.number("milliseconds") ?? 3000
        usleep(UInt32((span / 2 + random.below(max(span, 1))) * 1000))
        kill(child, SIGKILL)
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) == -1 && errno == EINTR {}
        // Bits 0-6 of the status are the signal that ended it.
        guard status & 0x7F == SIGKILL else { throw Failure("the writing process ended before it was killed") }
    }

    private func spawn(_ words: [String]) throws -> pid_t {
        var child = pid_t()
        var arguments = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { unsafe arguments.forEach { unsafe free($0) } }
        let code = unsafe posix_spawn(&child, "/proc/self/exe", nil, nil, arguments, environ)
        guard code == 0 else { throw Failure("the writing process could not be started: errno \(code)") }
        return child
    }

    private func acknowledged() throws -> Int {
        var sum = 0
        for thread in 0..<threadCount { sum += try Acknowledgements.count(Acknowledgements.path(folder, thread)) }
        return sum
    }

    private func verify(_ database: Database, _ corpus: Corpus, isLast: Bool) throws -> Int {
        let verifier = Verifier(database: database)
        var rows = 0
        for thread in 0..<threadCount {
            let workload = Workload(thread: thread, keyCount: Worker.keyCount(options))
            let count = try Acknowledgements.count(Acknowledgements.path(folder, thread))
            rows += try verifier.verify(workload, acknowledged: count)
        }
        for source in corpus.sources {
            try verifier.verify(source)
            rows += source.rows.count
        }
        try verifier.check()
        return rows
    }

    /// Lets MariaDB's own tool judge every file, when it is there.
    private func judgeFiles() throws {
        guard unsafe system("command -v innochecksum > /dev/null 2>&1") == 0 else {
            if !isSmall { say("innochecksum is not installed (mariadb-server-core has it); files not judged by it") }
            return
        }
        let command = "for file in '\(path)'/*.ibd; do innochecksum \"$file\" || exit 1; done"
        guard unsafe system(command) == 0 else { throw Failure("innochecksum found a bad page") }
        if !isSmall { say("innochecksum accepts every .ibd file") }
    }
}
