import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
package import SiegeKit
import Synchronization

/// Cuts the power of every workload of the engine at every event, for every seed of a budget.
///
/// Goal: whatever a power cut leaves, the database recovers to the content after exactly n commits, where every
/// acknowledged one is among them and none that was not issued; twice the same; with every structure sound. Method:
/// each workload is run once in a simulated world and recorded; listed choices over the writes not yet synced are
/// recovered and compared with the model.
package enum EnginePowerCuts {
    /// A disk that was wrong; in words it is what `siege replay` takes.
    package struct Failure: Sendable, CustomStringConvertible {
        /// The workload.
        package let workload: String
        /// The seed of workload and schedule.
        package let seed: UInt64
        /// The key of the disk.
        package let key: UInt64

        /// The run and the disk.
        package var description: String { "\(seed):\(workload):0x\(String(key, radix: 16))" }
    }

    /// What a run over workloads came to.
    package struct Figures: Sendable {
        /// The I/O events after which power was cut.
        package var pointCount = 0
        /// Those of them at which every disk that the model allows was listed.
        package var exhaustedCount = 0
        /// Disks listed, with doubles.
        package var listedCount = 0
        /// Different disks of each run that were listed, and taken at no point.
        package var leftOutCount = 0
        /// Different disks judged.
        package var stateCount = 0
        /// Those of them of workloads with copies of changed sectors only.
        package var sectorStateCount = 0
        /// Events within recoveries, at all depths, after which power was cut.
        package var nestedPointCount = 0
        /// Different disks of those, judged.
        package var nestedStateCount = 0
        /// Recovered databases that went on, and were recovered again after two more power cuts each.
        package var continuedCount = 0
        /// Disks judged, where each workload ends at the first that is wrong up to that one.
        package var searchedCount = 0
        /// Workloads recorded.
        package var runCount = 0
        /// Those of them of which all disks that were taken were judged.
        package var completeCount = 0
        /// The real time of judging, in seconds.
        package var seconds = 0.0
        /// The time of all threads together that power cuts within recoveries took, in seconds.
        package var nestedSeconds = 0.0

        /// Disks judged in a second by one thread, those within recoveries and their time left out.
        package func rate(threadCount: Int) -> Int {
            Int(Double(stateCount) / max(seconds * Double(threadCount) - nestedSeconds, 0.001))
        }

        /// What was wrong, a few lines each with a way to repeat it, at most three a workload.
        package var violations: [String] = []
        /// The runs, as `SEED:WORKLOAD`, of which no disk was judged.
        package var idle: [String] = []
        /// The first disk that was wrong.
        package var firstFailure: Failure?
        /// All disks and traces that were wrong.
        package var violationCount = 0
        /// The disks that ignored every sync, one a workload of the first seed: to be noticed.
        package var canaries: [Verdict.Canary] = []

        mutating func add(_ report: CrashReport, _ nested: CrashRun.NestedCounts, of run: CrashRun) {
            pointCount += report.pointCount
            exhaustedCount += report.exhaustedCount
            listedCount += report.listedCount
            leftOutCount += report.leftOutCount
            stateCount += report.judgedCount
            if run.doublewrite == .changedSectors { sectorStateCount += report.judgedCount }
            nestedPointCount += nested.pointCount
            nestedStateCount += nested.stateCount
            runCount += 1
            completeCount += report.isComplete ? 1 : 0
            seconds += report.seconds
            nestedSeconds += Double(nested.nanoseconds) / 1e9
            violationCount += report.failureCount
        }

        mutating func add(_ violation: String) {
            violations.append(violation)
            violationCount += 1
        }
    }

    /// The workloads.
    package static let workloadNames = CrashProfile.all.map(\.name)

    /// Runs the workloads named in `names`, all if it is nil; says in a line what each came to.
    ///
    /// Waits until all is judged, or the time of the budget is out.
    ///
    /// - Throws: What stops the recording of a workload.
    package static func run(
        _ budget: EngineBudget = EngineBudget(),
        names: [String]? = nil,
        progress: (String) -> Void
    ) throws -> Figures {
        var figures = Figures()
        let profiles = CrashProfile.all.filter { names?.contains($0.name) ?? true }
        let shares = profiles.reduce(0) { $0 + $1.share }
        for seed in budget.seed..<budget.seed + (budget.only == nil ? budget.seedCount : 1) {
            for profile in profiles {
                let seconds = budget.seconds(share: profile.share / shares)
                progress(try judge(profile, seed: seed, budget, seconds: seconds, into: &figures))
            }
        }
        return figures
    }

    /// Judges one workload, and says what it came to; of the first seed also as a disk leaves it that ignores syncs.
    static func judge(
        _ profile: CrashProfile,
        seed: UInt64,
        _ budget: EngineBudget,
        seconds: Double?,
        into figures: inout Figures
    ) throws -> String {
        let run = try CrashRun(cutting: profile, seed: seed)
        let breaches = run.flushing.breaches.prefix(3).map(\.description)
        for wrong in run.unreached + WriteTrace(run.storage.trace).breaches + breaches {
            figures.add("\(profile.name), seed \(seed): \(wrong)")
        }
        let explorer = run.explorer(statesPerPoint: budget.statesPerPoint)
        let judgement = Judgement(run, budget)
        let report = judgement.judge(explorer, seconds: seconds)
        figures.add(report, judgement.nested, of: run)
        if report.judgedCount == 0 { figures.idle.append("\(seed):\(profile.name)") }
        figures.continuedCount += judgement.continuedCount
        figures.searchedCount += judgement.judgedCount
        for failure in report.failures.prefix(3) {
            let place = Failure(workload: profile.name, seed: seed, key: failure.key)
            figures.firstFailure = figures.firstFailure ?? place
            let replay = "siege replay \(place)"
            let events = explorer.excerpt(around: failure.point)
            figures.violations.append("\(profile.name), seed \(seed): \(failure)\n\(events)\nreplay: \(replay)")
        }
        if budget.only == nil && seed == budget.seed { figures.canaries.append(lyingDisk(run, budget)) }
        let again = run.recovered.counts
        return "\(profile.name), seed \(seed), doublewrite \(run.doublewrite): \(report); nested: \(judgement.nested); "
            + "of \(again.asked) disks that recoveries left \(again.answered) were known"
    }

    /// The judgement of the disks of one run.
    final class Judgement: Sendable {
        let nested = CrashRun.NestedCounts()
        private let run: CrashRun
        private let budget: EngineBudget
        private let continued = Atomic(0)
        private let judged = Atomic(0)
        private let isOver = Atomic(false)

        /// The disks judged; where it ends at the first that is wrong, those up to that.
        var judgedCount: Int { judged.load(ordering: .relaxed) }

        var continuedCount: Int { continued.load(ordering: .relaxed) }

        init(_ run: CrashRun, _ budget: EngineBudget) {
            self.run = run
            self.budget = budget
        }

        /// Judges the disks that `explorer` lists.
        func judge(_ explorer: CrashExplorer, seconds: Double?) -> CrashReport {
            explorer.judge(threadCount: budget.threadCount, seconds: seconds, only: budget.only) { state in
                guard self.budget.endsAtFirst else { return try self.judge(state) }
                // What was found suffices.
                let allowed = state.acknowledged...max(state.acknowledged, state.issued)
                if self.isOver.load(ordering: .relaxed) { return Array(allowed) }
                let found: [Int]
                do {
                    found = try self.judge(state)
                } catch {
                    self.isOver.store(true, ordering: .relaxed)
                    throw error
                }
                let isWrong = state.acknowledged <= state.issued && !found.contains(where: allowed.contains)
                if isWrong { self.isOver.store(true, ordering: .relaxed) }
                return found
            }
        }

        private func judge(_ state: CrashState) throws -> [Int] {
            judged.wrappingAdd(1, ordering: .relaxed)
            let found = try run.judge(state, nestedShare: budget.only == nil ? budget.nestedShare : 1, nested)
            if budget.only != nil || mix(state.key ^ 0xC047) % budget.continuedShare == 0 {
                _ = try ContinuedRun(run).judge(state)
                continued.wrappingAdd(1, ordering: .relaxed)
            }
            return found
        }
    }
}

extension CrashRun {
    /// What the workload is for and did not reach.
    var unreached: [String] {
        var missing: [String] = []
        if profile.wrapsLog {
            let options = EngineClient.configuration.redoLog
            let capacity = options.capacity.rawValue
            if redo.lowerBound <= UInt64(capacity) { missing.append("recorded before a redo file is used again") }
            if redo.count <= capacity / options.fileCount { missing.append("the redo went on to no other file") }
        }
        let asked = storage.trace.contains { if case .mark(.note("checkpoint")) = $0 { true } else { false } }
        if asked && flushing.checkpointCount == 0 { missing.append("no checkpoint was written") }
        return missing
    }
}
