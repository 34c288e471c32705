import RedoubtCore

// What is read before anything is run.
extension ShippedScenario {
    /// A claim, and what the runs said of it.
    package struct Judgement: Sendable, Hashable {
        /// What is claimed, in words.
        package let claim: String
        /// Whether it holds.
        package let holds: Bool
        /// The figures that say so.
        package let figures: String

        /// Creates a judgement.
        package init(claim: String, holds: Bool, figures: String) {
            (self.claim, self.holds, self.figures) = (claim, holds, figures)
        }
    }

    /// Judges every claim by the runs of ``runAll()``.
    package func judgements(of outcomes: Outcomes) -> [Judgement] {
        claims.map { claim in
            let (holds, figures) = claim.judge(outcomes)
            return Judgement(claim: claim.text, holds: holds, figures: figures)
        }
    }

    /// A document in Markdown with a chapter for each scenario that is shipped: what to look at, and what it shows.
    ///
    /// - Throws: what is wrong with a file or a setting; never for what is shipped.
    package static func documentation() throws(ScenarioProblem) -> String {
        var chapters: [String] = []
        for shipped in all { chapters.append(try shipped.chapter()) }
        let list = all.map { "- [\($0.name)](#\($0.name))" }.joined(separator: "\n")
        return """
            # Scenarios

            What `flushlab` comes with, each with what to look at and what it shows; `flushlab scenarios --markdown`
            prints this document. `flushlab run NAME --html NAME.html` runs one and draws it, `flushlab scenarios NAME`
            prints its file, to be changed and run by its path, and `flushlab check --html FOLDER` runs all of them,
            judges every claim below, and writes a page of each with the figures that it is judged by.

            \(list)

            \(chapters.joined(separator: "\n\n"))
            """
    }

    /// The chapter of this one.
    private func chapter() throws(ScenarioProblem) -> String {
        let found = try scenarios()
        guard let scenario = found.first?.scenario else { return "" }
        let policies = scenario.policies.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        var facts = ["- **Device**: \(scenario.device.name)", "- **Policies**: \(policies)"]
        if variants.count > 1 { facts.append("- **Variants**: " + variants.map(\.markdown).joined(separator: "; ")) }
        return """
            ## \(name)

            \(scenario.notes)

            \(facts.joined(separator: "\n"))

            It shows that

            \(claims.map { "- \($0.text)" }.joined(separator: "\n"))
            """
    }
}

extension ShippedScenario.Variant {
    /// The name, and the settings that differ from the file.
    fileprivate var markdown: String {
        let changed = settings.map { "`\($0.key) = \($0.value)`" }.joined(separator: ", ")
        return changed.isEmpty ? name : "\(name) (\(changed))"
    }
}
