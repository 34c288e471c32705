import RedoubtSimulation
import Synchronization

/// What all power cuts of a run come to; printed after each workload, so that the last line counts.
enum CrashTotals {
    private struct Sums: Sendable {
        var points = 0
        var exhausted = 0
        var listed = 0
        var disks = 0
        var nestedPoints = 0
        var nestedDisks = 0
        var runs = 0
        var complete = 0
        var leftOut = 0
        var failures = 0
        var seconds = 0.0
    }

    private static let sums = Mutex(Sums())

    static func add(_ report: CrashReport, _ nested: CrashRun.NestedCounts) {
        let sums = sums.withLock { sums in
            sums.points += report.pointCount
            sums.exhausted += report.exhaustedCount
            sums.listed += report.listedCount
            sums.disks += report.judgedCount
            sums.nestedPoints += nested.pointCount
            sums.nestedDisks += nested.stateCount
            sums.runs += 1
            sums.complete += report.isComplete ? 1 : 0
            sums.leftOut += report.leftOutCount
            sums.failures += report.failureCount
            sums.seconds += report.seconds
            return sums
        }
        print(
            "crash totals so far: \(sums.points) crash points (\(sums.exhausted) exhausted) of \(sums.runs) runs, "
                + "\(sums.complete) of them judged as a whole; \(sums.listed) disks listed, \(sums.leftOut) left out, "
                + "\(sums.disks) different ones judged in \(Int(sums.seconds)) s "
                + "(\(Int(Double(sums.disks) / max(sums.seconds, 0.001)))/s); within recoveries \(sums.nestedPoints) "
                + "crash points, \(sums.nestedDisks) disks; \(sums.failures) failures"
        )
    }
}
