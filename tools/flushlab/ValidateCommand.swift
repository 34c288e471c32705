import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore

extension Command {
    /// Measures this machine's device.
    static let measure = Command(
        name: "measure",
        summary: "measures a device of this machine with direct I/O and prints its parameters",
        operands: [Operand(name: "FOLDER", text: "a folder on the device; a file of 1 GiB is made there and removed")],
        options: [Option(name: "out", value: "FILE", text: "write them to FILE; call it NAME.device to use it by NAME")]
    ) { arguments throws(CommandFailure) in
        let device = try DeviceBench.measure(in: arguments.operand("FOLDER"))
        if let path = arguments.option("out") {
            try LabFiles.write(device.text, to: path)
        } else {
            Screen.tell(device.text)
        }
        return .success
    }

    /// Compares virtual and real runs.
    static let validate = Command(
        name: "validate",
        summary: "runs scenarios on the engine itself and in virtual time, and compares them",
        operands: [
            Operand(name: "FOLDER", text: "a folder on the device to use; databases are made there and removed")
        ],
        options: [
            Option(
                name: "only",
                value: "NAME",
                text: "only this one of " + Validation.scenarios.map(\.name).joined(separator: ", ")
            ),
            Option(name: "policies", value: "NAME,...", text: "other policies than those of the scenarios"),
            Option(name: "html", value: "FOLDER", text: "write a page with both runs of each to FOLDER"),
            Option(
                name: "mariadb",
                value: nil,
                text: "compare a MariaDB server with the policy mariadb instead (six minutes)"
            ),
        ]
    ) { arguments throws(CommandFailure) in
        if arguments.has("mariadb") {
            return try MariaDBValidation(in: arguments.operand("FOLDER"), pages: arguments.option("html")).run()
        }
        return try Validation(arguments).run()
    }
}

/// Scenarios on the engine and on the model, and how far they are apart.
struct Validation {
    /// A scenario for the comparison: small enough for any machine, and short.
    struct Entry {
        let name: String
        let text: String
    }

    private let arguments: Arguments
    private let folder: String

    /// How far the model may be off: shares, and seconds of stalls.
    private static let tolerance = 0.2
    private static let stallTolerance = 1.0

    init(_ arguments: Arguments) {
        self.arguments = arguments
        folder = arguments.operand("FOLDER")
    }

    /// Measures machine and device, runs everything twice, and prints the table.
    func run() throws(CommandFailure) -> ExitCode {
        let chosen = Self.scenarios.filter { arguments.option("only") == nil || $0.name == arguments.option("only") }
        guard !chosen.isEmpty else { throw .usage("there is no such scenario; see `flushlab validate --help`") }
        Screen.complain("measuring the device (about 15 s) ...")
        let device = try DeviceBench.measure(in: folder)
        Screen.complain("measuring the engine (about 25 s) ...")
        let calibration = try Calibration.measure(in: folder)
        Screen.tell(device.text)
        Screen.tell(calibration.description + "\n")
        var table = TextTable()
        table.add(["", "policy", "tx/s", "real", "", "pages/s", "real", "", "stalled", "real", ""])
        var isGood = true
        for entry in chosen {
            var scenario = try LabFiles.understood { () throws(ScenarioProblem) in
                try Scenario(name: entry.name, text: entry.text)
            }
            if let names = arguments.option("policies") {
                try LabFiles.understood { () throws(ScenarioProblem) in try scenario.set("policies", to: names) }
            }
            scenario.device = device
            for policy in scenario.policies {
                Screen.complain("\(entry.name), \(policy.rawValue): \(NumberText.duration(scenario.seconds)) ...")
                let real = try explaining { () throws(RedoubtError) in
                    try RealRun(in: folder).run(scenario, policy: policy).result
                }
                let model = VirtualRun.run(calibration.applied(to: real.scenario), policy: policy)
                let row = Self.compare(model, real)
                isGood = isGood && row.isGood
                table.add([entry.name, policy.rawValue] + row.cells)
                if let pages = arguments.option("html") {
                    let page = LabPage([LabRun(name: "model", model), LabRun(name: "engine", real)])
                    try LabFiles.write(page.html, to: "\(pages)/\(entry.name)-\(policy.rawValue).html")
                }
            }
        }
        Screen.tell(table.text)
        return isGood ? .success : .negative
    }

