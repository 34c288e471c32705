import FlushLab
import RedoubtCommands
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Runs side by side on OS threads, with a bar that says how far they are.
final class Crew: Sendable {
    private let points: [Sweep.Point]
    private let warmUp: Verdict.WarmUp
    private let next = Atomic<Int>(0)
    private let done = Atomic<Int>(0)
    private let verdicts: Mutex<[Verdict?]>

    private init(_ points: [Sweep.Point], _ warmUp: Verdict.WarmUp) {
        self.points = points
        self.warmUp = warmUp
        verdicts = Mutex(Array(repeating: nil, count: points.count))
    }

    /// Runs all `points`; returns their verdicts in the same order.
    ///
    /// Waits. `label` stands before the bar.
    static func run(
        _ points: [Sweep.Point],
        threads: Int,
        label: String,
        warmUp: Verdict.WarmUp
    ) throws(CommandFailure) -> [Verdict] {
        let crew = Crew(points, warmUp)
        var workers: [EngineThread] = []
        for number in 0..<max(1, min(threads, points.count)) {
            workers.append(
                try explaining { () throws(RedoubtError) in
                    try Scheduling.start("flushlab-\(number)") { crew.work() }
                }
            )
        }
        crew.watch(label)
        for worker in workers { Scheduling.join(worker) }
        return crew.verdicts.withLock { $0.compactMap { $0 } }
    }

    private func work() {
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < points.count else { return }
            let result = VirtualRun.run(points[index].scenario, policy: points[index].policy)
            let verdict = Verdict(result, warmUp: warmUp)
            verdicts.withLock { $0[index] = verdict }
            done.add(1, ordering: .releasing)
        }
    }

    private func watch(_ label: String) {
        let start = Screen.seconds
        while true {
            let count = done.load(ordering: .acquiring)
            guard count < points.count else { break }
            let share = Double(count) / Double(points.count)
            let filled = Int(share * 24)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
            let elapsed = Screen.seconds - start
            let left = count > 0 ? ", " + NumberText.duration(elapsed / share * (1 - share)) + " left" : ""
            Screen.show("\(label) [\(bar)] \(count) of \(points.count)\(left)")
            Scheduling.sleep(microseconds: 100_000)
        }
        Screen.show("")
    }
}

extension Command {
    private static let threadOption = Option(
        name: "threads",
        value: "N",
        text: "runs side by side; the processors if not given"
    )
    private static let overOption = Option(
        name: "over",
        value: "KEY=V,V,...;...",
        text: "the keys and their values; a key in InnoDB's name is one too"
    )

    /// Runs a grid.
    static let sweep = Command(
        name: "sweep",
        summary: "runs a scenario over a grid of settings and policies",
        operands: [Operand(name: "SCENARIO", text: "one of `flushlab scenarios`, or the path of a file")],
        options: scenarioOptions + [
            overOption, threadOption,
            Option(
                name: "figure",
                value: "NAME",
                text: "the figure of the map, medianRate if not given",
                choices: Figure.allCases.map(\.rawValue)
            ),
            Option(name: "csv", value: "FILE", text: "write all figures of all runs to FILE"),
            Option(name: "html", value: "FILE", text: "write the maps to FILE"), PagePicture.option,
        ],
        examples: [
            "flushlab sweep furious-flushing --over 'innodb_io_capacity=200,1000,5000; capacity=96 MiB,1 GiB,8 GiB'"
        ]
    ) { arguments throws(CommandFailure) in
        try PagePicture.check(arguments)
        let scenario = try LabFiles.scenario(arguments)
        let sweep = try grid(scenario, arguments)
        let start = Screen.seconds
        let verdicts = try Crew.run(sweep.points, threads: try threads(arguments), label: "sweep", warmUp: .none)
        let figure = try figure(arguments)
        Screen.complain("\(sweep.points.count) runs in \(NumberText.duration(Screen.seconds - start))")
        let maps = maps(sweep, verdicts, figure)
        for map in maps { Screen.tell("\n" + map.text) }
        if let path = arguments.option("csv") { try LabFiles.write(csv(sweep, verdicts), to: path) }
        let page = LabPage([], title: "\(scenario.title): \(figure.title)", heatMaps: maps)
        if let path = arguments.option("html") { try LabFiles.write(page.html, to: path) }
        if let path = arguments.option("png") { try PagePicture.write(page, to: path) }
        return .success
    }

    /// Searches settings for an aim.
    static let advise = Command(
        name: "advise",
        summary: "searches settings for an aim and prints them in Redoubt's and in InnoDB's names",
        operands: [Operand(name: "SCENARIO", text: "one of `flushlab scenarios`, or the path of a file")],
        options: scenarioOptions + [
            Option(name: "aim", value: "AIM", text: "noStalls, leastWrites, throughput, or recovery=SECONDS"),
            overOption, threadOption,
        ],
        examples: ["flushlab advise furious-flushing --aim recovery=30"]
    ) { arguments throws(CommandFailure) in
        let scenario = try LabFiles.scenario(arguments)
        let aim = try aim(arguments.option("aim") ?? "noStalls")
        var axes = try arguments.has("over") ? axes(arguments.option("over") ?? "") : usualAxes
        if !axes.contains(where: { $0.key == "policies" }) && scenario.policies.count > 1 {
            axes.append(Sweep.Axis(key: "policies", values: scenario.policies.map(\.rawValue)))
        }
        return try Adviser(
            scenario,
            aim: aim,
            axes: axes,
            threads: try threads(arguments),
            devices: try LabFiles.devices(arguments)
        ).run()
    }

