import RedoubtCore

/// A run with the name that it has among others, and its verdict.
package struct LabRun: Sendable, Hashable {
    /// What it is called.
    package let name: String
    /// What was seen.
    package let result: RunResult
    /// What that means.
    package let verdict: Verdict

    /// Judges a run without its `warmUp`.
    package init(name: String, _ result: RunResult, warmUp: Verdict.WarmUp = .none) {
        self.name = name
        self.result = result
        verdict = Verdict(result, warmUp: warmUp)
    }

    /// Names runs by what they differ in: the policy, and the scenario or the kind of device if those are not all the
    /// same; those that differ in nothing of this by their number.
    package static func named(_ results: [RunResult], warmUp: Verdict.WarmUp = .none) -> [LabRun] {
        let isOneScenario = Set(results.map(\.scenario.name)).count <= 1
        let isOneKind = Set(results.map(\.isReal)).count <= 1
        let names = results.map { result in
            (isOneScenario ? "" : "\(result.scenario.name), ") + result.policy.rawValue
                + (isOneKind ? "" : result.isReal ? ", real" : ", model")
        }
        return results.indices.map { index in
            let name = names[index]
            let before = names[..<index].count { $0 == name }
            let isAlone = names.count { $0 == name } == 1
            return LabRun(name: isAlone ? name : "\(name), \(before + 1)", results[index], warmUp: warmUp)
        }
    }

    /// Whether writers stood still for so long that it counts as a stall.
    package var stalls: Bool { verdict.longestStall >= Verdict.shortestStall }
}
