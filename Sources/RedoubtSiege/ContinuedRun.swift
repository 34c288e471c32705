import Redoubt
import RedoubtSimulation
import RedoubtSystem

/// The judgement of a disk by what comes after its recovery: a checkpoint, a power cut, work, a power cut.
struct ContinuedRun: Sendable {
    private let run: CrashRun

    init(_ run: CrashRun) {
        self.run = run
    }

    /// Recovers from `state`, goes on, and recovers from what each power cut leaves of that, which must be all that was
    /// acknowledged; returns the numbers of commits that the first recovery found.
    func judge(_ state: CrashState) throws -> [Int] {
        let place = run.noted(state)
        defer { place?.end() }
        let image = state.storage.image
        let numbers = run.model.commitNumbers(with: try content(of: image, state.key))
        guard let number = numbers.first else { throw CrashRun.Finding("no number of commits leaves this content") }
        let found = ReferenceModel(run.model.replayed(count: number, from: run.start).keyspaces)
        let run = run
        let outcome = SimulatedScheduler(seed: state.key).run { () -> Result<[Step], RedoubtError> in
            do throws(RedoubtError) {
                return .success(try Self.goOn(run, image, found, seed: state.key))
            } catch {
                return .failure(error)
            }
        }
        for (place, step) in try outcome.get().enumerated() {
            guard try content(of: step.image, state.key) == step.hash else {
                throw CrashRun.Finding("the recovered database went on, and lost that at power cut \(place)")
            }
        }
        return numbers
    }

    /// What a power cut left, and what it must hold.
    private struct Step: Sendable {
        let image: DiskImage
        let hash: UInt64
    }

    private static func goOn(
        _ run: CrashRun,
        _ image: DiskImage,
        _ found: ReferenceModel,
        seed: UInt64
    ) throws(RedoubtError) -> [Step] {
        var options = SimulatedStorage.Options.judging
        options.tracksDurability = true
        let storage = SimulatedStorage(image, options: options)
        var client = try EngineClient(storage, model: found, durability: .flushed, doublewrite: run.doublewrite)
        var steps: [Step] = []
        func cut(_ model: ReferenceModel) {
            steps.append(Step(image: storage.powerCut(.none).image, hash: model.hashes[model.commitCount]))
        }
        try client.perform(.checkpoint)
        cut(client.model)
        var workload = Workload(seed: seed, weights: run.profile.weights)
        for _ in 0..<5 {
            let operation = workload.next(client.model)
            // A keyspace that it would make may be there from before the crash.
            if client.model.fits(operation) { try client.perform(operation) }
        }
        cut(client.model)
        try client.database.close()
        return steps
    }

    /// Returns the hash of what a recovery finds, whose structure must be sound.
    private func content(of image: DiskImage, _ seed: UInt64) throws -> UInt64 {
        let doublewrite = run.doublewrite
        let outcome = SimulatedScheduler(seed: seed).run { () -> Result<UInt64, any Error> in
            Result {
                let storage = SimulatedStorage(image, options: .judging)
                let database = try EngineClient.open(storage, doublewrite: doublewrite)
                let hash = try EngineClient.contentHash(of: database)
                if let finding = try database.check().first { throw CrashRun.Finding("check: \(finding)") }
                try database.close()
                return hash
            }
        }
        return try outcome.get()
    }
}
