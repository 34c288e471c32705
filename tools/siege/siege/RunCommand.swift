import RedoubtCommands
import RedoubtCore
import RedoubtSiege
import SiegeKit

extension Command {
    /// Cuts the power of workloads.
    static let run = Command(
        name: "run",
        summary: "cuts the power after every event of a workload and judges what can be left",
        operands: [
            Operand(name: "WORKLOAD", text: "\(EnginePowerCuts.workloadNames.joined(separator: ", ")), or all")
        ],
        options: [
            seed,
            Option(name: "seeds", value: "N", text: "how many seeds, 1 if not given"),
            Option(name: "states", value: "N", text: "the most new disks after each event; all if not given"),
            Option(name: "seconds", value: "S", text: "the most time for judging; no limit if not given"),
            Option(
                name: "nested",
                value: "N",
                text: "cut power in the recoveries of one disk in N too; 160 if not given"
            ),
            threads, trace, html,
        ]
    ) { arguments throws(CommandFailure) in
        var budget = try budget(arguments)
        budget.seedCount = UInt64(try arguments.number("seeds", in: 1...1_000_000) ?? 1)
        budget.statesPerPoint = try arguments.number("states", in: 1...1_000_000)
        budget.seconds = try arguments.seconds("seconds")
        budget.nestedShare = UInt64(try arguments.number("nested", in: 1...1_000_000_000) ?? 160)
        return try powerCuts(budget, try workloads(arguments.operand("WORKLOAD")), arguments)
    }

    /// Repeats what a failure names.
    static let replay = Command(
        name: "replay",
        summary: "repeats a run, or the one disk that a failure names",
        operands: [
            Operand(name: "RUN", text: "SEED, SEED:WORKLOAD, SEED:WORKLOAD:STATE, or a file of shrink")
        ],
        options: [threads, trace, html]
    ) { arguments throws(CommandFailure) in
        if arguments.operand("RUN").contains(where: { $0 == "/" || $0 == "." }) {
            return try replay(file: arguments.operand("RUN"), arguments)
        }
        let words = arguments.operand("RUN").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard words.count <= 3, let seed = UInt64(words[0]), seed <= 1 << 62 else {
            throw .usage(
                "\"\(arguments.operand("RUN"))\" is no run: SEED, SEED:WORKLOAD, SEED:WORKLOAD:STATE or a path"
            )
        }
        var budget = try budget(arguments)
        budget.seed = seed
        budget.seedCount = 1
        budget.statesPerPoint = nil
        if words.count > 2 {
            let digits = words[2].hasPrefix("0x") ? words[2].dropFirst(2) : words[2][...]
            guard let key = UInt64(digits, radix: 16) else {
                throw .usage("\"\(words[2])\" is no state: hexadecimal digits, as a failure prints them")
            }
            budget.only = key
        }
        return try powerCuts(budget, try workloads(words.count > 1 ? words[1] : "all"), arguments)
    }

    /// Lets calls fail.
    static let faults = Command(
        name: "faults",
        summary: "lets every call of the disk fail, one after the other, and judges what is left",
        operands: [],
        options: [seed, Option(name: "seeds", value: "N", text: "how many workloads, 1 if not given")]
    ) { arguments throws(CommandFailure) in
        let first = try budget(arguments).seed
        let count = UInt64(try arguments.number("seeds", in: 1...1_000_000) ?? 1)
        var sum = Verdict()
        for seed in first..<first + count {
            let verdict = try recorded { try EngineFaults.run(seed: seed) }
            Lines.tell("seed \(seed): \(verdict)")
            sum.add(verdict)
        }
        if missesCanary(sum.canaries) { return .failure }
        return sum.violationCount == 0 ? .success : .negative
    }

