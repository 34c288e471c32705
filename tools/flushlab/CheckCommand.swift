import FlushLab
import RedoubtCommands
import RedoubtCore

extension Command {
    /// Judges what the shipped scenarios claim.
    static let check = Command(
        name: "check",
        summary: "runs the shipped scenarios and judges what each claims to show",
        operands: [Operand(name: "SCENARIO", text: "only this one", isOptional: true)],
        options: [
            Option(name: "html", value: "FOLDER", text: "write the page of each scenario, and index.html, to FOLDER")
        ]
    ) { arguments throws(CommandFailure) in
        let chosen = try chosen(arguments)
        var entries: [LabIndex.Entry] = []
        for shipped in chosen {
            let start = Screen.seconds
            let outcomes = try LabFiles.understood { () throws(ScenarioProblem) in try shipped.runAll() }
            let virtual = outcomes.all.reduce(0) { $0 + $1.result.scenario.seconds }
            let elapsed = NumberText.duration(Screen.seconds - start)
            Screen.tell("\(shipped.name): \(NumberText.duration(virtual)) of virtual time in \(elapsed)")
            let judgements = shipped.judgements(of: outcomes)
            for judgement in judgements {
                Screen.tell("  \(judgement.holds ? "ok    " : "MISSED") \(judgement.claim): \(judgement.figures)")
            }
            let title = outcomes.all.first?.result.scenario.title ?? ""
            entries.append(LabIndex.Entry(name: shipped.name, title: title, judgements: judgements))
            if let folder = arguments.option("html") {
                let runs = outcomes.all.map { LabRun(name: "\($0.variant), \($0.result.policy.rawValue)", $0.result) }
                try LabFiles.write(LabPage(runs, judgements: judgements).html, to: "\(folder)/\(shipped.name).html")
            }
        }
        if let folder = arguments.option("html") {
            try LabFiles.write(LabIndex(entries).html, to: "\(folder)/index.html")
            Screen.tell("the pages are in \(folder); begin with index.html")
        }
        let missed = entries.flatMap(\.judgements).filter { !$0.holds }.count
        Screen.tell(missed == 0 ? "every claim holds" : "\(missed) claims do not hold")
        return missed == 0 ? .success : .negative
    }

    private static func chosen(_ arguments: Arguments) throws(CommandFailure) -> [ShippedScenario] {
        guard arguments.has(operand: "SCENARIO") else { return ShippedScenario.all }
        let name = arguments.operand("SCENARIO")
        if let found = ShippedScenario.named(name) { return [found] }
        let near = Suggestion.nearest(to: name, among: ShippedScenario.all.map(\.name))
        throw .usage("there is no scenario \"\(name)\"\(near.map { "; did you mean \($0)?" } ?? "")")
    }
}
