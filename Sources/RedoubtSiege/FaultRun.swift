import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem

/// A small workload of the engine for faults: writing, reading back, a kill and a reopening in its middle.
struct FaultRun: Sendable {
    let seed: UInt64
    let hasThreads: Bool
    /// Whether it writes its pages last and does not sync them: power cuts tear them then, and copies are needed.
    var tearsPages = false

    /// The operations before the reopening and behind it.
    private static let operationCounts = [14, 8]

    /// Returns what the workload without a fault commits.
    func model() throws -> ReferenceModel {
        let run = FaultRun(seed: seed, hasThreads: false)
        let outcome = InlineScheduler().run { Result { try run.write(SimulatedStorage()) { preconditionFailure($0) } } }
        return try outcome.get()
    }

    /// Does the workload as far as it gets, and returns the model of it; says where a read returned the wrong thing.
    func write(_ storage: SimulatedStorage, wrong: (String) -> Void) throws -> ReferenceModel {
        var model = ReferenceModel()
        var weights = Workload.Weights()
        weights.checkpoint = 6
        weights.putOffPage = 8
        var workload = Workload(seed: seed, weights: weights)
        workload.keyCount = 40
        var random = SeededRandom(seed: seed ^ 0x4EAD)
        var isWhole = true
        for count in Self.operationCounts where isWhole {
            let database = try EngineClient.open(storage, hasThreads: hasThreads)
            do {
                let found = model.commitNumbers(with: try EngineClient.contentHash(of: database))
                if found.isEmpty { wrong("content that never was, after a reopening") }
                // If the end is lost, what is left will show it.
                isWhole = found.contains(model.commitCount)
                for _ in 0..<(isWhole ? count : 0) {
                    try perform(workload.next(model), database, &model, storage)
                    if let text = try read(database, model, &random) { wrong(text) }
                }
                if tearsPages { try database.engine.write(database.engine.dirtyFrames) }
            } catch {
                do { try leave(database) } catch {}
                throw error
            }
            try leave(database)
        }
        return model
    }

    /// Opens what is left, and returns the numbers of commits after which the content was that.
    func recover(_ disk: SimulatedStorage, _ model: ReferenceModel) throws -> [Int] {
        let database = try EngineClient.open(disk, hasThreads: false)
        defer { database.forget() }
        let hash = try EngineClient.contentHash(of: database)
        if let finding = try database.check().first { throw RedoubtError(.corruptPage, "check: \(finding)") }
        return model.commitNumbers(with: hash)
    }

    private func leave(_ database: Database) throws {
        if hasThreads { try database.close() } else { database.forget() }
    }

    private func perform(
        _ operation: Workload.Operation,
        _ database: Database,
        _ model: inout ReferenceModel,
        _ storage: SimulatedStorage
    ) throws {
        switch operation {
        case .checkpoint: return try database.checkpoint()
        case .write(let changes): model.commit(changes)
        case .structure(let change): model.commit([change])
        case .deleteRange(let name, let from, let to):
            for key in model.keys(in: name) where !key.lexicographicallyPrecedes(from) {
                if key.lexicographicallyPrecedes(to) { model.commit([.delete(keyspace: name, key: key)]) }
            }
        }
        storage.mark(.issued(model.commitCount))
        switch operation {
        case .checkpoint: break
        case .write(let changes): try write(changes, database)
        case .structure(.createKeyspace(let name)): _ = try database.createKeyspace(name)
        case .structure(.dropKeyspace(let name)): try database.dropKeyspace(name)
        case .structure(.renameKeyspace(let name, let newName)): try database.renameKeyspace(name, to: newName)
        case .structure: break
        case .deleteRange(let name, let from, let to):
            _ = try database.keyspace(named: name).deleteRange(KeyRange(from: from, to: to), durability: .flushed)
        }
        storage.mark(.acknowledged(model.commitCount))
    }

    private func write(_ changes: [ReferenceModel.Change], _ database: Database) throws {
        var batch = WriteBatch()
        for change in changes {
            switch change {
            case .put(let name, let key, let value): try batch.put(key, value, in: database.keyspace(named: name))
            case .delete(let name, let key): try batch.delete(key, in: database.keyspace(named: name))
            case .createKeyspace, .dropKeyspace, .renameKeyspace: break
            }
        }
        try database.write(batch, durability: .flushed)
    }

    /// Reads a row that should be there, and returns what is wrong with it.
    private func read(
        _ database: Database,
        _ model: ReferenceModel,
        _ random: inout SeededRandom
    ) throws -> String? {
        guard let name = model.keyspaceNames.last else { return nil }
        let keys = model.keys(in: name)
        guard !keys.isEmpty else { return nil }
        let key = keys[random.below(keys.count)]
        let found = try database.keyspace(named: name).get(key)
        if found == model.keyspaces[name]?[key] { return nil }
        return "a row of \(name) is \(found == nil ? "missing" : "another")"
    }
}
