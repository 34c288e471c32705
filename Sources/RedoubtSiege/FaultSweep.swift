import Redoubt
import RedoubtSimulation
import RedoubtSystem

/// Runs a workload with a fault at one call of a kind after the other, until the fault does not fire any more.
///
/// The traces of all runs, and of the recoveries from what they leave, are judged by `FlushTrace`.
struct FaultSweep: Sendable {
    /// What was done.
    struct Counts: CustomStringConvertible {
        var runCount = 0
        var faultCount = 0
        /// The page writes that left a part of the page.
        var tornCount = 0
        var findings: [String] = []

        var description: String {
            "\(runCount) runs, \(faultCount) with the fault fired, \(tornCount) torn pages, \(findings.count) findings"
        }
    }

    /// What is left after the fault.
    struct World: ~Copyable {
        let client: EngineClient
        let storage: SimulatedStorage
        /// The commits acknowledged before the fault.
        let acknowledged: Int

        /// Opens the disk as a power cut leaves it, and returns what is wrong.
        borrowing func recover() -> String? {
            if let wrong = check(storage.powerCut(.none)) { return "power cut: \(wrong)" }
            // What the failed call has left may be there as well.
            if let wrong = check(storage.powerCut(.all)) { return "kill: \(wrong)" }
            return nil
        }

        /// Writes on once the fault is over, and returns what is wrong.
        borrowing func goOn() -> String? {
            storage.removeFaults()
            do throws(RedoubtError) {
                let hash = try EngineClient.contentHash(of: client.database)
                guard client.model.commitNumbers(with: hash).contains(where: { $0 >= acknowledged }) else {
                    return "the content is not that of the model"
                }
                let keyspace = try client.database.keyspace(named: "after", createIfMissing: true)
                for number in 0..<20 {
                    try keyspace.put(Array("row \(number)".utf8), [UInt8](repeating: 7, count: 3000))
                }
                try client.database.checkpoint()
                let findings = try client.database.check()
                return findings.isEmpty ? nil : "check: \(findings[0])"
            } catch {
                return "\(error)"
            }
        }

        private borrowing func check(_ disk: SimulatedStorage) -> String? {
            do throws(RedoubtError) {
                let database = try EngineClient.open(disk)
                let hash = try EngineClient.contentHash(of: database)
                let findings = try database.check()
                try database.close()
                if let first = findings.first { return "check: \(first)" }
                if let breach = FlushTrace(disk, doublewrite: .on).breaches.first { return "recovery: \(breach)" }
                let numbers = client.model.commitNumbers(with: hash)
                if numbers.contains(where: { $0 >= acknowledged }) { return nil }
                return "content after \(numbers) commits; \(acknowledged) were acknowledged"
            } catch {
                return "\(error)"
            }
        }
    }

    private let operation: SimulatedFault.Operation
    private let role: FileRole?
    private let errno: Int32
    private let operationCount = 90
    private let weights: Workload.Weights
    /// Much that grows, so that files are extended again and again.
    static let weights = {
        var weights = Workload.Weights()
        weights.putOffPage = 20
        weights.createKeyspace = 6
        return weights
    }()

    /// Only calls of files of `role`; nil for all files.
    init(
        _ operation: SimulatedFault.Operation,
        role: FileRole? = nil,
        errno: Int32,
        weights: Workload.Weights = FaultSweep.weights
    ) {
        self.weights = weights
        self.operation = operation
        self.role = role
        self.errno = errno
    }

    /// Runs until the fault does not fire, `limit` times at most; `judge` gets the world after the first error, or at
    /// the end if there was none, and returns what is wrong.
    func run(
        limit: Int = 100_000,
        _ judge: @escaping @Sendable (borrowing World, RedoubtError?) -> String?
    ) throws -> Counts {
        var counts = Counts()
        var index = 0
        while index < limit {
            let outcome = runOnce(index, judge)
            counts.runCount += 1
            if outcome.hasFired { counts.faultCount += 1 }
            counts.tornCount += outcome.tornCount
            if let wrong = outcome.wrong {
                counts.findings.append(wrong)
                throw CrashRun.Finding("\(operation) number \(index), errno \(errno): \(wrong)")
            }
            if !outcome.hasFired { break }
            index += 1
        }
        return counts
    }

    private struct Outcome: Sendable {
        var hasFired = false
        var wrong: String?
        var tornCount = 0
    }

    private func runOnce(
        _ index: Int,
        _ judge: @escaping @Sendable (borrowing World, RedoubtError?) -> String?
    ) -> Outcome {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = 50
        let storage = SimulatedStorage(options: options)
        return SimulatedScheduler(seed: Hunt.seed).run { () -> Outcome in
            do throws(RedoubtError) {
                var outcome = try runInside(storage, index, judge)
                let flushing = FlushTrace(storage, doublewrite: .on)
                outcome.wrong = outcome.wrong ?? flushing.breaches.first?.description
                outcome.tornCount = flushing.tornCount
                return outcome
            } catch {
                return Outcome(hasFired: true, wrong: "before the fault: \(error)")
            }
        }
    }

    private func runInside(
        _ storage: SimulatedStorage,
        _ index: Int,
        _ judge: (borrowing World, RedoubtError?) -> String?
    ) throws(RedoubtError) -> Outcome {
        var client = try EngineClient(storage, model: ReferenceModel(), durability: .flushed)
        try client.perform(.structure(.createKeyspace("first")))
        try client.perform(.structure(.createKeyspace("second")))
        storage.inject(SimulatedFault(operation, role: role, skipping: index, effect: .failure(errno: errno)))
        let firedBefore = storage.firedFaultCount
        var acknowledged = client.model.commitCount
        var failure: RedoubtError?
        var workload = Workload(seed: Hunt.seed, weights: weights)
        for _ in 0..<operationCount {
            do throws(RedoubtError) {
                try client.perform(workload.next(client.model))
                acknowledged = client.model.commitCount
            } catch {
                failure = error
                break
            }
        }
        let database = client.database
        let world = World(client: client, storage: storage, acknowledged: acknowledged)
        let wrong = judge(world, failure)
        let outcome = Outcome(hasFired: storage.firedFaultCount > firedBefore, wrong: wrong)
        storage.removeFaults()
        // A fenced database says so when it is closed.
        do throws(RedoubtError) { try database.close() } catch {}
        return outcome
    }
}
