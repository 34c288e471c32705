import RedoubtSimulation

/// What a crash lost and why, in sentences.
struct CrashStory {
    /// A change that is not there, or not all of it.
    struct Loss {
        let event: Int
        /// What it was, such as "write of 1 KiB to /log at 4096".
        let what: String
        /// "lost", or how it was torn.
        let outcome: String
        /// Why a disk may do that.
        let reason: String
        /// The commit that it was for and that was acknowledged before the power cut; nil if there is none.
        let commit: Int?
    }

    /// The one line that says it.
    private(set) var headline = ""
    /// What the program had promised.
    private(set) var promised = ""
    /// What was lost, the worst first.
    private(set) var losses: [Loss] = []
    /// What recovery found, in words; empty if its own words say it.
    private(set) var found = ""
    /// The sentence that leads from loss to finding.
    private(set) var why = ""

    private let trace: TraceFile
    private let rows: [TraceListing.Row]
    /// The events of marks by commit.
    private var issued: [(event: Int, commit: Int)] = []
    private var acknowledged: [Int: Int] = [:]

    init?(_ trace: TraceFile, _ rows: [TraceListing.Row]) {
        guard let crash = trace.crash, let scene = trace.scene else { return nil }
        self.trace = trace
        self.rows = rows
        for (number, event) in trace.events[..<crash.cut.point].enumerated() {
            switch event {
            case .mark(.issued(let commit)): issued.append((number, commit))
            case .mark(.acknowledged(let commit)): acknowledged[commit] = acknowledged[commit] ?? number
            default: break
            }
        }
        losses = scene.changes.filter { $0.lostCount > 0 }.map(loss)
        losses.sort { ($0.commit != nil ? 0 : 1, -$0.event) < ($1.commit != nil ? 0 : 1, -$1.event) }
        headline = headline(crash)
        promised = promise(crash.allowed)
        why = why(scene)
        if let numbers = Self.found(crash.finding) {
            let list = numbers.map { "\($0)" }.joined(separator: " or ")
            found = "It opened, and its content is that after \(list) \(numbers == [1] ? "commit" : "commits")."
        }
    }

    private func loss(_ change: CrashScene.Change) -> Loss {
        let row = rows[change.event]
        let place = row.offset.map { " at \($0)" } ?? ""
        let size = row.byteCount.map { row.offset == nil ? " \(HTMLText.size($0))" : " of \(HTMLText.size($0))" } ?? ""
        let verb = row.what.hasPrefix("begin ") ? String(row.what.dropFirst(6)) : row.what
        let target = row.offset == nil ? " \(row.path)" : " to \(row.path)"
        let what =
            row.offset == nil
            ? "\(verb)\(size.isEmpty ? target : "\(size) of \(row.path)")" : "\(verb)\(size)\(target)\(place)"
        return Loss(
            event: change.event,
            what: what,
            outcome: change.outcome,
            reason: reason(change, row),
            commit: commit(of: change.event)
        )
    }

    private func reason(_ change: CrashScene.Change, _ row: TraceListing.Row) -> String {
        if !change.isFinished { return "the write was under way when the power went" }
        if change.hasFailedSync { return "the sync that should have covered it failed, and later ones do not cover it" }
        if change.change.contentFile == nil {
            return "no sync of directory \(Self.directory(of: row.path)) came after it"
        }
        return "no sync of \(row.path) came after it"
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The commit during which `event` happened, if it was acknowledged before the power cut.
    private func commit(of event: Int) -> Int? {
        guard let commit = issued.last(where: { $0.event < event })?.commit, let end = acknowledged[commit], end > event
        else { return nil }
        return commit
    }

    /// The numbers in "the content is that after [4] commits"; nil if the finding says something else.
    private static func found(_ finding: String) -> [Int]? {
        guard finding.hasPrefix("the content is that after [") else { return nil }
        let list = finding.drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }
        return list.split(separator: ",").compactMap { Int($0.drop { $0 == " " }) }
    }

    private func headline(_ crash: TraceFile.Crash) -> String {
        guard let found = Self.found(crash.finding), let most = found.max() else {
            if losses.first?.commit != nil { return "A power cut loses what was acknowledged, and recovery goes wrong" }
            if losses.contains(where: { $0.outcome.hasPrefix("torn") }) {
                return "A power cut tears a write, and recovery goes wrong"
            }
            return losses.isEmpty
                ? "Recovery goes wrong on all that was written"
                : "A power cut loses what was not synced, and recovery goes wrong"
        }
        if most < crash.allowed.lowerBound {
            let first = most + 1
            let last = crash.allowed.lowerBound
            return first == last
                ? "Commit \(last) was acknowledged, and a power cut loses it"
                : "Commits \(first) to \(last) were acknowledged, and a power cut loses them"
        }
        return "A power cut leaves content that no commit allowed"
    }

    private func promise(_ allowed: ClosedRange<Int>) -> String {
        let first = allowed.lowerBound
        let sure =
            first == 0
            ? "No commit was acknowledged yet"
            : first == 1 ? "Commit 1 was acknowledged" : "Commits 1 to \(first) were acknowledged"
        guard allowed.upperBound > first else {
            return first == 0 ? "\(sure), and none was asked for." : "\(sure): all of that must be there."
        }
        let last = allowed.upperBound
        let more = last == first + 1 ? "Commit \(last)" : "Commits \(first + 1) to \(last)"
        let must = first == 0 ? "" : ": all of that must be there"
        return "\(sure)\(must). \(more) had been asked for, and may be there or not."
    }

    private func why(_ scene: CrashScene) -> String {
        guard let worst = losses.first else {
            return "The power cut lost nothing: recovery gets the disk wrong that a mere kill of the process leaves."
        }
        if let commit = worst.commit, let end = acknowledged[commit] {
            return "Event \(worst.event), the \(worst.what), was part of commit \(commit). Commit \(commit) was "
                + "acknowledged at event \(end), but \(worst.reason): the disk was free to drop it."
        }
        let torn = losses.first { $0.outcome.hasPrefix("torn") }
        if let torn {
            return "Event \(torn.event), the \(torn.what), is there in part (\(torn.outcome)). A disk may do that to a "
                + "write that no sync covers; recovery has to notice it."
        }
        let later = scene.changes.last { $0.keptCount > 0 }
        if let later, later.event > worst.event {
            return "Event \(worst.event), the \(worst.what), is not on the disk, but event \(later.event), which came "
                + "later, is: \(worst.reason), so nothing kept them in order."
        }
        return "Event \(worst.event), the \(worst.what), is not on the disk: \(worst.reason)."
    }
}
