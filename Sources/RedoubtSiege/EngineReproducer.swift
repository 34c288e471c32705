import Redoubt
import RedoubtSimulation
import RedoubtSystem
package import SiegeKit

/// Failures of the engine made small: a workload and a power cut in a few lines, tried again and again.
///
/// The engine runs without threads of its own, so that a try costs milliseconds. What only a schedule of threads shows
/// is not found this way.
package enum EngineReproducer {
    private static let program = "redoubt"
    private static let plantedWord = ", planted "

    /// Returns the engine as a shrinker and a replay try it.
    package static func subject(name: String = program) -> Subject {
        var budget = SiegeBudget()
        budget.world = .oneThread
        budget.checkingWorld = .oneThread
        budget.statesPerPoint = 6
        return Subject(name, budget) { operations, world in
            var client = try EngineClient(
                world.storage,
                model: ReferenceModel(),
                durability: .flushed,
                hasThreads: false
            )
            for operation in operations where client.model.fits(operation) { try client.perform(operation) }
            client.database.forget()
        } check: { operations, disk in
            var model = ReferenceModel()
            _ = model.performFitting(operations)
            return try check(disk, model)
        }
    }

    private static func check(_ disk: SimulatedStorage, _ model: ReferenceModel) throws -> [Int] {
        let database = try EngineClient.open(disk, hasThreads: false)
        let numbers = model.commitNumbers(with: try EngineClient.contentHash(of: database))
        guard !numbers.isEmpty else {
            let differences = model.differences(from: try EngineClient.content(of: database))
            throw CrashRun.Finding("no number of commits leaves this content; against all of them: \(differences)")
        }
        let findings = try database.check()
        guard findings.isEmpty else {
            throw CrashRun.Finding("check: " + findings.prefix(3).map { "\($0)" }.joined(separator: "; "))
        }
        database.forget()
        return numbers
    }

    /// Returns a small failure of workload `name`, its preparation included, or nil if none is found: the operations
    /// that `seed` draws, in a world of one thread, judged in up to `stateLimit` crash states a try.
    ///
    /// Waits: some minutes at most.
    ///
    /// - Parameters:
    ///   - bug: The name of a bug to plant; only in a build with `REDOUBT_INTERLEAVING`.
    ///   - tryLimit: The most runs.
    /// - Throws: ``CrashRun/Finding`` if there is no such workload or bug.
    package static func shrink(
        workload name: String,
        seed: UInt64,
        bug: String? = nil,
        tryLimit: Int = 400,
        stateLimit: Int = 300
    ) throws -> Reproducer? {
        guard let profile = CrashProfile.all.first(where: { $0.name == name }) else {
            throw CrashRun.Finding("there is no workload \"\(name)\"")
        }
        let subject = subject(name: program + (bug.map { plantedWord + $0 } ?? ""))
        let operations = operations(of: profile, seed: seed)
        return try planting(bug) {
            var shrinker = Shrinker(limit: tryLimit)
            return shrinker.reproducer(of: subject, operations, seed: seed, stateLimit: stateLimit)
        }
    }

    /// The operations that prepare `profile`, and its own.
    private static func operations(of profile: CrashProfile, seed: UInt64) -> [Workload.Operation] {
        var model = ReferenceModel()
        var operations: [Workload.Operation] = []
        func add(_ operation: Workload.Operation) {
            model.perform(operation)
            operations.append(operation)
        }
        if profile.preparationCount > 0 {
            add(.structure(.createKeyspace("first")))
            add(.structure(.createKeyspace("second")))
            var workload = Workload(seed: seed &* 31, weights: profile.preparation)
            for _ in 0..<profile.preparationCount { add(workload.next(model)) }
        }
        var workload = Workload(seed: seed, weights: profile.weights)
        for _ in 0..<profile.operationCount { add(workload.next(model)) }
        return operations
    }

    /// Does again what `reproducer` says, with the bug planted that it names.
    ///
    /// - Throws: ``ReproducerError`` if the run has no such crash; ``CrashRun/Finding`` if the program is not this one,
    ///   or this build cannot plant the bug.
    package static func replay(_ reproducer: Reproducer) throws -> Reproducer.Replay {
        let name = reproducer.program
        guard name == program || name.hasPrefix(program + plantedWord) else {
            throw CrashRun.Finding("the reproducer is of \"\(name)\", and this is \"\(program)\"")
        }
        let bug = name == program ? nil : String(name.dropFirst(program.count + plantedWord.count))
        return try planting(bug) { try reproducer.replay(with: subject(name: name)) }
    }

    /// The bugs that can be planted while a run is made shorter.
    package static let bugNames = PlantedBug.allCases.map { "\($0)" }

    private static func planting<Result>(_ name: String?, _ body: () throws -> Result) throws -> Result {
        guard let name else { return try body() }
        guard let bug = PlantedBug.allCases.first(where: { "\($0)" == name }) else {
            throw CrashRun.Finding("there is no bug \"\(name)\"")
        }
        #if REDOUBT_INTERLEAVING
        return try Scheduling.planting(bug, body)
        #else
        throw CrashRun.Finding("\(bug): \(PlantedBugs.buildHint)")
        #endif
    }
}
