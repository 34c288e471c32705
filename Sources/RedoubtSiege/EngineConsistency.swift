import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
package import SiegeKit

/// Lets recovery compare every page that it replays with what the page was when the change was made.
///
/// Goal: redo says all of every change, also where the rows of a recovered database would not tell. Method: each
/// workload is run on a database whose redo holds an image of every changed page, and killed; its recovery compares,
/// byte for byte, after each mini-transaction.
package enum EngineConsistency {
    /// What it came to.
    package struct Figures: Sendable {
        /// Workloads run, killed and recovered.
        package var runCount = 0
        /// Operations of them.
        package var operationCount = 0
        /// Redo that was replayed and compared, in bytes, images included.
        package var redoByteCount: UInt64 = 0
        /// What differed, with the workload and the seed.
        package var violations: [String] = []
        /// Planted bugs, in which the comparison must find a difference; none in a build that cannot plant any.
        package var canaries: [Verdict.Canary] = []
    }

    /// Runs every workload with each of `seeds`, and then looks for bugs that leave changes out of the redo.
    ///
    /// Waits: seconds for a few seeds.
    package static func run(_ seeds: Range<UInt64>) -> Figures {
        var figures = Figures()
        for seed in seeds {
            for profile in CrashProfile.all {
                figures.runCount += 1
                do {
                    let run = try UnderJudgement.noting(.consistency, seed: seed) {
                        try compare(profile, seed: seed)
                    }
                    figures.operationCount += run.operationCount
                    figures.redoByteCount += run.redoByteCount
                } catch {
                    figures.violations.append("\(profile.name), seed \(seed): \(error)")
                }
            }
        }
        #if REDOUBT_INTERLEAVING
        for bug in [PlantedBug.linksUnlogged, .mergesUnlogged, .freesUnlogged] {
            let place = Scheduling.planting(bug) {
                CrashProfile.all.firstIndex { findsDifference($0, seed: seeds.lowerBound) }
            }
            figures.canaries.append(
                Verdict.Canary(name: "\(bug), in consistency mode", caughtAfter: place.map { $0 + 1 })
            )
        }
        #endif
        return figures
    }

    #if REDOUBT_INTERLEAVING
    /// Whether the comparison of pages finds a difference: what else may go wrong does not prove that it compares.
    private static func findsDifference(_ profile: CrashProfile, seed: UInt64) -> Bool {
        do {
            _ = try compare(profile, seed: seed)
            return false
        } catch {
            let error = error as? RedoubtError
            return error?.code == .corruptPage && error?.message.contains("after replay, but was") == true
        }
    }
    #endif

    /// Runs `profile` without checkpoints, kills it and recovers.
    private static func compare(
        _ profile: CrashProfile,
        seed: UInt64
    ) throws -> (operationCount: Int, redoByteCount: UInt64) {
        let outcome: Result<(operationCount: Int, redoByteCount: UInt64), any Error> =
            InlineScheduler(memory: CrashRun.memory).run {
                Result {
                    var client = try EngineClient(
                        SimulatedStorage(options: .judging),
                        model: ReferenceModel(),
                        durability: .written,
                        hasThreads: false,
                        comparesPages: true
                    )
                    let start = try client.database.statistics().currentLSN.rawValue
                    let operationCount = try work(&client, profile, seed: seed)
                    let end = try client.database.statistics().currentLSN.rawValue
                    // A kill leaves what was written, as nothing else is under way.
                    let left = SimulatedStorage(client.storage.image, options: .judging)
                    client.database.forget()
                    let database = try EngineClient.open(left, hasThreads: false, comparesPages: true)
                    defer { database.forget() }
                    let found = try EngineClient.contentHash(of: database)
                    guard client.model.commitNumbers(with: found).contains(client.model.commitCount) else {
                        throw CrashRun.Finding("the content is not that of the last commit")
                    }
                    return (operationCount, end - start)
                }
            }
        return try outcome.get()
    }

    /// Does what a recording does, but for checkpoints: all of it shall be replayed.
    private static func work(
        _ client: inout EngineClient,
        _ profile: CrashProfile,
        seed: UInt64
    ) throws(RedoubtError) -> Int {
        var count = 0
        try client.perform(.structure(.createKeyspace("first")))
        try client.perform(.structure(.createKeyspace("second")))
        let phases = [(profile.preparation, profile.preparationCount), (profile.weights, profile.operationCount)]
        for (number, (weights, operationCount)) in phases.enumerated() {
            var workload = Workload(seed: seed &* 31 &+ UInt64(number), weights: weights)
            for _ in 0..<operationCount {
                let operation = workload.next(client.model)
                if case .checkpoint = operation { continue }
                // A keyspace that it would make may be there from the phase before.
                guard client.model.fits(operation) else { continue }
                try client.perform(operation)
                count += 1
            }
        }
        return count
    }
}
