import FlushLab
import RedoubtCommands
import RedoubtCore

extension Command {
    /// Runs the load of a recorded database under other policies.
    static let replay = Command(
        name: "replay",
        summary: "runs the load that a running database showed under other policies and settings",
        operands: [
            Operand(name: "TRACE", text: "a file of what `redoubt top FOLDER --json --interval 0.5` printed")
        ],
        options: scenarioOptions + [
            Option(
                name: "html",
                value: "FILE",
                text: "write a page with charts of the record and all policies to FILE"
            ),
            PagePicture.option,
            Option(name: "scenario", value: "FILE", text: "write the scenario that the trace became to FILE"),
        ],
        examples: [
            "redoubt top /var/lib/shop --json --interval 0.5 > shop.trace",
            "flushlab replay shop.trace --device sataSSD --policies mysql80,redoubt --html shop.html",
        ]
    ) { arguments throws(CommandFailure) in
        try PagePicture.check(arguments)
        let path = arguments.operand("TRACE")
        let trace = try LabFiles.trace(path)
        var scenario = trace.scenario(name: LabFiles.stem(path))
        let devices = try LabFiles.devices(arguments)
        try LabFiles.apply(arguments, to: &scenario, devices)
        // Reads all of it again: nobody has looked at what the trace says.
        try LabFiles.understood { () throws(ScenarioProblem) in
            try scenario.set("seed", to: "\(scenario.seed)", devices: devices)
        }
        if let path = arguments.option("scenario") { try LabFiles.write(scenario.text, to: path) }
        for line in words(trace, scenario) { Screen.tell(line) }
        var runs = [LabRun(name: "recorded", trace.result(scenario))]
        for policy in scenario.policies {
            Screen.show("\(policy.rawValue) ...")
            runs.append(LabRun(name: policy.rawValue, VirtualRun.run(scenario, policy: policy)))
        }
        Screen.show("")
        Screen.tell("\n" + Tables.figures(runs.map(\.name), runs.map(\.verdict)))
        let page = LabPage(runs, title: "\(scenario.name): \(scenario.title)")
        if let path = arguments.option("html") {
            try LabFiles.write(page.html, to: path)
            Screen.tell("\nthe page with charts is \(path)")
        }
        if let path = arguments.option("png") { try PagePicture.write(page, to: path) }
        return .success
    }

    /// What a trace was found to show, and what it cannot.
    private static func words(_ trace: LoadTrace, _ scenario: Scenario) -> [String] {
        let spread = trace.spread
        let bytes = (trace.looks.last?.end ?? 0) - (trace.looks.first?.end ?? 0)
        let rate = NumberText.size(Double(bytes) / max(1e-9, trace.seconds))
        var lines = [
            "\(NumberText.duration(trace.seconds)) of \(rate) of redo a second",
            "changes of \(NumberText.short(spread.redoPerChange)) bytes of redo to "
                + "\(NumberText.count(spread.pageCount, "page")); a transaction is one of them",
            "device \(scenario.device.name); options, which no trace tells, are the usual ones or as --set says",
        ]
        if trace.heldBackShare > 0.05 {
            lines.append(
                "writers were held back for \(NumberText.percent(trace.heldBackShare)) of the time: the load is what "
                    + "came through, and other policies may have let through more"
            )
        }
        return lines
    }
}
