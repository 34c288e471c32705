import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtSiege

/// Goal: what a recovery without threads finds is what one with all threads finds, so that most states can be judged
/// by the cheaper one. Method: a sample of the states of a workload is judged both ways.
@Suite(.serialized, .timeLimit(.minutes(20))) struct InlineRecoveryTests {
    @Test func `recoveries with and without threads find the same`() throws {
        let profile = CrashProfile("inline", share: 0, preparationCount: 60, operationCount: 40)
        let run = try CrashRun(profile, seed: CrashBudget.seed)
        let explorer = run.explorer(statesPerPoint: CrashBudget.statesPerPoint)
        let step = UInt64(explorer.stateCount / 150 + 1)
        let compared = Atomic(0)
        let report = explorer.judge { state in
            guard mix(state.key) % step == 0 else { return Array(0...run.model.commitCount) }
            let inline = try run.judge(state, hasThreads: false)
            let threaded = try run.judge(state, hasThreads: true)
            guard inline == threaded else {
                throw CrashRun.Finding("without threads the content after \(inline) commits, with them \(threaded)")
            }
            compared.wrappingAdd(1, ordering: .relaxed)
            return inline
        }
        print("inline recovery: \(report)")
        #expect(report.failures.map(\.description) == [])
        #expect(compared.load(ordering: .relaxed) > 100)
    }

    @Test func `what is forgotten writes nothing, and gives all memory back`() throws {
        let memory = KeptMemory()
        let storage = SimulatedStorage()
        try InlineScheduler(memory: memory).run {
            Result {
                let database = try EngineClient.open(storage, hasThreads: false)
                let keyspace = try database.createKeyspace("rows")
                for number in 0..<200 {
                    try keyspace.put(Array("row \(number)".utf8), [1, 2, 3], durability: .deferred)
                }
                let count = storage.trace.count
                database.forget()
                #expect(storage.trace.count == count)
                #expect(throws: RedoubtError.self) { try keyspace.get("row 1") }
            }
        }.get()
        #expect(memory.usedCount == 0 && memory.byteCount > 4 << 20)
        // The folder is free, and what was durable is there.
        try InlineScheduler(memory: memory).run {
            Result {
                let database = try EngineClient.open(storage.copy(), hasThreads: false)
                #expect(try database.keyspaceNames() == ["rows"])
                database.forget()
            }
        }.get()
        #expect(memory.usedCount == 0)
    }
}
