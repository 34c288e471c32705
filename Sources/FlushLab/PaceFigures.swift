/// How evenly a run went: what is usual in each phase, how long it ran far below that, and where it stood still.
struct PaceFigures {
    /// The samples that are judged; nil if there are none.
    private(set) var range: Range<Int>?
    /// Transactions of each tenth under load.
    private(set) var counts: [Double] = []
    /// Transactions of each whole second under load.
    private(set) var secondRates: [Double] = []
    /// Tenths that are compared with what is usual, those of them below half of it, and those below a tenth of it.
    private(set) var judgedCount = 0
    private(set) var slowCount = 0
    private(set) var stalledCount = 0
    /// The longest stall.
    private(set) var stall: Verdict.Stall?
    /// The phases.
    private(set) var phases: [Verdict.Phase] = []

    private var longest = 0..<0

    /// Measures `result` without its first `skipped` seconds.
    init(_ result: RunResult, after skipped: Double) {
        let spans = result.spans(after: skipped)
        guard let first = spans.first, let last = spans.last else { return }
        range = first.tenths.lowerBound..<last.tenths.upperBound
        var open = 0..<0
        for span in spans { add(span, result.samples, &open) }
        guard !longest.isEmpty else { return }
        stall = Verdict.Stall(
            start: max(0, result.samples[longest.lowerBound].time - 0.1),
            seconds: Double(longest.count) / 10,
            cause: Self.cause(of: longest, in: result)
        )
    }

    /// Adds a phase; `open` is the stall that lasts.
    private mutating func add(_ span: PhaseSpan, _ samples: [Sample], _ open: inout Range<Int>) {
        let rate = UsualRate(span, samples)
        let own = samples[span.tenths].map { Double($0.transactions) }
        let before = (judged: judgedCount, slow: slowCount)
        var (current, longestOwn) = (0, 0)
        for (index, (done, usual)) in zip(span.tenths, zip(rate.done, rate.usual)) {
            if usual > 0 { judgedCount += 1 }
            if done < usual / 2 { slowCount += 1 }
            guard done < usual / 10 else {
                current = 0
                continue
            }
            stalledCount += 1
            current += 1
            longestOwn = max(longestOwn, current)
            // A stall may go on from one phase into the next.
            open = (open.upperBound == index && !open.isEmpty ? open.lowerBound : index)..<index + 1
            if open.count > longest.count { longest = open }
        }
        let judged = judgedCount - before.judged
        phases.append(
            Verdict.Phase(
                index: span.index,
                name: span.name,
                hasLoad: span.hasLoad,
                seconds: Double(own.count) / 10,
                medianRate: own.median * 10,
                slowShare: judged > 0 ? Double(slowCount - before.slow) / Double(judged) : 0,
                longestStall: Double(longestOwn) / 10
            )
        )
        guard span.hasLoad else { return }
        counts += own
        for start in stride(from: 0, through: own.count - 10, by: 10) {
            secondRates.append(own[start..<start + 10].reduce(0, +))
        }
    }

    /// What clients waited for longest in the samples of `range`.
    private static func cause(of range: Range<Int>, in result: RunResult) -> Sample.Wait? {
        // A wait may be counted where it ends, in the tenth after.
        let seen = result.samples[range.lowerBound..<min(result.samples.count, range.upperBound + 1)]
        let times = Sample.Wait.allCases.map { wait in seen.reduce(0) { $0 + $1.time(of: wait) } }
        if let most = times.max(), most > 0 {
            return zip(Sample.Wait.allCases, times).first { $0.1 == most }?.0
        }
        if result.syncLimit > 0, seen.contains(where: { $0.checkpointAge >= result.syncLimit }) { return .redo }
        // Counters from outside may not tell of free frames.
        let knowsFree = !result.isOutline || result.samples.contains { $0.free > 0 }
        return knowsFree && seen.contains { $0.free == 0 } ? .frames : nil
    }
}
