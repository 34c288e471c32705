import RedoubtCore

/// A scenario that comes with the laboratory: its file, what is varied, and what it claims to show.
package struct ShippedScenario: Sendable {
    /// A way to run it: settings that differ from the file.
    package struct Variant: Sendable, Hashable {
        /// What it is called.
        package let name: String
        /// Keys and values, as in the file.
        package let settings: [Setting]

        /// Creates a variant.
        package init(_ name: String, _ settings: [Setting] = []) {
            (self.name, self.settings) = (name, settings)
        }
    }

    /// A key and its value, as in the file.
    package struct Setting: Sendable, Hashable {
        /// The key.
        package let key: String
        /// The value.
        package let value: String

        /// Creates a setting.
        package init(_ key: String, _ value: String) {
            (self.key, self.value) = (key, value)
        }
    }

    /// Something that the runs must show.
    package struct Claim: Sendable {
        /// What is claimed, in words.
        package let text: String
        private let condition: @Sendable (Outcomes) -> (holds: Bool, figures: String)

        init(_ text: String, _ condition: @escaping @Sendable (Outcomes) -> (holds: Bool, figures: String)) {
            (self.text, self.condition) = (text, condition)
        }

        /// Judges the runs: whether the claim holds, and the figures that say so.
        ///
        /// None holds of runs in which nothing was done, or nothing written in any of them.
        package func judge(_ outcomes: Outcomes) -> (holds: Bool, figures: String) {
            for outcome in outcomes.all where !outcome.result.samples.contains(where: { $0.transactions > 0 }) {
                return (false, "nothing happened in \(outcome.variant), \(outcome.result.policy.rawValue)")
            }
            let haveWritten = outcomes.all.contains { $0.result.samples.contains { $0.writes > 0 } }
            return haveWritten ? condition(outcomes) : (false, "nothing was written")
        }
    }

    /// The runs of all variants under all policies.
    package struct Outcomes: Sendable {
        /// One run.
        package struct Outcome: Sendable {
            /// The variant.
            package let variant: String
            /// What was seen.
            package let result: RunResult
            /// What it comes to.
            package let verdict: Verdict
        }

        /// All of them, variant by variant.
        package let all: [Outcome]

        /// The first run of a variant, of a policy if one is named.
        func run(_ variant: String, _ policy: FlushingPolicy? = nil) -> Outcome {
            guard
                let found = all.first(where: {
                    $0.variant == variant && (policy ?? $0.result.policy) == $0.result.policy
                })
            else { preconditionFailure("there is no run \(variant) \(policy.map { "\($0)" } ?? "")") }
            return found
        }
    }

    /// The name of its file, without the ending.
    package let name: String
    /// The file.
    package let text: String
    /// What is varied; at least one.
    package let variants: [Variant]
    /// What the runs must show.
    package let claims: [Claim]

    init(_ name: String, variants: [Variant] = [Variant("as it is")], claims: [Claim], _ text: String) {
        (self.name, self.variants, self.claims, self.text) = (name, variants, claims, text)
    }

    /// The scenario of each variant.
    ///
    /// - Throws: what is wrong with the file or a setting; never for what is shipped.
    package func scenarios() throws(ScenarioProblem) -> [(variant: Variant, scenario: Scenario)] {
        var found: [(Variant, Scenario)] = []
        for variant in variants {
            var scenario = try Scenario(name: name, text: text)
            for setting in variant.settings { try scenario.set(setting.key, to: setting.value) }
            found.append((variant, scenario))
        }
        return found
    }

    /// Runs everything.
    package func runAll() throws(ScenarioProblem) -> Outcomes {
        var all: [Outcomes.Outcome] = []
        for (variant, scenario) in try scenarios() {
            for policy in scenario.policies {
                let result = VirtualRun.run(scenario, policy: policy)
                all.append(Outcomes.Outcome(variant: variant.name, result: result, verdict: Verdict(result)))
            }
        }
        return Outcomes(all: all)
    }

    /// The scenario called `name`.
    package static func named(_ name: String) -> ShippedScenario? { all.first { $0.name == name } }
}
