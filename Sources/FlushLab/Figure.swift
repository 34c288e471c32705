/// A figure that runs are compared by; ``Verdict/value(of:)`` is its value.
///
/// The raw values are names for commands and files.
package enum Figure: String, Sendable, Hashable, CaseIterable {
    case medianRate, medianSecondRate, meanRate, slowShare, longestStall, stalledTime, p99, longestCommit
    case pagesPerTransaction, bytesPerTransaction, writeAmplification, bytesPerDay, yearsToWearOut
    case worstAgeShare, syncShare, recoveryTime
    case waitedForRedo, waitedForFrames, waitedForAdmission, waitedForReads, waitedForCommit

    /// What a value counts.
    package enum Unit: Sendable, Hashable {
        case rate, plain, seconds, milliseconds, share, bytes, years

        /// Returns `value` in words, "-" if there is none.
        package func text(_ value: Double?) -> String {
            guard let value else { return "-" }
            switch self {
            case .rate: return NumberText.short(value) + "/s"
            case .plain: return NumberText.short(value)
            case .seconds: return NumberText.duration(value)
            case .milliseconds: return NumberText.duration(value / 1000)
            case .share: return NumberText.percent(value)
            case .bytes: return NumberText.size(value)
            case .years: return NumberText.duration(value * 365.25 * 86400)
            }
        }
    }

    /// Which of two values is the better one.
    package enum Preference: Sendable, Hashable {
        case less, more
        /// The figure describes; it does not judge.
        case neither

        /// Returns whether `value` is better than `other`.
        package func prefers(_ value: Double, to other: Double) -> Bool {
            switch self {
            case .less: value < other
            case .more: value > other
            case .neither: false
            }
        }

        /// Returns the index of the best of `values`; nil if there is none, or all are equal.
        package func best(of values: [Double?]) -> Int? {
            var best: (index: Int, value: Double)?
            var isAlike = true
            for (index, value) in values.enumerated() {
                guard let value, value.isFinite else { continue }
                if let best, best.value != value { isAlike = false }
                if best.map({ prefers(value, to: $0.value) }) ?? true { best = (index, value) }
            }
            return isAlike || self == .neither ? nil : best?.index
        }
    }

    /// Whether only who runs the load or the device can know it.
    var isFromWithin: Bool {
        switch self {
        case .p99, .longestCommit, .bytesPerTransaction, .writeAmplification, .bytesPerDay, .yearsToWearOut: true
        default: isWait
        }
    }

    /// Whether only who knows what clients wanted can know it.
    var isOfStalls: Bool { self == .slowShare || self == .longestStall || self == .stalledTime }

    /// Whether it is how long clients waited for something, which most runs do for few things only.
    var isWait: Bool {
        switch self {
        case .waitedForRedo, .waitedForFrames, .waitedForAdmission, .waitedForReads, .waitedForCommit: true
        default: false
        }
    }

    /// What it is called.
    package var title: String {
        switch self {
        case .medianRate: "Median throughput, by tenths of a second"
        case .medianSecondRate: "Median throughput, by seconds"
        case .meanRate: "Mean throughput"
        case .slowShare: "Time under half the median"
        case .longestStall: "Longest stall"
        case .stalledTime: "Time in stalls"
        case .p99: "Commit time, 99th percentile"
        case .longestCommit: "Longest commit"
        case .pagesPerTransaction: "Pages written for a transaction"
        case .bytesPerTransaction: "Bytes to the device for a transaction"
        case .writeAmplification: "Bytes to the device for a byte of redo"
        case .bytesPerDay: "Written in a day"
        case .yearsToWearOut: "Until the device is worn out"
        case .worstAgeShare: "Largest checkpoint age, of what stops writers"
        case .syncShare: "Time in sync flushing"
        case .recoveryTime: "Recovery at the worst moment"
        case .waitedForRedo: "Clients waited for redo space"
        case .waitedForFrames: "Clients waited for free frames"
        case .waitedForAdmission: "Clients waited for admission"
        case .waitedForReads: "Clients waited for page reads"
        case .waitedForCommit: "Clients waited for durability"
        }
    }

    /// What its values count.
    package var unit: Unit {
        switch self {
        case .medianRate, .medianSecondRate, .meanRate: .rate
        case .slowShare, .worstAgeShare, .syncShare: .share
        case .longestStall, .stalledTime, .recoveryTime: .seconds
        case .p99, .longestCommit: .milliseconds
        case .pagesPerTransaction, .writeAmplification: .plain
        case .bytesPerTransaction, .bytesPerDay: .bytes
        case .yearsToWearOut: .years
        case .waitedForRedo, .waitedForFrames, .waitedForAdmission, .waitedForReads, .waitedForCommit: .seconds
        }
    }

    /// Which value is the better one.
    package var preference: Preference {
        switch self {
        case .medianRate, .medianSecondRate, .meanRate, .yearsToWearOut: .more
        // A high age is what saves writes, and what recovery pays for: neither alone is good.
        case .worstAgeShare: .neither
        default: .less
        }
    }
}
