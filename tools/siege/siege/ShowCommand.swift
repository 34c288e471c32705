import RedoubtCommands
import RedoubtCore
import RedoubtSiege
import RedoubtSimulation
import SiegeKit

extension Command {
    /// Prints a recorded run.
    static let show = Command(
        name: "show",
        summary: "prints a recorded run event by event, or makes a page of it",
        operands: [Operand(name: "TRACE", text: "a file that run, replay or shrink wrote with --trace")],
        options: [Option(name: "html", value: "FILE", text: "write a page with the failure to FILE instead")]
    ) { arguments throws(CommandFailure) in
        let path = arguments.operand("TRACE")
        let trace: TraceFile
        do throws(TraceFileError) {
            trace = try TraceFile.read(path)
        } catch {
            throw CommandFailure(code: .failure, message: "\(path): \(error)")
        }
        guard let page = arguments.option("html") else {
            for line in EngineReport.lines(trace) { Lines.tell(line) }
            return .success
        }
        try explaining { () throws(RedoubtError) in try EngineReport.page(trace).write(to: page) }
        return .success
    }

    /// Makes a failure small.
    static let shrink = Command(
        name: "shrink",
        summary: "looks for a failure of a workload and makes it as small as it can: a reproducer of a few lines",
        operands: [Operand(name: "WORKLOAD", text: EnginePowerCuts.workloadNames.joined(separator: ", "))],
        options: [
            Option(name: "seed", value: "N", text: "the seed of the workload, 1 if not given"),
            Option(name: "bug", value: "NAME", text: "plant this bug; `siege bugs --list` prints the names"),
            Option(name: "out", value: "FILE", text: "write the reproducer to FILE: `siege replay FILE` repeats it"),
            trace, html,
        ]
    ) { arguments throws(CommandFailure) in
        let name = arguments.operand("WORKLOAD")
        guard EnginePowerCuts.workloadNames.contains(name) else {
            throw .usage("there is no workload \"\(name)\": \(EnginePowerCuts.workloadNames.joined(separator: ", "))")
        }
        let bug = arguments.option("bug")
        if let bug, !EngineReproducer.bugNames.contains(bug) {
            let isKnown = PlantedBugs.places.contains { $0.name == bug }
            throw .usage(
                isKnown
                    ? "\(bug) is a bug of background threads, which a shrunk run does not have; see `siege bugs \(bug)`"
                    : "there is no bug \"\(bug)\"; see `siege bugs --list`"
            )
        }
        let seed = UInt64(try arguments.number("seed", in: 0...1 << 62) ?? 1)
        let found = try recorded { try EngineReproducer.shrink(workload: name, seed: seed, bug: bug) }
        guard let found else {
            // It looks at fewer disks than `siege run` does, of a run without background threads.
            Lines.tell("no failure was found in \(name), seed \(seed), without background threads")
            tellNothingWritten(arguments, "no failure was found")
            return .success
        }
        let text = found.lines.joined(separator: "\n")
        Lines.tell(text)
        if let path = arguments.option("out") { try FigureFiles.write(text + "\n", to: path) }
        if arguments.has("trace") || arguments.has("html") {
            let replay = try recorded { try EngineReproducer.replay(found) }
            if let trace = replay.trace { try write(trace, arguments, found) }
        }
        return .negative
    }

    /// Where a run goes with its failure.
    static let trace = Option(
        name: "trace",
        value: "FILE",
        text: "write a run that fails to FILE; `siege show FILE` prints it"
    )
    /// Where the page of a failure goes.
    static let html = Option(name: "html", value: "FILE", text: "write a page about the failure to FILE")

    /// Says that there is no failure to write to the files that `arguments` name.
    static func tellNothingWritten(_ arguments: Arguments, _ reason: String = "nothing is wrong") {
        for name in ["out", "trace", "html"] {
            guard let path = arguments.option(name) else { continue }
            Lines.tell("\(reason), so that nothing was written to \(path) (--\(name))")
        }
    }

    /// Writes `trace` and its page to the files that `arguments` name.
    static func write(
        _ trace: TraceFile,
        _ arguments: Arguments,
        _ reproducer: Reproducer? = nil,
        replay: [String] = []
    ) throws(CommandFailure) {
        if let path = arguments.option("trace") {
            try explaining { () throws(RedoubtError) in try trace.write(to: path) }
        }
        if let path = arguments.option("html") {
            let page = EngineReport.page(trace, reproducer: reproducer, replay: replay)
            try explaining { () throws(RedoubtError) in try page.write(to: path) }
        }
    }

    /// Repeats the reproducer in the file at `path`.
    static func replay(file path: String, _ arguments: Arguments) throws(CommandFailure) -> ExitCode {
        let text = try FigureFiles.text(of: path)
        let reproducer: Reproducer
        do throws(ReproducerError) {
            reproducer = try Reproducer(parsing: text)
        } catch {
            throw .usage("\(path): \(error)")
        }
        let replay = try recorded { try EngineReproducer.replay(reproducer) }
        if replay.trace == nil && replay.finding == nil { tellNothingWritten(arguments) }
        if let trace = replay.trace { try write(trace, arguments, reproducer, replay: ["siege replay \(path)"]) }
        guard let finding = replay.finding else {
            Lines.tell("nothing is wrong: the failure is gone")
            return .success
        }
        Lines.tell("still there: \(finding)")
        return .negative
    }
}
