import FlushLab
import RedoubtCommands
import RedoubtCore

/// Scenarios on the engine and on the model, and how far they are apart.
struct Validation {
    /// A scenario for the comparison: small enough for any machine, and short.
    struct Entry {
        let name: String
        let text: String
    }

    /// A scenario under one policy, and its runs on the engine.
    private struct Case {
        let name: String
        let scenario: Scenario
        let policy: FlushingPolicy
        var real: [RunResult] = []
    }

    private let arguments: Arguments
    private let folder: String

    /// How far the model may be off: shares, and seconds of stalls.
    private static let tolerance = 0.2
    private static let stallTolerance = 1.0
    /// What is left out at the beginning of each run, in seconds.
    private static let warmUp = 5

    init(_ arguments: Arguments) {
        self.arguments = arguments
        folder = arguments.operand("FOLDER")
    }

    /// Measures machine and device, runs everything on both, and prints the table.
    func run() throws(CommandFailure) -> ExitCode {
        let rounds = try arguments.number("rounds", in: 1...100) ?? 3
        if let only = arguments.option("only"), !Self.scenarios.contains(where: { $0.name == only }) {
            throw .usage("there is no such scenario; see `flushlab validate --help`")
        }
        Screen.complain("measuring the device (about 15 s) ...")
        let device = try DeviceBench.measure(in: folder)
        var cases = try cases(device)
        Screen.complain("measuring the engine (about 25 s) ...")
        let calibration = try Calibration.measure(in: folder)
        Screen.tell(device.text)
        Screen.tell(calibration.description + "\n")
        // Turn by turn, so that a noisy minute disturbs all alike.
        for round in 1...rounds {
            for index in cases.indices {
                let one = cases[index]
                let length = NumberText.duration(one.scenario.seconds)
                Screen.complain("round \(round) of \(rounds): \(one.name), \(one.policy.rawValue): \(length) ...")
                cases[index].real.append(
                    try explaining { () throws(RedoubtError) in
                        try RealRun(in: folder).run(one.scenario, policy: one.policy).result
                    }
                )
            }
        }
        return try compare(cases, calibration)
    }

    private func cases(_ device: DeviceModel) throws(CommandFailure) -> [Case] {
        var cases: [Case] = []
        for entry in Self.scenarios where arguments.option("only") == nil || entry.name == arguments.option("only") {
            var scenario = try LabFiles.understood { () throws(ScenarioProblem) in
                try Scenario(name: entry.name, text: entry.text)
            }
            if let names = arguments.option("policies") {
                try LabFiles.understood { () throws(ScenarioProblem) in try scenario.set("policies", to: names) }
            }
            scenario.device = device
            for policy in scenario.policies { cases.append(Case(name: entry.name, scenario: scenario, policy: policy)) }
        }
        return cases
    }

    private func compare(_ cases: [Case], _ calibration: Calibration) throws(CommandFailure) -> ExitCode {
        var (table, waits) = (TextTable(), TextTable())
        table.add(["", "policy", "tx/s", "real", "", "pages/s", "real", "", "stalled", "real", ""])
        waits.add(["share of time waiting for", "", "", "reads", "frames", "redo", "admission"])
        var (isGood, pages) = (true, [(name: String, page: LabPage)]())
        for one in cases {
            // The scenario as the engine had it, with the frames that it had.
            let scenario = calibration.applied(to: one.real[0].scenario)
            let model = VirtualRun.run(scenario, policy: one.policy)
            let row = Self.compare(Figures(model), one.real.map { Figures($0) })
            let real = Self.usual(one.real)
            isGood = isGood && row.isGood
            table.add([one.name, one.policy.rawValue] + row.cells)
            waits.add([one.name, one.policy.rawValue, "model"] + Self.waits(model))
            waits.add(["", "", "real"] + Self.waits(real))
            let page = LabPage([LabRun(name: "model", model), LabRun(name: "engine", real)])
            pages.append(("\(one.name)-\(one.policy.rawValue)", page))
        }
        Screen.tell(table.text)
        Screen.tell(waits.text)
        if let folder = arguments.option("html") {
            for (name, page) in pages { try LabFiles.write(page.html, to: "\(folder)/\(name).html") }
        }
        return isGood ? .success : .negative
    }

    // MARK: Figures

    /// What is compared of a run.
    private struct Figures {
        var rate = 0.0
        var pages = 0.0
        var stalled = 0.0

        init(_ result: RunResult) {
            let verdict = Verdict(result, warmUp: .seconds(Double(warmUp)))
            let samples = result.samples.dropFirst(10 * warmUp)
            rate = verdict.medianSecondRate
            pages = samples.reduce(0) { $0 + Double($1.writes) } * 10 / Double(max(1, samples.count))
            stalled = verdict.stalledSeconds
        }
    }

    /// The run whose rate is in the middle.
    private static func usual(_ runs: [RunResult]) -> RunResult {
        let ordered = runs.sorted { Figures($0).rate < Figures($1).rate }
        return ordered[ordered.count / 2]
    }

    private static func median(_ values: [Double]) -> Double {
        let ordered = values.sorted()
        return (ordered[(ordered.count - 1) / 2] + ordered[ordered.count / 2]) / 2
    }

    private static func compare(_ model: Figures, _ real: [Figures]) -> (cells: [String], isGood: Bool) {
        func isNear(_ x: Double, _ y: Double) -> Bool { abs(x - y) <= tolerance * max(y, 1e-9) }
        func mark(_ isGood: Bool, _ x: Double, _ y: Double) -> String {
            isGood ? "ok" : "OFF \(NumberText.percent(y > 0 ? x / y - 1 : 1))"
        }
        /// The median, and how far the runs were apart.
        func told(_ values: [Double]) -> String {
            let middle = median(values)
            let spread = ((values.max() ?? 0) - (values.min() ?? 0)) / max(1e-9, middle) / 2
            return NumberText.short(middle) + (values.count > 1 ? " +-\(NumberText.percent(spread))" : "")
        }
        let (rate, pages, stalled) = (median(real.map(\.rate)), median(real.map(\.pages)), median(real.map(\.stalled)))
        let isRateGood = isNear(model.rate, rate)
        let arePagesGood = isNear(model.pages, pages)
        let isStallGood = isNear(model.stalled, stalled) || abs(model.stalled - stalled) <= stallTolerance
        let cells = [
            NumberText.short(model.rate), told(real.map(\.rate)), mark(isRateGood, model.rate, rate),
            NumberText.short(model.pages), told(real.map(\.pages)), mark(arePagesGood, model.pages, pages),
            NumberText.duration(model.stalled), NumberText.duration(stalled),
            mark(isStallGood, model.stalled, stalled),
        ]
        return (cells, isRateGood && arePagesGood && isStallGood)
    }

    /// The shares of the time of all clients that waited for reads, frames, redo and admission.
    private static func waits(_ result: RunResult) -> [String] {
        let samples = result.samples.dropFirst(10 * warmUp)
        let threads = result.scenario.phases.map(\.threads).max() ?? 1
        let time = Double(max(1, samples.count)) * 1e8 * Double(max(1, threads))
        return [\Sample.waitReads, \.waitFrames, \.waitRedo, \.waitAdmission].map { path in
            NumberText.percent(samples.reduce(0) { $0 + $1[keyPath: path] } / time)
        }
    }
}
