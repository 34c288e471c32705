extension Verdict {
    /// The verdict as a paragraph that says first what hurts.
    package var words: String {
        if seconds <= 0 { return "There is nothing to judge: the run has no samples." }
        if transactions <= 0 {
            let length = NumberText.duration(seconds)
            guard phases.contains(where: \.hasLoad) else {
                return "No client had anything to do for \(length)." + (wearWords.isEmpty ? "" : " " + wearWords)
            }
            return "No transaction ended in \(length)" + Self.reason(stall?.cause) + "."
        }
        return [stallWords, rateWords, commitWords, ageWords, costWords, wearWords]
            .filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// Standing still for less than this, in seconds, is hardly noticed.
    static let shortestStall = 0.5

    private var stallWords: String {
        guard isLoadKnown else {
            let share = heldBackShare > 0 ? "for \(NumberText.percent(heldBackShare)) of the time" : "at no time"
            return "Writers were held back \(share); whether they wanted to do more a record does not tell."
        }
        guard let stall, stall.seconds >= Self.shortestStall else {
            let longest = stall.map { ", and stood still for \(NumberText.duration($0.seconds)) at most" } ?? ""
            if slowShare <= 0 { return "No stall: it never ran under half of its usual rate." }
            return "No stall: it ran under half of its usual rate for \(percentSlow) of the time\(longest)."
        }
        let length = NumberText.duration(stall.seconds)
        let more = stalledSeconds - stall.seconds >= 0.05 ? ", \(NumberText.duration(stalledSeconds)) in all," : ""
        return "Writers stood still for \(length)\(more) from \(NumberText.fixed(stall.start, 1)) s on"
            + "\(Self.reason(stall.cause)); it ran under half of its usual rate for \(percentSlow) of the time."
    }

    private var percentSlow: String { NumberText.percent(slowShare) }

    /// Why writers stand still, to go behind that they do.
    private static func reason(_ cause: Sample.Wait?) -> String {
        switch cause {
        case .redo: ", because the redo was full"
        case .frames: ", because no frame was free"
        case .admission: ", because they were held back to spare the redo and the pool"
        case .reads: ", because the device was slow to read pages"
        case .commit: ", because the device was slow to make redo durable"
        case nil: ", and no wait says why"
        }
    }

    private var rateWords: String {
        let tenths = NumberText.short(medianRate)
        let whole = NumberText.short(medianSecondRate)
        let also = tenths == whole || medianSecondRate <= 0 ? "" : ", by whole seconds \(whole)"
        return "The median throughput was \(tenths) transactions a second\(also)."
    }

    private var commitWords: String {
        if isOutline { return "" }
        let most = NumberText.duration(longestCommit / 1000)
        return "Of 100 commits 99 took about \(NumberText.duration(p99 / 1000)) or less, and the longest took \(most)."
    }

    private var ageWords: String {
        var parts: [String] = []
        if let worstAgeShare {
            parts.append("the checkpoint age came to \(NumberText.percent(worstAgeShare)) of what stops writers")
        }
        if syncShare > 0 { parts.append("\(NumberText.percent(syncShare)) of the time was sync flushing") }
        if let recoverySeconds {
            parts.append("recovery would take \(NumberText.duration(recoverySeconds)) at the worst moment")
        }
        return Self.sentence(parts)
    }

    private var costWords: String {
        guard let pagesPerTransaction, let bytesPerTransaction else { return "" }
        if isOutline { return "A transaction cost \(NumberText.short(pagesPerTransaction)) page writes." }
        let factor = writeAmplification.map { ", \(NumberText.short($0)) bytes for each of redo" } ?? ""
        return "A transaction cost \(NumberText.short(pagesPerTransaction)) page writes and "
            + "\(NumberText.size(bytesPerTransaction)) to the device\(factor)."
    }

    private var wearWords: String {
        guard bytesPerDay > 0, !isOutline else { return "" }
        let years = yearsToWearOut.map {
            ", which wears the device out in \(NumberText.duration($0 * 365.25 * 86400))"
        }
        return "A day like this writes \(NumberText.size(bytesPerDay))\(years ?? "")."
    }

    /// `parts` with commas and a last "and", beginning with a capital letter.
    private static func sentence(_ parts: [String]) -> String {
        guard let last = parts.last, let first = parts.first?.first else { return "" }
        let front = parts.dropLast().joined(separator: ", ")
        let text = front.isEmpty ? last : "\(front) and \(last)"
        return "\(first.uppercased())\(text.dropFirst())."
    }
}
