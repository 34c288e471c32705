import Redoubt
import RedoubtSimulation
import RedoubtSystem

// The judgement of one disk: what a recovery finds, whether it is sound, and whether a second one finds the same.
extension CrashRun {
    /// Where the worlds of all judges take their memory from.
    static let memory = KeptMemory()

    /// One state in so many is recovered with all threads of the engine, as in production.
    private static var threadedShare: UInt64 { 100 }

    /// Recovers from `state`, twice, and returns the numbers of commits after which the content was what it found.
    func judge(_ state: CrashState) throws -> [Int] {
        let place = noted(state)
        defer { place?.end() }
        return try recover(state)
    }

    /// The same, in a world with all threads of the engine, or of one thread.
    func judge(_ state: CrashState, hasThreads: Bool) throws -> [Int] {
        let place = noted(state)
        defer { place?.end() }
        return try recover(state, hasThreads: hasThreads)
    }

    /// Notes that `state` is being judged, under the key by which it can be replayed.
    func noted(_ state: CrashState) -> UnderJudgement? {
        UnderJudgement.note(.disk, seed: seed, profile: profile, key: state.key)
    }

    /// Judges `state` without a note; with all threads of the engine, if that is nil, where its key says so.
    func recover(_ state: CrashState, hasThreads: Bool? = nil) throws -> [Int] {
        let hasThreads = hasThreads ?? (mix(state.key) % Self.threadedShare == 0)
        let outcome: Result<[Int], any Error>
        if hasThreads {
            // The schedule of a recovery follows from its state, so that a replay repeats it.
            outcome = SimulatedScheduler(seed: state.key, memory: Self.memory).run {
                Result { try judgeInside(state, hasThreads: true) }
            }
        } else {
            outcome = InlineScheduler(memory: Self.memory).run {
                Result { try judgeInside(state, hasThreads: false) }
            }
        }
        return try outcome.get()
    }

    private func judgeInside(_ state: CrashState, hasThreads: Bool) throws -> [Int] {
        var options = SimulatedStorage.Options.judging
        options.tracksDurability = true
        let image = state.storage.startImage
        let storage = SimulatedStorage(image, options: options)
        let database = try EngineClient.open(storage, doublewrite: doublewrite, hasThreads: hasThreads)
        let hash = try EngineClient.contentHash(of: database)
        let numbers = model.commitNumbers(with: hash)
        guard !numbers.isEmpty else {
            let expected = model.replayed(count: state.acknowledged, from: start)
            throw Finding(
                "no number of commits leaves this content; against that after \(state.acknowledged): "
                    + expected.differences(from: try EngineClient.content(of: database))
            )
        }
        try Self.requireSound(database, "recovery")
        // The power goes again before anything else is written.
        let again = storage.powerCut(PowerCut(.seeded(state.key)))
        try Self.end(database, hasThreads: hasThreads)
        // What one recovery left another one may have left: then what a recovery finds there is known.
        let left = again.image.hash
        // The hash of a disk is comparable only where it was kept from the beginning of the trace.
        if image.keepsHash, let known = recovered.hash(after: left) {
            if known != hash {
                try judgeAgain(again, hash, hasThreads: hasThreads)
                throw Finding("two disks that recoveries left have one hash, \(left), but not the same content")
            }
        } else {
            try judgeAgain(again, hash, hasThreads: hasThreads)
            if image.keepsHash { recovered.add(left, hash) }
        }
        return numbers
    }

    private func judgeAgain(_ storage: SimulatedStorage, _ first: UInt64, hasThreads: Bool) throws {
        let database = try EngineClient.open(storage, doublewrite: doublewrite, hasThreads: hasThreads)
        guard try EngineClient.contentHash(of: database) == first else {
            throw Finding("the second recovery found something else than the first")
        }
        try Self.requireSound(database, "the second recovery")
        try Self.end(database, hasThreads: hasThreads)
    }

    private static func requireSound(_ database: Database, _ place: String) throws {
        let findings = try database.check()
        guard !findings.isEmpty else { return }
        throw Finding("check after \(place): " + findings.prefix(3).map { "\($0)" }.joined(separator: "; "))
    }

    /// Ends the use of `database`: in order where there are threads to be joined, else as a kill does.
    private static func end(_ database: Database, hasThreads: Bool) throws {
        if hasThreads { try database.close() } else { database.forget() }
    }
}
