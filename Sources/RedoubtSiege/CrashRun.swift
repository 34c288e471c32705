import Redoubt
import RedoubtSimulation
import RedoubtSystem

/// A workload that was run and recorded, and the judgement of the disks that it could leave.
struct CrashRun: Sendable {
    let profile: CrashProfile
    /// What all of it follows from.
    let seed: UInt64
    /// How torn pages are put right.
    let doublewrite: Configuration.Doublewrite
    /// The disk that it was recorded on, but for its latency.
    let disk: SimulatedStorage.Options
    /// The storage that recorded it.
    let storage: SimulatedStorage
    /// The model before the recording: number 0 of the commits.
    let start: ReferenceModel
    /// The model at its end.
    let model: ReferenceModel
    /// The redo positions at the beginning and at the end of the recording.
    let redo: Range<UInt64>
    /// The hash of the schedule.
    let scheduleHash: UInt64
    /// What the trace says about flushing: every run that is recorded is judged by it.
    let flushing: FlushTrace

    /// What recoveries from disks that recoveries left have found.
    let recovered = RecoveredDisks()

    /// What happens before each operation, by its number.
    typealias Interlude = @Sendable (borrowing EngineClient, Int) throws(RedoubtError) -> Void

    /// A wrong answer of the engine.
    struct Finding: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// Runs `profile` in a simulated world; all of it follows from `seed`.
    ///
    /// The disk has `options`, but for its latency, and `faults`, counted from when recording begins. With
    /// `judgesFlushing` false what the trace says about flushing is up to the caller.
    init(
        _ profile: CrashProfile,
        seed: UInt64,
        doublewrite: Configuration.Doublewrite = .on,
        options: SimulatedStorage.Options = SimulatedStorage.Options(),
        faults: [SimulatedFault] = [],
        judgesFlushing: Bool = true,
        before interlude: @escaping Interlude = { (_, _) throws(RedoubtError) in }
    ) throws {
        self.profile = profile
        self.seed = seed
        self.doublewrite = doublewrite
        disk = options
        let image = try Self.prepared(profile, seed: seed)
        var options = options
        options.latencyMicroseconds = 50
        let storage = SimulatedStorage(image.image, options: options)
        for fault in faults { storage.inject(fault) }
        start = image.model
        let scheduler = SimulatedScheduler(seed: seed)
        let outcome = UnderJudgement.noting(.recording, seed: seed, profile: profile) {
            scheduler.run { () -> Result<Recorded, RedoubtError> in
                Self.record(profile, doublewrite, storage, image.model, interlude, seed: seed)
            }
        }
        let recorded = try outcome.get()
        self.storage = recorded.storage
        model = recorded.model
        redo = recorded.redo
        scheduleHash = scheduler.traceHash
        flushing = FlushTrace(recorded.storage, doublewrite: doublewrite)
        if judgesFlushing, let breach = flushing.breaches.first { throw Finding(breach.description) }
    }

    /// Records what power cuts of `seed` are judged on: by it follow the workload, the copies of pages and the disk, so
    /// that a failure is found again by profile and seed.
    ///
    /// What the trace says about flushing is up to the caller, so that the disks are judged all the same.
    init(cutting profile: CrashProfile, seed: UInt64) throws {
        try self.init(
            profile,
            seed: seed,
            doublewrite: CrashProfile.doublewrite(seed: seed),
            options: CrashProfile.disk(seed: seed),
            judgesFlushing: false
        )
    }

    private struct Prepared: Sendable {
        let image: DiskImage
        let model: ReferenceModel
    }

    private struct Recorded: Sendable {
        let storage: SimulatedStorage
        let model: ReferenceModel
        let redo: Range<UInt64>
    }

    private static func prepared(_ profile: CrashProfile, seed: UInt64) throws -> Prepared {
        if profile.preparationCount == 0 { return Prepared(image: DiskImage(), model: ReferenceModel()) }
        let storage = SimulatedStorage(options: .judging)
        let outcome = SimulatedScheduler(seed: seed).run { () -> Result<ReferenceModel, RedoubtError> in
            do throws(RedoubtError) {
                var client = try EngineClient(storage, model: ReferenceModel(), durability: .written)
                try client.perform(.structure(.createKeyspace("first")))
                try client.perform(.structure(.createKeyspace("second")))
                var workload = Workload(seed: seed &* 31, weights: profile.preparation)
                for _ in 0..<profile.preparationCount { try client.perform(workload.next(client.model)) }
                try client.database.close()
                return .success(client.model)
            } catch {
                return .failure(error)
            }
        }
        return Prepared(image: storage.image, model: ReferenceModel(try outcome.get().keyspaces))
    }

    private static func record(
        _ profile: CrashProfile,
        _ doublewrite: Configuration.Doublewrite,
        _ storage: SimulatedStorage,
        _ start: ReferenceModel,
        _ interlude: Interlude,
        seed: UInt64
    ) -> Result<Recorded, RedoubtError> {
        do throws(RedoubtError) {
            var client = try EngineClient(
                storage,
                model: start,
                durability: profile.durability,
                doublewrite: doublewrite
            )
            let redoStart = try client.database.statistics().currentLSN.rawValue
            var workload = Workload(seed: seed, weights: profile.weights)
            for number in 0..<profile.operationCount {
                if profile.isKilled && number == profile.operationCount / 2 {
                    client = try client.killed(doublewrite)
                }
                try interlude(client, number)
                let operation = workload.next(client.model)
                do throws(RedoubtError) {
                    try client.perform(operation)
                } catch {
                    // With faults a checkpoint may find no space; it changes nothing.
                    guard case .checkpoint = operation, error.code == .diskFull else { throw error }
                }
            }
            let database = client.database
            let redoEnd = try database.statistics().currentLSN.rawValue
            if profile.isClosing {
                try database.close()
            } else {
                // What the close does is not part of the run.
                client.storage.stopRecording()
                client.storage.removeFaults()
                try database.close()
            }
            return .success(Recorded(storage: client.storage, model: client.model, redo: redoStart..<redoEnd))
        } catch {
            return .failure(error)
        }
    }

    /// Lists the states of the run, at most `statesPerPoint` new ones after each event; with `prefersMixtures` few but
    /// the mixtures, of which there are some by default where a tear can mix the sectors of several writes.
    func explorer(
        statesPerPoint: Int? = EngineBudget().statesPerPoint,
        mixtureCount: Int? = nil,
        prefersMixtures: Bool = false
    ) -> CrashExplorer {
        var options = CrashExplorer.Options()
        options.mixtureCount = mixtureCount ?? (doublewrite == .changedSectors ? 10 : 0)
        if prefersMixtures {
            options.seededSubsetCount = 0
            options.tearLimit = 1
        }
        options.seed = seed
        options.statesPerPoint = statesPerPoint
        return CrashExplorer(storage, options: options)
    }
}
