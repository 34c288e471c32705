import RedoubtCore

@testable import FlushLab

/// Runs whose samples are written down instead of simulated.
enum HandMadeRun {
    /// A phase, and the transactions that end in each tenth of a second of it.
    struct Part {
        var phase = Scenario.Phase()
        let counts: [Int]

        /// Creates a phase that is as long as `counts`.
        init(_ counts: [Int], name: String = "steady", _ change: (inout Scenario.Phase) -> Void = { _ in }) {
            self.counts = counts
            phase.name = name
            phase.seconds = Double(counts.count) / 10
            change(&phase)
        }
    }

    /// Returns a run of `parts`; `change` is given every sample with its index.
    static func of(_ parts: Part..., change: (inout Sample, Int) -> Void = { _, _ in }) -> RunResult {
        var scenario = Scenario()
        scenario.name = "made"
        scenario.phases = parts.map(\.phase)
        var result = RunResult(scenario: scenario, policy: .mysql80)
        for (index, count) in parts.flatMap(\.counts).enumerated() {
            var sample = Sample()
            sample.time = Double(index + 1) / 10
            sample.transactions = count
            if count > 0 { (sample.p99, sample.longest) = (2, 5) }
            sample.free = 100
            change(&sample, index)
            result.samples.append(sample)
        }
        return result
    }
}

/// Returns `count` times `value`.
func same(_ value: Int, _ count: Int) -> [Int] { Array(repeating: value, count: count) }
