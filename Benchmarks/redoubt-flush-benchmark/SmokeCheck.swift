import RedoubtCore

/// Whether a short run produced every figure, with values that can be: no bounds on speed.
struct SmokeCheck {
    /// Figures that each part must have.
    private static let lastFigures = [
        "redo": ["maximum updates/s"], "turns": ["updates/s, median turn", Turns.ratioName],
        "lruTurns": ["updates/s, median turn", Turns.ratioName],
        "lru": ["recovery s", "RSS / memory option", "p99.9 us"],
    ]

    let report: Report
    let options: Options

    func run() throws {
        try require(report.outcomes.count == options.parts.count * options.policies.count, "an outcome is missing")
        for outcome in report.outcomes {
            let name = "\(outcome.part) \(outcome.policy.rawValue)"
            try require(outcome.throughput > 0, "\(name): no updates")
            let least = Turns.partNames.contains(outcome.part) ? 2 : 10
            try require(outcome.samples.count >= least, "\(name): \(outcome.samples.count) samples")
            try require(!outcome.phases.isEmpty, "\(name): no phases")
            try samples(outcome, name)
            for figure in outcome.figures {
                guard let value = figure.value else { continue }
                try require(value.isFinite && value >= 0, "\(name): \(figure.name) is \(value)")
            }
            for wanted in Self.lastFigures[outcome.part, default: []] {
                try require((outcome.figure(wanted) ?? 0) > 0, "\(name): no \(wanted)")
            }
            if outcome.part == "lru" && Control.isAvailable {
                try require((outcome.figure("p99.9 us, control") ?? 0) > 0, "\(name): no control")
            }
        }
        let page = Page(report: report).html
        let hasCharts = !report.outcomes.allSatisfy { Turns.partNames.contains($0.part) }
        try require(page.hasSuffix("</html>\n") && page.contains("<polyline") == hasCharts, "the page has no lines")
        say("smoke: every part ran and every figure is there")
    }

    /// What every sample must satisfy.
    private func samples(_ outcome: Outcome, _ name: String) throws {
        var before: Sample?
        for sample in outcome.samples {
            try require(
                sample[.frames] > 0 && sample[.dirty] <= sample[.frames],
                "\(name): more dirty pages than frames"
            )
            try require(sample[.free] <= sample[.frames], "\(name): more free frames than frames")
            try require(sample[.checkpointLSN] <= sample[.currentLSN], "\(name): a checkpoint beyond the end")
            try require(sample[.syncAge] > 0 && sample[.resident] > 0, "\(name): no limits or no memory")
            if let before {
                for field in [Sample.Field.time, .updates, .currentLSN, .pagesRead, .pagesWritten, .running] {
                    try require(sample[field] >= before[field], "\(name): \(field) went back")
                }
            }
            before = sample
        }
    }

    private func require(_ condition: Bool, _ message: String) throws {
        if !condition { throw BenchmarkFailure(message) }
    }
}