    private static func figure(_ arguments: Arguments) throws(CommandFailure) -> Figure {
        guard let name = arguments.option("figure") else { return .medianRate }
        guard let figure = Figure(rawValue: name) else {
            throw .usage("there is no figure \"\(name)\": \(Figure.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return figure
    }

    /// What is tried if nothing else is said.
    private static let usualAxes = [
        Sweep.Axis(key: "ioCapacity", values: ["200", "500", "1000", "2000", "5000", "10000"]),
        Sweep.Axis(key: "capacity", values: ["128 MiB", "512 MiB", "2 GiB", "8 GiB"]),
        Sweep.Axis(key: "policies", values: FlushingPolicy.allCases.map(\.rawValue)),
    ]

    private static func threads(_ arguments: Arguments) throws(CommandFailure) -> Int {
        try arguments.number("threads", in: 1...256) ?? ProcessCPU().processorCount
    }

    private static func aim(_ text: String) throws(CommandFailure) -> Aim {
        switch text {
        case "noStalls": return .noStalls
        case "leastWrites": return .leastWrites
        case "throughput": return .throughput
        default:
            let sides = text.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, sides[0] == "recovery", let seconds = Double(sides[1]), seconds > 0 else {
                throw .usage("--aim is \"\(text)\"; it must be noStalls, leastWrites, throughput, or recovery=SECONDS")
            }
            return .recovery(within: seconds)
        }
    }

    private static func axes(_ text: String) throws(CommandFailure) -> [Sweep.Axis] {
        var found: [Sweep.Axis] = []
        for (key, text) in try LabFiles.settings(text) {
            var values = text.split(separator: ",").map { LabFiles.trimmed(String($0)) }
            // A point of a grid is one run.
            if key == "policies" && values == ["all"] { values = FlushingPolicy.allCases.map(\.rawValue) }
            guard !values.isEmpty, Set(values).count == values.count else {
                throw .usage("--over has \"\(key)=\(text)\"; give it one value or more, each once, with commas between")
            }
            guard !found.contains(where: { $0.key == key }) else {
                throw .usage("--over has \(key) twice; put all of its values behind one")
            }
            found.append(Sweep.Axis(key: key, values: values))
        }
        guard !found.isEmpty else {
            throw .usage("--over is empty; write KEY=VALUE,VALUE, with ; between several keys")
        }
        return found
    }

    private static func grid(_ scenario: Scenario, _ arguments: Arguments) throws(CommandFailure) -> Sweep {
        guard let text = arguments.option("over") else {
            throw .usage("sweep needs --over, such as --over 'ioCapacity=200,2000; capacity=96 MiB,1 GiB'")
        }
        let (axes, devices) = (try axes(text), try LabFiles.devices(arguments))
        return try LabFiles.understood { () throws(ScenarioProblem) in
            try Sweep(scenario, over: axes) { (scenario, key, value) throws(ScenarioProblem) in
                try scenario.set(key, to: value, devices: devices)
            }
        }
    }

    /// Maps over the last two axes, one for each combination of the others and for each policy.
    private static func maps(_ sweep: Sweep, _ verdicts: [Verdict], _ figure: Figure) -> [HeatMap] {
        var found: [[String]: Double] = [:]
        var policies: [String] = []
        // Where policies are an axis they need no maps of their own.
        let isAxis = sweep.axes.contains { $0.key == "policies" }
        for (point, verdict) in zip(sweep.points, verdicts) {
            let policy = isAxis ? "" : point.policy.rawValue
            if !policies.contains(policy) { policies.append(policy) }
            found[[policy] + point.values] = verdict.value(of: figure)
        }
        let columns = sweep.axes[sweep.axes.count - 1]
        let rows = sweep.axes.count > 1 ? sweep.axes[sweep.axes.count - 2] : Sweep.Axis(key: "", values: [""])
        let others = sweep.axes.dropLast(2)
        let heads = others.reduce([[String]]([[]])) { heads, axis in
            heads.flatMap { head in axis.values.map { head + [$0] } }
        }
        return policies.flatMap { policy in
            heads.map { head in
                let names = zip(others, head).map { "\($0.key) \($1)" }
                let title = ([policy].filter { !$0.isEmpty } + names).joined(separator: ", ")
                return HeatMap(
                    figure,
                    title: title.isEmpty ? figure.title : title,
                    rows: (rows.key, rows.values),
                    columns: (columns.key, columns.values)
                ) { row, column in
                    let last =
                        sweep.axes.count > 1 ? [rows.values[row], columns.values[column]] : [columns.values[column]]
                    return found[[policy] + head + last]
                }
            }
        }
    }

    private static func csv(_ sweep: Sweep, _ verdicts: [Verdict]) -> String {
        let head = sweep.axes.map(\.key) + ["policy"] + Figure.allCases.map(\.rawValue)
        var lines = [head.joined(separator: ",")]
        for (point, verdict) in zip(sweep.points, verdicts) {
            let figures = Figure.allCases.map { verdict.value(of: $0).map { "\($0)" } ?? "" }
            lines.append((point.values + [point.policy.rawValue] + figures).joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
