import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: a power cut after any step leaves a database that opens, is sound, and has every acknowledged change.
/// Method: a short history with keyspaces, rows and large values; between steps the disk as a cut would leave it (only
/// what was synced) is opened, compared with the model, and cut again after that recovery.
@Suite struct CrashTests {
    private typealias Content = [String: [String: [UInt8]]]

    @Test(arguments: [1, 2])
    func everyStepSurvivesACut(_ seed: Int) throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        var model: Content = [:]
        var random = SeededRandom(seed: UInt64(seed))
        for step in 0..<90 {
            try change(engine, &model, &random, step)
            if step % 10 == 9 { try engine.flushing.checkpointNow() }
            if step % 3 == 0 { try judge(storage.powerCut(), model, "seed \(seed), step \(step)") }
        }
        try engine.close()
        #expect(FlushTrace(storage).breaches == [])
        try judge(storage.copy(), model, "seed \(seed), closed")
    }

    private func change(
        _ engine: Engine,
        _ model: inout Content,
        _ random: inout SeededRandom,
        _ step: Int
    ) throws {
        let names = model.keys.sorted()
        switch random.below(12) {
        case 0, 1:
            let name = "space \(step)"
            _ = try engine.createKeyspace(name)
            model[name] = [:]
        case 2 where names.count > 1:
            let name = names[random.below(names.count)]
            try engine.dropKeyspace(name)
            model[name] = nil
        case 3 where !names.isEmpty:
            let name = names[random.below(names.count)]
            try engine.renameKeyspace(name, to: "renamed \(step)")
            model["renamed \(step)"] = model.removeValue(forKey: name)
        case 4 where !names.isEmpty:
            let name = names[random.below(names.count)]
            if let key = model[name]?.keys.sorted().first {
                try engine.delete(name, key)
                model[name]?[key] = nil
            }
        default:
            guard !names.isEmpty else { return }
            let name = names[random.below(names.count)]
            let size = random.below(8) == 0 ? 40_000 + random.below(200_000) : random.below(6000)
            let value = [UInt8](repeating: UInt8(step & 255), count: size)
            let key = "key \(random.below(40))"
            try engine.put(name, key, value)
            model[name]?[key] = value
        }
    }

    private func judge(_ storage: SimulatedStorage, _ model: Content, _ place: String) throws {
        let engine = try EngineFixture.open(storage)
        #expect(try engine.content() == model, "\(place)")
        let findings = try engine.check()
        #expect(findings == [], "\(place)")
        // A cut right after recovery.
        let again = try EngineFixture.open(storage.powerCut())
        #expect(try again.content() == model, "\(place), again")
        try again.close()
        try engine.close()
    }
}
