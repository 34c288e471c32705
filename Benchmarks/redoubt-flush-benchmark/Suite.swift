import Glibc
import Redoubt
import RedoubtCore

/// The parts in order, for every policy.
struct Suite {
    private let options: Options
    private let folder: String

    init(_ options: Options) {
        self.options = options
        // A folder of its own, because it is removed with all that is in it.
        folder = (options.folder ?? "/var/tmp") + "/redoubt-flush-benchmark.\(getpid())"
    }

    func run() throws {
        _ = unsafe system("mkdir -p '\(folder)'")
        defer { _ = unsafe system("rm -rf '\(folder)'") }
        let machine = Machine.line(folder: folder)
        let commit = Machine.commit
        say("redoubt flush benchmark, \(parameters), commit \(commit)\n\(machine)")
        var outcomes: [Outcome] = []
        if options.parts.contains("redo") || options.parts.contains("turns") {
            let part = RedoBound(options, folder: folder)
            try part.prepare()
            if options.parts.contains("redo") { outcomes += try each("redo") { try part.run($0) } }
            if options.parts.contains("turns") {
                let setup = RedoBound.setup(options, folder: folder)
                outcomes += try Turns(options, part: "turns", setup).run()
            }
            _ = unsafe system("rm -rf '\(folder)/redo-bound'")
        }
        if options.parts.contains("lru") || options.parts.contains("lruTurns") {
            let control = try makeControl()
            let part = LRUBound(options, folder: folder, control: control)
            try part.prepare()
            if options.parts.contains("lru") { outcomes += try each("lru") { try part.run($0) } }
            if options.parts.contains("lruTurns") {
                outcomes += try Turns(options, part: "lruTurns", part.setup, control: control).run()
            }
        }
        let report = Report(outcomes: outcomes, machine: machine, commit: commit, parameters: parameters)
        say(report.text)
        if let path = options.jsonPath { try write(report.jsonLines, to: path) }
        if let path = options.htmlPath { try write(Page(report: report).html, to: path) }
        if options.isSmoke { try SmokeCheck(report: report, options: options).run() }
    }

    private var parameters: String {
        let seconds = options.isSmoke ? "smoke" : options.seconds.map { "\($0) s" } ?? "full length"
        return "\(seconds), \(options.threads) threads, unsynced updates (deferred), "
            + "doublewrite \(options.doublewrite.rawValue), "
            + "LRU-bound with \(options.memory) MiB of memory and \(LRUBound.dataMebibytes(options)) MiB of data"
    }

    private func makeControl() throws -> Control? {
        guard Control.isAvailable else {
            say("there is no fio, so nothing to compare with: tools/setup --benchmarks installs it")
            return nil
        }
        return try Control(folder: folder, dataBytes: LRUBound.dataMebibytes(options) << 20)
    }

    private func each(_ part: String, _ body: (FlushingPolicy) throws -> Outcome) throws -> [Outcome] {
        var outcomes: [Outcome] = []
        for policy in options.policies {
            let outcome = try body(policy)
            say("\(part) \(policy.rawValue): \(Int(outcome.throughput)) updates/s")
            outcomes.append(outcome)
        }
        return outcomes
    }
}