    private static func compare(_ model: RunResult, _ real: RunResult) -> (cells: [String], isGood: Bool) {
        let (a, b) = (Verdict(model, warmUp: .seconds(5)), Verdict(real, warmUp: .seconds(5)))
        func pages(_ result: RunResult) -> Double {
            let samples = result.samples.dropFirst(50)
            return samples.reduce(0) { $0 + Double($1.writes) } * 10 / Double(max(1, samples.count))
        }
        func isNear(_ x: Double, _ y: Double) -> Bool { abs(x - y) <= tolerance * max(y, 1e-9) }
        let isRateGood = isNear(a.medianSecondRate, b.medianSecondRate)
        let arePagesGood = isNear(pages(model), pages(real))
        let isStallGood =
            isNear(a.stalledSeconds, b.stalledSeconds) || abs(a.stalledSeconds - b.stalledSeconds) <= stallTolerance
        func mark(_ isGood: Bool, _ x: Double, _ y: Double) -> String {
            isGood ? "ok" : "OFF \(NumberText.percent(y > 0 ? x / y - 1 : 1))"
        }
        let cells = [
            NumberText.short(a.medianSecondRate), NumberText.short(b.medianSecondRate),
            mark(isRateGood, a.medianSecondRate, b.medianSecondRate),
            NumberText.short(pages(model)), NumberText.short(pages(real)),
            mark(arePagesGood, pages(model), pages(real)),
            NumberText.duration(a.stalledSeconds), NumberText.duration(b.stalledSeconds),
            mark(isStallGood, a.stalledSeconds, b.stalledSeconds),
        ]
        return (cells, isRateGood && arePagesGood && isStallGood)
    }
}

/// What the engine takes on this machine, found by short runs in which nothing has to be waited for.
struct Calibration: CustomStringConvertible {
    /// Nanoseconds of processor of a transaction of one change, and of one read.
    var changeTime = 0.0
    var redoPerChange = 0.0
    /// More redo of a page's first change.
    var redoPerPage = 0.0
    var pageWriteTime = 0.0
    var pageReadTime = 0.0
    var processors = 1.0

    var description: String {
        "a change takes \(NumberText.duration(changeTime / 1e9)) and \(NumberText.short(redoPerChange)) bytes of redo, "
            + "writing a page \(NumberText.duration(pageWriteTime / 1e9)), reading one "
            + "\(NumberText.duration(pageReadTime / 1e9)); \(NumberText.short(processors)) processors"
    }

    /// Measures in `folder`.
    static func measure(in folder: String) throws(CommandFailure) -> Calibration {
        var scenario = Scenario()
        (scenario.pageCount, scenario.frameCount, scenario.redoCapacity) = (16384, 32768, 4 << 30)
        var found = Calibration()
        found.processors = Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var phase = Scenario.Phase()
        (phase.name, phase.seconds, phase.threads) = ("all processors", 5, Int(found.processors))
        scenario.phases = [phase]
        let samples = try run(scenario, .mysql80, folder).result.samples.dropFirst(10)
        let done = samples.reduce(0.0) { $0 + Double($1.transactions) }
        found.changeTime = found.processors * Double(samples.count) * 1e8 / max(1, done)
        found.redoPerChange = samples.reduce(0.0) { $0 + Double($1.redo) } / max(1, done)
        // The same load twice, at a rate that leaves room, with a redo that asks for hardly any pages and one that asks
        // for many: what the second took more, its pages took.
        phase.rate = 0.2 * found.processors * 1e9 / found.changeTime
        phase.seconds = 6
        scenario.phases = [phase]
        let few = try run(scenario, .mysql80, folder)
        scenario.redoCapacity = 32 << 20
        let many = try run(scenario, .mysql80, folder)
        let pages = Self.pages(many.result) - Self.pages(few.result)
        let more = (many.processorSeconds - few.processorSeconds) * 1e9
        found.pageWriteTime = max(1000, min(200_000, more / max(1, pages)))
        // And once more with a pool that holds a quarter of the data: what it took more, its reads took.
        (scenario.frameCount, scenario.redoCapacity) = (4096, 4 << 30)
        scenario.phases[0].rate = 4000
        let reading = try run(scenario, .mysql80, folder)
        let usual = few.processorSeconds * 1e9 / max(1, Self.done(few.result)) * Self.done(reading.result)
        let reads = reading.result.samples.reduce(0) { $0 + Double($1.reads) }
        let rest = reading.processorSeconds * 1e9 - usual - Self.pages(reading.result) * found.pageWriteTime
        found.pageReadTime = max(1000, min(200_000, rest / max(1, reads)))
        return found
    }

    private static func done(_ result: RunResult) -> Double {
        result.samples.reduce(0) { $0 + Double($1.transactions) }
    }

    private static func pages(_ result: RunResult) -> Double {
        result.samples.reduce(0) { $0 + Double($1.writes) }
    }

    private static func run(
        _ scenario: Scenario,
        _ policy: FlushingPolicy,
        _ folder: String
    ) throws(CommandFailure) -> RealRun.Outcome {
        try explaining { () throws(RedoubtError) in try RealRun(in: folder).run(scenario, policy: policy) }
    }

    /// Returns the scenario with what was measured in the place of what it says of the machine.
    func applied(to scenario: Scenario) -> Scenario {
        var result = scenario
        result.machine.processors = processors
        result.machine.pageWriteTime = pageWriteTime
        result.machine.pageReadTime = pageReadTime
        // Threads wait for their own reads, and the device was measured from where they wait.
        result.machine.wakeTime = 5000
        for index in result.phases.indices {
            let workload = result.phases[index].workload
            let count = workload.changes + 0.4 * workload.reads
            result.phases[index].workload.processorTime = max(500, changeTime * count)
            result.phases[index].workload.redoPerChange = redoPerChange
        }
        return result
    }
}
