import RedoubtSimulation
import RedoubtSystem
import SiegeKit

// The lines of the scorecard about faults.
extension EngineFaults {
    private static let section = "Faults"
    private static let kindSection = "Faults: runs by kind"
    private static let damageSection =
        "Faults in silence: a device that flips bits, loses writes or makes them elsewhere"

    /// Of one seed in so many calls are delayed too: with all threads a run takes longer.
    private static let delayShare: UInt64 = 5

    /// Judges the faults of `budget` and adds their lines.
    ///
    /// - Throws: What a workload throws without a fault.
    static func score(_ budget: EngineBudget, _ card: inout Scorecard, _ progress: (String) -> Void) throws {
        var sum = Verdict()
        for number in 0..<budget.faultSeedCount {
            let seed = budget.seed + number
            let hasDelays = number % delayShare == 0
            let verdict = try run(seed: seed, kinds: kinds.filter { hasDelays || !$0.isDelay })
            for violation in verdict.violations.prefix(3) { card.add(violation: "seed \(seed): \(violation)") }
            progress("faults, seed \(seed): \(verdict)")
            sum.add(verdict)
        }
        addRuns(sum, isSmoke: budget.isSmoke, &card)
        try addDamage(budget, &card, progress)
    }

    /// Adds what the runs of `verdict` came to: a delay or a transfer in two parts is not a failure, and no kind may be
    /// in the list that fires nowhere.
    static func addRuns(_ verdict: Verdict, isSmoke: Bool = false, _ card: inout Scorecard) {
        func count(_ isWanted: (FaultKind) -> Bool) -> Int {
            verdict.outcomes.reduce(0) { $0 + (isWanted($1.kind) ? $1.runCount : 0) }
        }
        card.add(section, "runs with a call that failed", count(\.isFailure), atLeast: 20_000)
        card.add(section, "runs with a delay of 50 ms, all threads at work", count(\.isDelay))
        card.add(section, "runs with a write in two transfers, within the simulated disk", count(\.isShort))
        let lost = "runs that lost an acknowledged write, or left what does not open"
        card.add(section, lost, verdict.violationCount, exactly: 0)
        card.add(section, "disks that ignore every sync, to be noticed", canaries: verdict.canaries)
        let fired = Set(verdict.outcomes.filter { $0.runCount > 0 }.map(\.kind))
        card.add(section, "kinds of faults that fired", fired.count, exactly: isSmoke ? fired.count : kinds.count)
        card.add(Scorecard.Figure(section, "kinds left out", leftOut))
        for operation in SimulatedFault.Operation.allCases {
            let those = kinds.filter { $0.operation == operation }
            guard !those.isEmpty else { continue }
            let texts = those.map { kind in "\(kind.shortName) \(Scorecard.grouped(count { $0 == kind }))" }
            let isMet = isSmoke || those.allSatisfy(fired.contains)
            let goal = isSmoke ? "" : "none 0"
            let value = texts.joined(separator: "; ")
            card.add(Scorecard.Figure(kindSection, "\(operation)", value, goal: goal, isMet: isMet))
        }
    }

    /// What a device does to bytes in silence: older content that nobody notices is stated, wrong content is judged.
    private static func addDamage(
        _ budget: EngineBudget,
        _ card: inout Scorecard,
        _ progress: (String) -> Void
    ) throws {
        var outcomes: [FileRole: [FaultOutcomes]] = [:]
        var canaries: [Verdict.Canary] = []
        for seed in budget.seed..<budget.seed + budget.damageSeedCount {
            for (role, verdict) in try damage(seed: seed) {
                for violation in verdict.violations.prefix(3) { card.add(violation: "seed \(seed): \(violation)") }
                progress("damaged \(role) files, seed \(seed): \(verdict)")
                outcomes[role, default: []] += verdict.outcomes
                canaries += verdict.canaries
            }
        }
        for role in damagedRoles {
            for effect in [SimulatedFault.Effect.bitFlip, .misdirected, .lost] {
                card.add(damageFigure(effect, role, outcomes[role] ?? [], isSmoke: budget.isSmoke))
            }
        }
        card.add(damageSection, "disks that ignore every sync, to be noticed", canaries: canaries)
    }

    /// Of the page writes that a device loses or makes elsewhere one in so many may show as content that never was: the
    /// page is whole and old, a checkpoint may have passed it, and the engine keeps no ledger that would tell.
    private static let pageWriteShare = 20

    /// The line about `effect` on files of `role`: content that never was is wrong, and where a checksum stands for
    /// every byte, older content without an error is wrong too.
    static func damageFigure(
        _ effect: SimulatedFault.Effect,
        _ role: FileRole,
        _ outcomes: [FaultOutcomes],
        isSmoke: Bool = false
    ) -> Scorecard.Figure {
        let those = outcomes.filter { $0.kind.effect == effect }
        let count = { (path: KeyPath<FaultOutcomes, Int>) in those.reduce(0) { $0 + $1[keyPath: path] } }
        let value =
            "\(count(\.runCount)) runs: \(count(\.survivedCount)) did no harm, "
            + "\(count(\.detectedCount)) detected, \(count(\.lostCount)) with older content, "
            + "\(count(\.wrongCount)) with wrong content"
        let isChecked = effect == .bitFlip && role != .redo
        let hasLedger = effect == .bitFlip || role != .data
        let wrongCount = isChecked ? count(\.undetectedCount) : count(\.wrongCount)
        let allowed = hasLedger ? 0 : isSmoke ? count(\.runCount) : count(\.runCount) / pageWriteShare
        let isMet = wrongCount <= allowed && count(\.runCount) > 0
        let goal =
            isChecked
            ? "none undetected"
            : hasLedger ? "none with wrong content" : "at most \(allowed) with wrong content: no ledger of page writes"
        return Scorecard.Figure(damageSection, "\(effect), \(role) files", value, goal: goal, isMet: isMet)
    }
}

extension FaultKind {
    /// Whether calls fail.
    fileprivate var isFailure: Bool { if case .failure = effect { true } else { false } }
    /// Whether calls take longer.
    fileprivate var isDelay: Bool { if case .delay = effect { true } else { false } }
    /// Whether a write is made in two transfers.
    fileprivate var isShort: Bool { effect == .shortTransfer }

    /// What happens to the call, in a word or two.
    fileprivate var shortName: String {
        let name =
            switch effect {
            case .failure(SimulatedFault.inputOutputError): "EIO"
            case .failure(SimulatedFault.noSpace): "ENOSPC"
            case .failure(let errno): "errno \(errno)"
            case .shortTransfer: "short"
            case .delay: "delay"
            case .lost, .misdirected, .bitFlip: "\(effect)"
            }
        let after = operation == .sync && isFailure ? " \(aftermath)" : ""
        return name + after + (isPermanent ? " for ever" : "")
    }
}
