import RedoubtCore
public import RedoubtSimulation
import RedoubtSystem
import Synchronization

/// A kind of fault that is injected at one call of a workload after the other.
public struct FaultKind: Sendable, Hashable, CustomStringConvertible {
    /// The calls that it is about.
    public var operation: SimulatedFault.Operation
    /// What happens to them.
    public var effect: SimulatedFault.Effect
    /// Whether it happens to every later call as well.
    public var isPermanent: Bool

    /// Creates a kind of fault.
    public init(_ operation: SimulatedFault.Operation, _ effect: SimulatedFault.Effect, isPermanent: Bool = false) {
        self.operation = operation
        self.effect = effect
        self.isPermanent = isPermanent
    }

    /// The kind in a few words.
    public var description: String { "\(effect) of \(operation)\(isPermanent ? " for ever" : "")" }

    /// Errors of every call, and no space for what grows or writes; once and for ever.
    public static let all: [FaultKind] = {
        var kinds: [FaultKind] = []
        for isPermanent in [false, true] {
            for operation in SimulatedFault.Operation.allCases {
                let error = SimulatedFault.Effect.failure(errno: SimulatedFault.inputOutputError)
                kinds.append(FaultKind(operation, error, isPermanent: isPermanent))
            }
            for operation in [SimulatedFault.Operation.write, .extend, .create] {
                let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
                kinds.append(FaultKind(operation, full, isPermanent: isPermanent))
            }
        }
        return kinds
    }()
}

extension Siege {
    /// Runs `workload` again and again, each time with a fault one call later, until it does not fire any more, for
    /// each of `kinds`.
    ///
    /// Judges what power cuts after the workload leave: it may fail, but nothing that it acknowledged may be lost.
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
        let canary = try sweep.losingDisk()
        let verdict = Mutex(Verdict())
        let next = Mutex(0)
        var threads: [EngineThread] = []
        let work = { @Sendable in
            while let number = next.withLock({ next in
                defer { next += 1 }
                return next < kinds.count ? next : nil
            }) {
                sweep.run(kinds[number], indexLimit: indexLimit, into: verdict)
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
    let budget: SiegeBudget
    let workload: Siege.Workload
    let check: Siege.Check
    let memory = KeptMemory()

    func run(_ kind: FaultKind, indexLimit: Int, into verdict: borrowing Mutex<Verdict>) {
        for index in 0..<indexLimit {
            let fault = SimulatedFault(
                kind.operation,
                skipping: index,
                isPermanent: kind.isPermanent,
                effect: kind.effect
            )
            let world = makeWorld()
            world.storage.inject(fault)
            _ = try? Siege.run(in: budget.world, seed: budget.seed, memory) { try workload(world) }
            let hasFired = world.storage.firedFaultCount > 0
            let wrong = hasFired ? judge(world, index) : nil
            if !hasFired { return }
            verdict.withLock { verdict in
                verdict.faultRunCount += 1
                guard let wrong else { return }
                verdict.add(Verdict.Violation(key: "\(kind), call \(index), seed \(budget.seed)", message: wrong))
            }
        }
        verdict.withLock { verdict in
            verdict.add(Verdict.Violation(key: "\(kind)", message: "still fires at call \(indexLimit)"))
        }
    }

    private func makeWorld() -> SiegeWorld {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = budget.latencyMicroseconds
        options.isRecording = false
        return SiegeWorld(SimulatedStorage(options: options))
    }

    /// Returns what is wrong with what the workload left: as power cuts leave it, and as a kill does.
    private func judge(_ world: SiegeWorld, _ index: Int) -> String? {
        let window = world.storage.markedCommits
        let seed = mix(budget.seed &+ UInt64(index))
        for cut in [PowerCut.none, .all, PowerCut(.seeded(seed)), PowerCut(.mixed(seed))] {
            let name = "kept \(cut)"
            let disk = world.storage.powerCut(cut)
            do {
                let found = try Siege.run(in: budget.checkingWorld, seed: budget.seed, memory) { try check(disk) }
                if !found.contains(where: window.contains) {
                    return "\(name): the content after \(found) commits; allowed \(window)"
                }
            } catch {
                return "\(name): \(error)"
            }
        }
        return nil
    }

    /// The workload without a fault, and a disk that is empty afterwards: that must be noticed.
    func losingDisk() throws -> Verdict.Canary {
        let world = makeWorld()
        try Siege.run(in: budget.world, seed: budget.seed, memory) { try workload(world) }
        let window = world.storage.markedCommits
        let found = try? Siege.run(in: budget.checkingWorld, seed: budget.seed, memory) {
            try check(SimulatedStorage())
        }
        let isCaught = window.lowerBound > 0 && !(found ?? []).contains(where: window.contains)
        return Verdict.Canary(name: "a disk that lost everything", caughtAfter: isCaught ? 1 : nil)
    }
}
