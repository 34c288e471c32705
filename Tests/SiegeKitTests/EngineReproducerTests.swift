import RedoubtSiege
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Testing

/// Goal: a bug of the engine ends as ten lines that fail again, and as a page that says what was lost.
///
/// Method: a bug is planted, found under a workload, shrunk, printed, read and replayed; without the bug the same lines
/// fail no more.
@Suite(.timeLimit(.minutes(20))) struct EngineReproducerTests {
    #if REDOUBT_INTERLEAVING
    @Test func `a planted bug is shrunk to ten lines that fail again`() throws {
        let found = try EngineReproducer.shrink(workload: "creation", seed: 1, bug: "skipsLogSync")
        let reproducer = try #require(found)
        print("a planted bug in \(reproducer.lines.count) lines:\n\(reproducer)")
        #expect(reproducer.lines.count <= Reproducer.lineLimit)
        let read = try Reproducer(parsing: reproducer.description)
        #expect(read == reproducer)
        let replay = try EngineReproducer.replay(read)
        #expect(replay.finding == reproducer.finding && replay.finding != nil)
        let trace = try #require(replay.trace)
        let page = EngineReport.page(trace, reproducer: read, replay: ["siege replay bug.siege"])
        try KeptPages.keep(page.html, "engine")
        #expect(page.html.contains("a power cut loses"))
        #expect(EngineReport.lines(trace).contains { $0.contains("redo of LSN") })
        #expect(EngineReport.lines(trace).contains { $0.contains("page 0 LSN") })
        // Where no bug is planted the same lines are harmless, if the run is as long.
        var sound = read
        sound.program = "redoubt"
        #expect((try? EngineReproducer.replay(sound))?.finding == nil)
    }

    @Test func `a failed workload of the engine becomes a trace and a page`() throws {
        let name = "keyspaces"
        let found = try Scheduling.planting(.skipsLogSync) { try EngineReport.failure(of: name, seed: 1, key: nil) }
        let trace = try #require(found)
        let read = try TraceFile(decoding: trace.encoded())
        let page = EngineReport.page(read, replay: ["siege replay \(1):\(name)"])
        try KeptPages.keep(page.html, "workload")
        #expect(read.scene?.changes.contains { $0.lostCount > 0 } ?? false)
        #expect(page.html.contains("Lost in the power cut") && page.html.contains("redo of LSN"))
        #expect(EngineReport.lines(read) == EngineReport.lines(trace))
    }
    #endif

    @Test func `names that mean nothing are refused`() {
        #expect(throws: (any Error).self) { try EngineReproducer.shrink(workload: "none", seed: 1) }
        #expect(throws: (any Error).self) { try EngineReproducer.shrink(workload: "creation", seed: 1, bug: "none") }
        let other = Reproducer(program: "another program", operations: [], seed: 1)
        #expect(throws: (any Error).self) { try EngineReproducer.replay(other) }
        #expect(throws: (any Error).self) { try EngineReport.failure(of: "none", seed: 1, key: nil) }
    }
}
