import RedoubtCommands
import RedoubtSiege
import SiegeDisks

extension Command {
    /// Cuts the power under real file systems.
    static let disks = Command(
        name: "disks",
        summary: "cuts the power under ext4 and xfs, for this engine and for others; needs root and /dev/fuse",
        operands: [],
        options: [
            Option(
                name: "targets",
                value: "NAME[:MODE],...",
                text: "such as redoubt,sqlite:wal-full; all if not given"
            ),
            Option(name: "file-systems", value: "NAME,...", text: "of ext4 and xfs; both if not given"),
            Option(name: "states", value: "N", text: "the most disks of a mode that are judged; 60 if not given"),
            Option(name: "commits", value: "N", text: "the transactions of the workload; 36 if not given"),
            Option(name: "seed", value: "N", text: "the seed of workload and disks; 1 if not given"),
            Option(name: "jobs", value: "N", text: "the targets under siege at once; 2 if not given"),
            Option(name: "seconds", value: "N", text: "when judging ends; 300 if not given"),
            Option(name: "peers", value: "FOLDER", text: "the sources of the other engines' programs"),
            Option(name: "trace", value: "FOLDER", text: "write the recordings there as text"),
            Option(name: "json", value: "FILE", text: "write the figures to FILE"),
        ]
    ) { arguments throws(CommandFailure) in
        var words: [String] = []
        for name in ["targets", "file-systems", "states", "commits", "seed", "jobs", "seconds", "peers", "trace"] {
            if let value = arguments.option(name) { words += ["--\(name)", value] }
        }
        let options: DiskOptions
        do {
            options = try DiskOptions(words, program: DiskSiege.program)
        } catch {
            throw .usage("\(error)")
        }
        for name in options.targets where !DiskSiege.targetNames.contains(name) {
            throw .usage("there is no target \"\(name)\": \(DiskSiege.targetNames.joined(separator: ", "))")
        }
        guard !options.fileSystems.isEmpty else { throw .usage("--file-systems names none: ext4, xfs") }
        if let path = arguments.option("json") { try FigureFiles.requireWritable(path) }
        let figures = DiskSiege.run(options)
        Lines.tell(figures.table)
        let states = figures.rows.reduce(0) { $0 + $1.states }
        Lines.tell("\(states) states on real file systems in \(Int(figures.seconds)) s")
        if let path = arguments.option("json") { try FigureFiles.write(figures.json + "\n", to: path) }
        if figures.missesControl { return .failure }
        // Who asked for disks and got none has no result.
        if figures.rows.isEmpty { return .failure }
        return figures.isGood ? .success : .negative
    }

    /// Adds the lines of the scorecard about real file systems.
    static func addDisks(_ seed: UInt64, isSmoke: Bool, to card: inout Scorecard) {
        let section = "Power cuts on real file systems"
        var options = DiskOptions(program: DiskSiege.program)
        options.seed = seed
        if isSmoke {
            options.states = 6
            options.targets = ["redoubt:flushed", "sqlite:delete-off"]
        }
        let figures = DiskSiege.run(options)
        for row in figures.rows {
            let name = "\(row.target) \(row.mode), \(row.fileSystem)"
            let isControl = row.promise == "nothing"
            let goal = isControl ? "caught" : "none wrong"
            let value = "\(row.states) disks: \(row.result)" + (row.firstViolation.map { "; first at \($0)" } ?? "")
            card.add(Scorecard.Figure(section, name, value, goal: goal, isMet: row.isGood))
            if isControl && !row.isGood { card.add(missedCanary: "\(name), which promises nothing") }
            if !isControl, let text = row.firstText { card.add(violation: "\(name): \(text)") }
        }
        for line in figures.skipped { card.leaveOut("disks", line) }
    }
}
