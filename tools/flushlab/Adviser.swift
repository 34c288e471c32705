import FlushLab
import RedoubtCommands
import RedoubtCore

/// Searches settings for an aim, and says what it found.
struct Adviser {
    private let scenario: Scenario
    private let aim: Aim
    private let threads: Int
    private let devices: [DeviceModel]
    private var search: Search
    private var verdicts: [[Int]: Verdict] = [:]

    init(_ scenario: Scenario, aim: Aim, axes: [Sweep.Axis], threads: Int, devices: [DeviceModel]) {
        self.devices = devices
        self.scenario = scenario
        self.aim = aim
        self.threads = threads
        search = Search(axes: axes)
    }

    /// Searches until nothing near the best is better, and prints that with the evidence.
    func run() throws(CommandFailure) -> ExitCode {
        var adviser = self
        let start = Screen.seconds
        while true {
            let next = adviser.search.next()
            if next.isEmpty { break }
            try adviser.judge(next)
        }
        guard let best = adviser.search.best, let verdict = adviser.verdicts[best] else {
            throw .usage("there is nothing to choose from; name settings with --over")
        }
        let chosen = try adviser.changed(best)
        Screen.complain("\(adviser.verdicts.count) settings tried in \(NumberText.duration(Screen.seconds - start))")
        var isReached = true
        if case .recovery(let seconds) = aim, (verdict.recoverySeconds ?? 0) > seconds {
            isReached = false
            Screen.tell("\nThe aim is not reached: no setting recovers within \(NumberText.duration(seconds)).")
        }
        Screen.tell("\nbest:  \(adviser.words(best))")
        Screen.tell("       \(verdict.words)\n")
        Screen.tell("others that came near:")
        for point in adviser.ranked.dropFirst().prefix(5) {
            guard let other = adviser.verdicts[point] else { continue }
            Screen.tell("       \(adviser.words(point)): \(adviser.summary(other))")
        }
        Screen.tell("\nRedoubt:")
        Screen.tell("  flushing.policy=\(chosen.policies.first?.rawValue ?? "")")
        for line in OptionNames.redoubtLines(for: chosen) { Screen.tell("  \(line)") }
        Screen.tell("\nInnoDB:")
        for line in OptionNames.innodbLines(for: chosen) { Screen.tell("  \(line)") }
        return isReached ? .success : .negative
    }

    private var ranked: [[Int]] {
        search.order.sorted { left, right in
            guard let a = search.judged[left], let b = search.judged[right] else { return false }
            return b < a
        }
    }

    private mutating func judge(_ points: [[Int]]) throws(CommandFailure) {
        var runs: [Sweep.Point] = []
        for (number, point) in points.enumerated() {
            let changed = try changed(point)
            let policy = changed.policies.first ?? .mysql80
            runs.append(Sweep.Point(number: number, values: [], policy: policy, scenario: changed))
        }
        let found = try Crew.run(runs, threads: threads, label: "advise", warmUp: .none)
        for (point, verdict) in zip(points, found) { verdicts[point] = verdict }
        // The best throughput may have risen, and with it what counts.
        let best = verdicts.values.map(\.medianRate).max() ?? 0
        var again = Search(axes: search.axes)
        for point in search.order + points {
            if let verdict = verdicts[point] { again.note(point, Merit(verdict, for: aim, best: best)) }
        }
        search = again
    }

    private func changed(_ point: [Int]) throws(CommandFailure) -> Scenario {
        var result = scenario
        for (axis, index) in zip(search.axes, point) {
            try LabFiles.understood { () throws(ScenarioProblem) in
                try result.set(axis.key, to: axis.values[index], devices: devices)
            }
        }
        return result
    }

    private func words(_ point: [Int]) -> String {
        zip(search.axes, point).map { "\($0.key) \($0.values[$1])" }.joined(separator: ", ")
    }

    private func summary(_ verdict: Verdict) -> String {
        let stall = NumberText.duration(verdict.stall?.seconds ?? 0)
        let bytes = verdict.bytesPerTransaction.map { NumberText.size($0) } ?? "-"
        return "\(NumberText.short(verdict.medianRate))/s, longest stall \(stall), \(bytes) a transaction, recovery "
            + NumberText.duration(verdict.recoverySeconds ?? 0)
    }
}
