import RedoubtCore

/// What a run was like, in the figures that whoever tunes a server asks for.
///
/// Rates and stalls are judged phase by phase; see ``UsualRate``. Figures that have no meaning, such as pages for a
/// transaction where none ended, are nil.
package struct Verdict: Sendable, Hashable {
    /// What is left out at the beginning of a run, while caches and averages settle.
    package enum WarmUp: Sendable, Hashable {
        /// Nothing.
        case none
        /// The first phase, if there are several.
        case firstPhase
        /// So many seconds.
        case seconds(Double)

        /// Returns the seconds that are left out of `scenario`.
        package func seconds(of scenario: Scenario) -> Double {
            switch self {
            case .none: 0
            case .firstPhase: scenario.phases.count > 1 ? scenario.phases[0].seconds : 0
            case .seconds(let seconds): seconds
            }
        }
    }

    /// A time in which next to nothing ended: less than a tenth of what is usual in each tenth of a second.
    package struct Stall: Sendable, Hashable {
        /// When it began, in seconds since the start of the run.
        package var start: Double
        /// How long it took.
        package var seconds: Double
        /// What clients waited for longest; nil if for nothing that was noted.
        package var cause: Sample.Wait?
    }

    /// A phase of the run.
    package struct Phase: Sendable, Hashable {
        /// Its index among the phases of the scenario.
        package let index: Int
        /// What it is called.
        package let name: String
        /// Whether clients had something to do.
        package let hasLoad: Bool
        /// Seconds that were judged.
        package let seconds: Double
        /// The median of the transactions a second, by tenths of a second.
        package let medianRate: Double
        /// The share of its time below half of what is usual.
        package let slowShare: Double
        /// The longest stall in it, in seconds.
        package let longestStall: Double
    }

    /// Seconds that were left out, and seconds that were judged.
    package let skippedSeconds: Double
    /// See ``skippedSeconds``.
    package let seconds: Double
    /// Transactions that ended.
    package let transactions: Double
    /// Transactions a second while there was load: the median by tenths of a second, by seconds, and the mean.
    package let medianRate: Double
    /// See ``medianRate``.
    package let medianSecondRate: Double
    /// See ``medianRate``.
    package let meanRate: Double
    /// The share of the time under load below half of what is usual.
    package let slowShare: Double
    /// The longest stall.
    package let stall: Stall?
    /// All stalls together, in seconds.
    package let stalledSeconds: Double
    /// The seconds of the longest stall, 0 if there is none.
    package var longestStall: Double { stall?.seconds ?? 0 }
    /// About what 99 of 100 commits take at most, and the longest, in milliseconds.
    package let p99: Double
    /// See ``p99``.
    package let longestCommit: Double
    /// Pages, and bytes of all kinds, that go to the device for a transaction.
    package let pagesPerTransaction: Double?
    /// See ``pagesPerTransaction``.
    package let bytesPerTransaction: Double?
    /// Bytes that go to the device for a byte of redo.
    package let writeAmplification: Double?
    /// Bytes that go to the device in a day like this.
    package let bytesPerDay: Double
    /// Years until the device is worn out; nil if nothing is written, or nobody knows what it endures.
    package let yearsToWearOut: Double?
    /// The largest checkpoint age as a share of that which stops writers; nil if nothing does.
    package let worstAgeShare: Double?
    /// The share of the time in which pages were written because the redo was nearly full.
    package let syncShare: Double
    /// How long recovery takes from the worst moment, in seconds.
    package let recoverySeconds: Double?
    /// Seconds that all clients together waited, in the order of the reasons.
    package let waitedSeconds: [Double]
    /// The phases that were judged.
    package let phases: [Phase]
    /// Whether commit times, bytes and waits are not known.
    package let isOutline: Bool
    /// Whether the load is known, so that stalls are; see ``RunResult/isLoadKnown``.
    package let isLoadKnown: Bool
    /// The share of the time in which writers were held back.
    package let heldBackShare: Double

    /// Judges a run, without its `warmUp`.
    package init(_ result: RunResult, warmUp: WarmUp = .none) {
        let skipped = warmUp.seconds(of: result.scenario)
        let pace = PaceFigures(result, after: skipped)
        let samples = pace.range.map { result.samples[$0] } ?? []
        func sum(_ part: (Sample) -> Double) -> Double { samples.reduce(0) { $0 + part($1) } }
        func most(_ part: (Sample) -> Double) -> Double { samples.reduce(0) { max($0, part($1)) } }
        func ratio(_ value: Double, _ divisor: Double) -> Double? { divisor > 0 ? value / divisor : nil }

        skippedSeconds = skipped
        seconds = Double(samples.count) / 10
        transactions = sum { Double($0.transactions) }
        medianRate = pace.counts.median * 10
        medianSecondRate = pace.secondRates.median
        meanRate = ratio(pace.counts.reduce(0, +) * 10, Double(pace.counts.count)) ?? 0
        slowShare = ratio(Double(pace.slowCount), Double(pace.judgedCount)) ?? 0
        stall = pace.stall
        stalledSeconds = Double(pace.stalledCount) / 10
        p99 = Self.percentile99(samples)
        longestCommit = most(\.longest)
        let bytes = sum { Double($0.deviceBytes) }
        pagesPerTransaction = ratio(sum { Double($0.writes) }, transactions)
        bytesPerTransaction = ratio(bytes, transactions)
        writeAmplification = ratio(bytes, sum { Double($0.redo) })
        bytesPerDay = ratio(bytes * 86400, seconds) ?? 0
        let endurance = result.scenario.device.endurance
        yearsToWearOut = endurance > 0 && bytes > 0 ? endurance / (bytesPerDay * 365.25) : nil
        worstAgeShare = ratio(most { Double($0.checkpointAge) }, Double(result.stopLimit))
        syncShare = ratio(sum { $0.writesSync > 0 ? 1 : 0 }, Double(samples.count)) ?? 0
        recoverySeconds = ratio(most { Double($0.redoAge) }, result.scenario.replayRate)
        waitedSeconds = Sample.Wait.allCases.map { wait in sum { $0.time(of: wait) } / 1e9 }
        phases = pace.phases
        isOutline = result.isOutline
        isLoadKnown = result.isLoadKnown
        heldBackShare = ratio(sum { $0.backPressure == .normal ? 0 : 1 }, Double(samples.count)) ?? 0
    }

    /// Returns the value of a figure; nil if it is not known.
    package func value(of figure: Figure) -> Double? {
        if isOutline && figure.isFromWithin || !isLoadKnown && figure.isOfStalls { return nil }
        return switch figure {
        case .medianRate: medianRate
        case .medianSecondRate: medianSecondRate
        case .meanRate: meanRate
        case .slowShare: slowShare
        case .longestStall: longestStall
        case .stalledTime: stalledSeconds
        case .p99: p99
        case .longestCommit: longestCommit
        case .pagesPerTransaction: pagesPerTransaction
        case .bytesPerTransaction: bytesPerTransaction
        case .writeAmplification: writeAmplification
        case .bytesPerDay: bytesPerDay
        case .yearsToWearOut: yearsToWearOut
        case .worstAgeShare: worstAgeShare
        case .syncShare: syncShare
        case .recoveryTime: recoverySeconds
        case .waitedForRedo: waited(for: .redo)
        case .waitedForFrames: waited(for: .frames)
        case .waitedForAdmission: waited(for: .admission)
        case .waitedForReads: waited(for: .reads)
        case .waitedForCommit: waited(for: .commit)
        }
    }

    /// Returns the seconds that all clients together waited for `wait`.
    package func waited(for wait: Sample.Wait) -> Double {
        zip(Sample.Wait.allCases, waitedSeconds).first { $0.0 == wait }?.1 ?? 0
    }

    /// About the 99th percentile of all commits, of which each tenth tells its own and the longest.
    ///
    /// As if the share of commits that take longer than some time fell with the square of that time, up to the longest:
    /// right if all tenths are alike, and not led astray by a few slow tenths in which hardly anything ended.
    private static func percentile99(_ samples: ArraySlice<Sample>) -> Double {
        let busy = samples.filter { $0.transactions > 0 }
        let allowed = busy.reduce(0) { $0 + Double($1.transactions) } / 100
        func longer(than time: Double) -> Double {
            busy.reduce(0) { sum, sample in
                if sample.longest <= time { return sum }
                let part = sample.p99 / time
                return sum + Double(sample.transactions) * min(1, part * part / 100)
            }
        }
        var low = 0.0
        var high = busy.reduce(0) { max($0, $1.longest) }
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if longer(than: middle) <= allowed { high = middle } else { low = middle }
        }
        return high
    }
}