    /// Plants bugs.
    static let bugs = Command(
        name: "bugs",
        summary: "plants bugs in the engine, one at a time, and looks for each; without a name all of them",
        operands: [Operand(name: "BUG", text: "the name of one; `siege bugs --list` prints them", isOptional: true)],
        options: [Option(name: "list", value: nil, text: "print the names and where they are planted")]
    ) { arguments throws(CommandFailure) in
        if arguments.has("list") {
            for (name, place) in PlantedBugs.places { Lines.tell("\(name)  \(place)") }
            return .success
        }
        guard PlantedBugs.isPossible else { throw CommandFailure(code: .failure, message: PlantedBugs.buildHint) }
        let name = arguments.has(operand: "BUG") ? arguments.operand("BUG") : nil
        if let name, !PlantedBugs.places.contains(where: { $0.name == name }) {
            throw .usage("there is no bug \"\(name)\"; see `siege bugs --list`")
        }
        let figures = try recorded { try PlantedBugs.run(names: name.map { [$0] }) { Lines.tell($0) } }
        Lines.tell("\(figures.caughtCount) of \(figures.count) planted bugs caught, the last after \(figures.worst)")
        if !figures.uncaught.isEmpty { return .failure }
        return figures.falseAlarms.isEmpty ? .success : .negative
    }

    private static let seed = Option(
        name: "seed",
        value: "N",
        text: "the seed of workload and schedule, 1 if not given"
    )
    private static let threads = Option(name: "threads", value: "N", text: "the threads that judge, 2 if not given")

    private static func budget(_ arguments: Arguments) throws(CommandFailure) -> EngineBudget {
        var budget = EngineBudget()
        budget.seed = UInt64(try arguments.number("seed", in: 0...1 << 62) ?? 1)
        budget.threadCount = try arguments.number("threads", in: 1...256) ?? 2
        return budget
    }

    private static func workloads(_ name: String) throws(CommandFailure) -> [String]? {
        if name == "all" { return nil }
        guard EnginePowerCuts.workloadNames.contains(name) else {
            let names = EnginePowerCuts.workloadNames.joined(separator: ", ")
            throw .usage("there is no workload \"\(name)\": \(names), or all")
        }
        return [name]
    }

    private static func powerCuts(
        _ budget: EngineBudget,
        _ names: [String]?,
        _ arguments: Arguments
    ) throws(CommandFailure) -> ExitCode {
        // Hours of work are not to end with a path that cannot be written.
        for name in ["trace", "html"] {
            if let path = arguments.option(name) { try FigureFiles.requireWritable(path) }
        }
        let figures = try recorded { try EnginePowerCuts.run(budget, names: names) { Lines.tell($0) } }
        for violation in figures.violations { Lines.tell(violation) }
        for canary in figures.canaries { Lines.tell("\(canary)") }
        if budget.only != nil && figures.stateCount == 0 {
            throw .usage("no power cut leaves that state here; the seed and the workload must be those of the failure")
        }
        if let first = figures.firstFailure, arguments.has("trace") || arguments.has("html") {
            let found = try recorded {
                try EngineReport.failure(of: first.workload, seed: first.seed, key: first.key)
            }
            if let found {
                try write(found, arguments, replay: ["siege replay \(first)"])
            } else {
                tellNothingWritten(arguments, "the disk alone is right, what was wrong came in a recovery or later")
            }
        } else if figures.violationCount > 0 {
            tellNothingWritten(arguments, "what is wrong is no disk")
        } else {
            tellNothingWritten(arguments)
        }
        if budget.only == nil, let idle = figures.idle.first {
            let count = figures.idle.count
            Lines.complain("no result: no disk of \(idle) was judged, of \(count) runs in all; give it more --seconds")
            return .failure
        }
        // One disk alone is judged for a failure that is known: there is nothing to prove.
        if budget.only == nil && missesCanary(figures.canaries) { return .failure }
        return figures.violationCount == 0 ? .success : .negative
    }

    /// Whether one of `canaries` was not caught, or there is none: then that nothing was found means nothing.
    private static func missesCanary(_ canaries: [Verdict.Canary]) -> Bool {
        let missed = canaries.filter { $0.caughtAfter == nil }
        for canary in missed { Lines.complain("no result: \(canary)") }
        if canaries.isEmpty { Lines.complain("no result: nothing was done that had to be noticed") }
        return canaries.isEmpty || !missed.isEmpty
    }

    /// Explains what stops a recording.
    static func recorded<Result>(_ body: () throws -> Result) throws(CommandFailure) -> Result {
        do {
            return try body()
        } catch {
            throw CommandFailure(code: .failure, message: "the recording failed: \(error)")
        }
    }
}
