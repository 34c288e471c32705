import FlushLab
import RedoubtCommands
import RedoubtCore

extension Command {
    /// Options that change a scenario.
    static let scenarioOptions = [
        Option(name: "set", value: "KEY=VALUE;...", text: "keys of the scenario with other values; InnoDB's names too"),
        Option(
            name: "policies",
            value: "NAME,...",
            text: "all, or some of " + FlushingPolicy.allCases.map(\.rawValue).joined(separator: ", ")
        ),
        Option(name: "device", value: "NAME", text: "another device; `flushlab devices` lists them"),
        Option(name: "devices", value: "FOLDER", text: "a folder with files NAME.device of your own"),
        Option(name: "seed", value: "N", text: "another seed"),
    ]

    private static let scenarioOperand = Operand(
        name: "SCENARIO",
        text: "one of `flushlab scenarios`, or the path of a file"
    )

    /// Runs a scenario under each of its policies.
    static let run = Command(
        name: "run",
        summary: "runs a scenario in virtual time, under each of its policies",
        operands: [scenarioOperand],
        options: scenarioOptions + [
            Option(name: "html", value: "FILE", text: "write a page with charts to FILE"), PagePicture.option,
            Option(name: "json", value: "FILE", text: "write the samples of the one policy to FILE, for compare"),
            Option(name: "csv", value: "FILE", text: "write the samples of the one policy to FILE"),
            Option(name: "warmup", value: "SECONDS", text: "leave out so many seconds of the figures; 0 if not given"),
        ],
        examples: [
            "flushlab run furious-flushing --html furious.html",
            "flushlab run ./mine.scenario --set 'innodb_io_capacity=5000; capacity=2 GiB' --policies all",
        ]
    ) { arguments throws(CommandFailure) in
        try PagePicture.check(arguments)
        let scenario = try LabFiles.scenario(arguments)
        for name in ["json", "csv"] where arguments.has(name) && scenario.policies.count > 1 {
            throw .usage(
                "--\(name) takes one policy, and this scenario has \(scenario.policies.count); add --policies NAME"
            )
        }
        let warmUp = Verdict.WarmUp.seconds(try arguments.seconds("warmup") ?? 0)
        var results: [RunResult] = []
        for policy in scenario.policies {
            Screen.show("\(policy.rawValue) ...")
            results.append(VirtualRun.run(scenario, policy: policy))
        }
        Screen.show("")
        tell(scenario, results, warmUp)
        if let path = arguments.option("json") { try LabFiles.write(results[0].jsonLines, to: path) }
        if let path = arguments.option("csv") { try LabFiles.write(results[0].csv, to: path) }
        let page = LabPage(LabRun.named(results, warmUp: warmUp))
        if let path = arguments.option("html") {
            try LabFiles.write(page.html, to: path)
            Screen.tell("the page with charts is \(path)")
        }
        if let path = arguments.option("png") { try PagePicture.write(page, to: path) }
        return .success
    }

    private static func tell(_ scenario: Scenario, _ results: [RunResult], _ warmUp: Verdict.WarmUp) {
        Screen.tell(scenario.title.isEmpty ? scenario.name : scenario.title)
        Screen.tell(
            "device \(scenario.device.name), seed \(scenario.seed), time \(NumberText.duration(scenario.seconds))"
        )
        let verdicts = results.map { Verdict($0, warmUp: warmUp) }
        Screen.tell("")
        Screen.tell(Tables.figures(results.map(\.policy.rawValue), verdicts))
        for (result, verdict) in zip(results, verdicts) {
            Screen.tell("\n\(result.policy.rawValue): \(verdict.words)")
        }
    }

    /// Compares two results.
    static let compare = Command(
        name: "compare",
        summary: "compares two results that run wrote with --json",
        operands: [Operand(name: "A", text: "a file"), Operand(name: "B", text: "another one")],
        options: [Option(name: "html", value: "FILE", text: "write a page with both to FILE")]
    ) { arguments throws(CommandFailure) in
        let runs = LabRun.named(
            [try LabFiles.result(arguments.operand("A")), try LabFiles.result(arguments.operand("B"))]
        )
        Screen.tell(Comparison(runs[0], runs[1]).text)
        if let path = arguments.option("html") { try LabFiles.write(LabPage(runs).html, to: path) }
        return .success
    }

    /// Lists what is shipped.
    static let scenarios = Command(
        name: "scenarios",
        summary: "lists the scenarios that are shipped, or prints one",
        operands: [Operand(name: "NAME", text: "prints the file of this one", isOptional: true)],
        options: [
            Option(name: "markdown", value: nil, text: "print what each shows and what to look at, as a document")
        ]
    ) { arguments throws(CommandFailure) in
        if arguments.has("markdown") {
            Screen.tell(try LabFiles.understood { () throws(ScenarioProblem) in try ShippedScenario.documentation() })
            return .success
        }
        if arguments.has(operand: "NAME") {
            let name = arguments.operand("NAME")
            guard let found = ShippedScenario.named(name) else {
                let near = Suggestion.nearest(to: name, among: ShippedScenario.all.map(\.name))
                throw .usage("there is no scenario \"\(name)\"\(near.map { "; did you mean \($0)?" } ?? "")")
            }
            Screen.tell(found.text)
            for claim in found.claims { Screen.tell("# claims: \(claim.text)") }
            return .success
        }
        for shipped in ShippedScenario.all {
            let scenario = try LabFiles.understood { () throws(ScenarioProblem) in
                try Scenario(name: shipped.name, text: shipped.text)
            }
            Screen.tell(Tables.padded(shipped.name, 26) + scenario.title)
        }
        return .success
    }

    /// Lists the devices.
    static let devices = Command(
        name: "devices",
        summary: "lists the devices that are shipped, or prints one",
        operands: [Operand(name: "NAME", text: "prints the file of this one", isOptional: true)],
        options: []
    ) { arguments throws(CommandFailure) in
        let name = arguments.operand("NAME")
        if arguments.has(operand: "NAME") {
            guard let found = DeviceModel.shippedTexts.first(where: { $0.name == name }) else {
                throw .usage(
                    "there is no device \"\(name)\": \(DeviceModel.shipped.map(\.name).joined(separator: ", "))"
                )
            }
            Screen.tell(found.text)
            return .success
        }
        for device in DeviceModel.shipped { Screen.tell(Tables.padded(device.name, 16) + device.title) }
        return .success
    }
}
