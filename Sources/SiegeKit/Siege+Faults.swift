import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization

extension Siege {
    /// Runs `workload` again and again, each time with a fault one call later, until it does not fire any more, for
    /// each of `kinds`; in the world that the budget names.
    ///
    /// Judges what power cuts after the workload and a kill leave, by the promise of each kind: by default the workload
    /// may fail, but nothing that it acknowledged may be lost. Outcomes that no promise forbids are counted in
    /// ``Verdict/outcomes``: those of lost writes, unless their kind promises more.
    ///
    /// Waits until all is done.
    ///
    /// - Parameter indexLimit: The most calls of a kind at which a fault is injected; that they do not suffice is a
    ///   violation.
    /// - Throws: What the workload throws without a fault.
    public static func faults(
        _ budget: SiegeBudget = SiegeBudget(),
        _ kinds: [FaultKind] = FaultKind.all,
        indexLimit: Int = 100_000,
        workload: @escaping Workload,
        check: @escaping Check
    ) throws -> Verdict {
        let begin = Scheduling.now()
        let sweep = FaultSweep(budget: budget, workload: workload, check: check)
        let canary = try sweep.lyingDisk()
        let verdict = Mutex(Verdict())
        verdict.withLock { $0.outcomes = kinds.map { FaultOutcomes($0) } }
        let next = Mutex(0)
        var threads: [EngineThread] = []
        let work = { @Sendable in
            while let number = next.withLock({ next in
                defer { next += 1 }
                return next < kinds.count ? next : nil
            }) {
                sweep.run(kinds[number], number, indexLimit: indexLimit, into: verdict)
            }
        }
        for number in 1..<max(1, budget.threadCount) {
            do throws(RedoubtError) {
                threads.append(
                    try Scheduling.startOnSystem("siege \(number)") {
                        Scheduling.pin(to: number)
                        work()
                    }
                )
            } catch {
                break
            }
        }
        work()
        for thread in threads { Scheduling.joinOnSystem(thread) }
        var result = verdict.withLock { $0 }
        result.canaries = [canary]
        result.seconds = Double(Scheduling.now().nanoseconds(since: begin)) / 1e9
        return result
    }
}

/// Runs a workload with one fault after the other.
private struct FaultSweep: Sendable {
    /// What one run came to: what went wrong without an error, what an error said.
    private struct Finding {
        var wrong: String?
        var lost: String?
        var refused: String?
        var failure: String?
    }

    let budget: SiegeBudget
    let workload: Siege.Workload
    let check: Siege.Check
    let memory = KeptMemory()

    func run(_ kind: FaultKind, _ number: Int, indexLimit: Int, into verdict: borrowing Mutex<Verdict>) {
        for index in 0..<indexLimit {
            guard let finding = runOnce([kind.fault(at: index, seed: budget.seed)], index) else { return }
            let violation = violation(finding, kind.promise)
            verdict.withLock { verdict in
                verdict.faultRunCount += 1
                count(finding, index, &verdict.outcomes[number])
                guard let violation else { return }
                verdict.add(Verdict.Violation(key: "\(kind), call \(index), seed \(budget.seed)", message: violation))
            }
        }
        verdict.withLock { verdict in
            verdict.add(Verdict.Violation(key: "\(kind)", message: "still fires at call \(indexLimit)"))
        }
    }

    /// Returns what a run with `faults`, at call `index`, came to; nil if none fired.
    private func runOnce(_ faults: [SimulatedFault], _ index: Int) -> Finding? {
        let world = makeWorld()
        for fault in faults { world.storage.inject(fault) }
        var finding = Finding()
        do {
            try Siege.run(in: budget.world, seed: budget.seed, memory) { try workload(world) }
        } catch {
            finding.failure = "\(error)"
        }
        guard world.storage.firedFaultCount > 0 else { return nil }
        finding.wrong = world.firstWrong
        judge(world, index, &finding)
        return finding
    }

    private func count(_ finding: Finding, _ index: Int, _ outcomes: inout FaultOutcomes) {
        outcomes.runCount += 1
        if let wrong = finding.wrong {
            outcomes.wrongCount += 1
            outcomes.firstWrong = outcomes.firstWrong ?? "call \(index), \(wrong)"
        } else if finding.lost != nil {
            outcomes.lostCount += 1
        } else if finding.refused != nil || finding.failure != nil {
            outcomes.detectedCount += 1
        } else {
            outcomes.survivedCount += 1
        }
    }

    /// Returns what `promise` forbids of a finding.
    private func violation(_ finding: Finding, _ promise: FaultKind.Promise) -> String? {
        switch promise {
        case .nothing: nil
        case .detection: finding.wrong ?? finding.lost
        case .noLoss: finding.wrong ?? finding.lost ?? finding.refused
        case .noEffect: finding.wrong ?? finding.lost ?? finding.refused ?? finding.failure
        }
    }

    private func makeWorld() -> SiegeWorld {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = budget.latencyMicroseconds
        options.atomicWriteUnit = budget.atomicWriteUnit
        options.isRecording = false
        return SiegeWorld(SimulatedStorage(options: options))
    }

    /// Looks for what is wrong with what the workload left: as power cuts leave it, and as a kill does.
    private func judge(_ world: SiegeWorld, _ index: Int, _ finding: inout Finding) {
        let window = world.storage.markedCommits
        let seed = mix(budget.seed &+ UInt64(index))
        for cut in [PowerCut.none, .all, PowerCut(.seeded(seed)), PowerCut(.mixed(seed))] {
            let name = "kept \(cut)"
            let disk = world.storage.powerCut(cut)
            do {
                let found = try Siege.run(in: budget.checkingWorld, seed: budget.seed, memory) { try check(disk) }
                if found.contains(where: window.contains) { continue }
                let text = "\(name): the content after \(found) commits; allowed \(window)"
                if found.contains(where: { $0 < window.lowerBound }) {
                    finding.lost = finding.lost ?? text
                } else {
                    finding.wrong = finding.wrong ?? text
                }
            } catch {
                finding.refused = finding.refused ?? "\(name): \(error)"
            }
        }
    }

    /// The workload on a disk that ignores every sync, in the way of all faults: that must be noticed.
    ///
    /// - Throws: What the workload throws on an honest disk.
    func lyingDisk() throws -> Verdict.Canary {
        let honest = makeWorld()
        try Siege.run(in: budget.world, seed: budget.seed, memory) { try workload(honest) }
        let operations = [SimulatedFault.Operation.sync, .syncDirectory]
        let finding = runOnce(operations.map { SimulatedFault($0, isPermanent: true, effect: .lost) }, 0)
        let isCaught = finding.flatMap { violation($0, .noLoss) } != nil
        return Verdict.Canary(name: "a disk that ignores every sync", caughtAfter: isCaught ? 1 : nil)
    }
}
