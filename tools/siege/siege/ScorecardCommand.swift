import Glibc
import RedoubtCommands
import RedoubtCore
import RedoubtSiege

extension Command {
    /// Makes the page of figures.
    static let scorecard = Command(
        name: "scorecard",
        summary: "runs the whole laboratory and prints one page of figures",
        operands: [],
        options: [
            Option(name: "soak", value: nil, text: "judge two million disks and more, however long it takes"),
            Option(name: "smoke", value: nil, text: "a few seconds of everything: whether it works, not a result"),
            Option(name: "seed", value: "N", text: "the first seed, 1 if not given"),
            Option(name: "only", value: "PART,...", text: "of \(EngineScorecard.Part.names), disks; all if not given"),
            Option(name: "figures", value: "FOLDER", text: "add what other programs left there: files *.tsv"),
            Option(
                name: "expect-skips",
                value: "PART,...",
                text: "fail if another part than these was left out; Fuzzing and Mutants are parts too"
            ),
            Option(name: "out", value: "FILE", text: "write the page to FILE as well"),
            Option(name: "verbose", value: nil, text: "print a line for each workload, seed and bug"),
        ]
    ) { arguments throws(CommandFailure) in
        if arguments.has("soak") && arguments.has("smoke") { throw .usage("--soak and --smoke are opposites") }
        var budget = arguments.has("soak") ? EngineBudget.soak : arguments.has("smoke") ? .smoke : EngineBudget()
        budget.seed = UInt64(try arguments.number("seed", in: 0...1 << 62) ?? 1)
        var parts = EngineScorecard.Part.allCases
        var hasDisks = true
        if let names = arguments.option("only") {
            parts = []
            hasDisks = names.split(separator: ",").contains("disks")
            for name in names.split(separator: ",") where name != "disks" {
                guard let part = EngineScorecard.Part(rawValue: String(name)) else {
                    throw .usage("there is no part \"\(name)\": \(EngineScorecard.Part.names), disks")
                }
                parts.append(part)
            }
        }
        guard hasDisks || !parts.isEmpty else {
            throw .usage("--only names no part: \(EngineScorecard.Part.names), disks")
        }
        if let path = arguments.option("out") { try FigureFiles.requireWritable(path) }
        let found = try FigureFiles.read(arguments.option("figures"), of: Machine.commit)
        let isVerbose = arguments.has("verbose")
        let begin = time(nil)
        var card = Scorecard()
        try recorded { card = try EngineScorecard.run(parts, budget) { if isVerbose || $1 { Lines.tell($0) } } }
        if hasDisks { addDisks(budget.seed, isSmoke: budget.isSmoke, to: &card) }
        for figure in found { card.add(figure) }
        for part in EngineScorecard.Part.allCases where !parts.contains(part) {
            card.leaveOut(part.rawValue, "not asked for")
        }
        if !hasDisks { card.leaveOut("disks", "not asked for") }
        for (section, program) in [("Fuzzing", "tools/fuzz-run"), ("Mutants", "tools/mutants-run")] {
            if found.contains(where: { $0.section == section }) { continue }
            card.leaveOut(section, "\(program) left no figures of this commit in the folder of --figures")
        }
        for (section, reason) in card.missing {
            let isElsewhere = section == "Fuzzing" || section == "Mutants"
            Lines.tell("\(isElsewhere ? "not run here" : "SKIPPED"): \(section): \(reason)")
        }
        let minutes = Double(time(nil) - begin) / 60
        card.heading = Machine.heading(minutes: minutes, seed: budget.seed)
        if arguments.has("smoke") {
            card.heading.append("a smoke run: it shows that everything works, and is no result")
        }
        Lines.tell("\n" + card.markdown)
        if let path = arguments.option("out") { try FigureFiles.write(card.markdown, to: path) }
        if let expected = arguments.option("expect-skips") {
            let names = expected.split(separator: ",").map(String.init)
            for (section, _) in card.missing where !names.contains(section) {
                throw CommandFailure(
                    code: .failure,
                    message: "\(section) was left out; --expect-skips does not name it"
                )
            }
        }
        return switch card.conclusion {
        case .good, .partial: .success
        case .wrong: .negative
        case .unproven: .failure
        }
    }
}
