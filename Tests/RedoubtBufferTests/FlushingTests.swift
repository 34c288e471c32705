import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: what is acknowledged as written is in the files, and no checkpoint passes a change that is not.
///
/// Method: flushes and checkpoints by call and by thread, with writers beside them; failing writes and syncs.
@Suite struct FlushingTests {
    @Test("Flushing everything puts the pages into the files, and the checkpoint at the end of the log")
    func flushAll() throws {
        for doublewrite in [Configuration.Doublewrite.on, .off] {
            var configuration = PoolFixture.small
            configuration.flushing.doublewrite = doublewrite
            let fixture = try PoolFixture(configuration)
            defer { fixture.close() }
            for number: UInt32 in 0..<64 { try fixture.change(page(number), to: number + 7) }
            #expect(try fixture.fileValue(page(9)) != 16)
            try fixture.flushing.checkpointNow()
            for number: UInt32 in 0..<64 { #expect(try fixture.fileValue(page(number)) == number + 7) }
            #expect(fixture.pool.dirtyCount == 0 && fixture.flushing.writer.inFlightMinimum == nil)
            #expect(fixture.log.currentLSN.rawValue - fixture.log.checkpointLSN.rawValue <= 512)
            // Also after a power cut: the checkpoint was written behind a sync.
            let file = try fixture.storage.powerCut().open("db/7.ibd", role: .data, creating: false, readOnly: true)
            for number: UInt32 in 0..<64 { #expect(try fixture.fileValue(page(number), in: file) == number + 7) }
        }
    }

    @Test("A page is written only when the redo of its changes is durable")
    func redoFirst() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let range = try #require(try fixture.change(page(1), to: 5))
        try fixture.flushing.flush(below: fixture.log.currentLSN, count: 10)
        #expect(fixture.log.flushedLSN >= range.end)
        #expect(try fixture.fileValue(page(1)) == 5)
    }

    @Test("The bound stays at or below every dirty page, latched or not")
    func bound() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let first = try #require(try fixture.change(page(1), to: 1))
        for number: UInt32 in 2..<30 { try fixture.change(page(number), to: 1) }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        #expect(fixture.flushing.checkpointBound() <= first.start)
        let frame = try fixture.pool.fetchExclusive(page(1))
        let outcome = try fixture.flushing.flush(below: fixture.log.currentLSN, count: 100)
        #expect(outcome.written == 28 && outcome.skipped == 1)
        #expect(fixture.flushing.checkpointBound() <= first.start)
        frame.unlockExclusive()
        try fixture.flushing.flushAll()
        #expect(fixture.log.currentLSN.rawValue - fixture.flushing.checkpointBound().rawValue <= 512)
    }

    @Test("Pages are written for redo capacity only when a checkpoint does not set it free")
    func noFlushForCapacityThatIsFree() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let (flushing, log) = (fixture.flushing, fixture.log)
        let checkpointer = Checkpointer(flushing)
        for number: UInt32 in 0..<20 { try fixture.change(page(number), to: 1) }
        try log.waitUntilFlushed(log.currentLSN)
        try flushing.checkpoint()
        log.wantCapacity()
        try checkpointer.write()
        #expect(flushing.urgentLSN > log.checkpointLSN.rawValue, "the oldest changes are in the way")
        flushing.endRequests(below: .max)

        while log.currentLSN.rawValue - log.checkpointLSN.rawValue < UInt64(log.limits.freeCheckCapacity) / 16 {
            for number: UInt32 in 0..<20 { try fixture.change(page(number), to: 2) }
        }
        try flushing.flushAll()
        log.wantCapacity()
        try checkpointer.write()
        #expect(log.currentLSN.rawValue - log.checkpointLSN.rawValue <= 512)
        #expect(flushing.urgentLSN == 0, "the checkpoint has set free what was wanted")
        // Pages are dirty again, and the checkpoint does not move; but nobody wants anything.
        for number: UInt32 in 0..<20 { try fixture.change(page(number), to: 3) }
        flushing.askForCheckpoint()
        try checkpointer.write()
        #expect(flushing.urgentLSN == 0, "who asked before was served, and the page cleaner wants no capacity")
    }

    @Test(
        "A failed write or sync of any file fences: no page is lost, no checkpoint passes",
        arguments: [
            (SimulatedFault.Operation.write, FileRole.data), (.sync, .data), (.write, .doublewrite),
            (.sync, .doublewrite),
        ]
    )
    func fence(_ operation: SimulatedFault.Operation, _ role: FileRole) throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let range = try #require(try fixture.change(page(1), to: 5))
        fixture.storage.inject(SimulatedFault(operation, role: role))
        #expect {
            try fixture.flushing.checkpointNow()
        } throws: {
            ($0 as? RedoubtError)?.code == .fenced
        }
        #expect(fixture.kernel.health.isFenced)
        // A sync that fails at a checkpoint leaves the pages written; the checkpoint stays where it is.
        if operation == .write || role == .doublewrite { #expect(fixture.flushing.checkpointBound() <= range.start) }
        #expect(throws: RedoubtError.self) { try fixture.flushing.checkpoint() }
        #expect(fixture.log.checkpointLSN <= range.start)
        #expect(try fixture.value(page(1)) == 5)
        #expect {
            try fixture.change(page(1), to: 6)
        } throws: {
            ($0 as? RedoubtError)?.code == .fenced
        }
    }

    @Test("Threads that change more pages than fit, in a small redo log, keep going and lose nothing")
    func threads() throws {
        var configuration = PoolFixture.small
        configuration.redoLog.capacity = .mebibytes(2)
        configuration.redoLog.checkpointIntervalMilliseconds = 50
        let fixture = try PoolFixture(configuration, pageCount: 600)
        try fixture.flushing.start()
        let stop = Atomic<Bool>(false)
        let tooHigh = Atomic<Int>(0)
        try onThreads(4, within: 100) { thread in
            if thread == 3 {
                // The bound never passes a page that was dirty before it was computed and is dirty still.
                while !stop.load(ordering: .acquiring) {
                    let frame = fixture.pool.frame(UInt32(fixture.pool.updateClock()) % fixture.pool.frameCount)
                    frame.lockShared()
                    let oldest = frame.oldestModification
                    let bound = fixture.flushing.checkpointBound()
                    // A write that was under way may have made the page clean meanwhile.
                    if oldest != .zero && bound > oldest && frame.oldestModification == oldest {
                        tooHigh.wrappingAdd(1, ordering: .relaxed)
                    }
                    frame.unlockShared()
                    Scheduling.sleep(microseconds: 200)
                }
                return
            }
            var random = SeededRandom(seed: UInt64(thread))
            for round in 1...2000 {
                var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 2048, pins: 2)
                // Each thread has pages of its own, so that the last value is known.
                let frame = try transaction.latchExclusive(page(UInt32(200 * thread + random.below(200))))
                for offset in 0..<40 { PoolFixture.write(UInt32(round), at: 100 + 4 * offset, frame, &transaction) }
                transaction.commit()
            }
            if thread == 0 { stop.store(true, ordering: .releasing) }
        }
        #expect(tooHigh.load(ordering: .relaxed) == 0)
        try fixture.flushing.shutDown()
        #expect(fixture.log.currentLSN.rawValue - fixture.log.checkpointLSN.rawValue <= 512)
        for thread in 0..<3 {
            var random = SeededRandom(seed: UInt64(thread))
            var last: [UInt32: UInt32] = [:]
            for round in 1...2000 { last[UInt32(200 * thread + random.below(200))] = UInt32(round) }
            for (number, value) in last {
                #expect(try fixture.fileValue(page(number), at: 256) == value)
            }
        }
        fixture.close()
    }

    @Test("Without threads, a fetch that finds only dirty pages makes room itself")
    func inlineRoom() throws {
        let fixture = try PoolFixture(pageCount: 700)
        defer { fixture.close() }
        for number: UInt32 in 0..<700 { try fixture.change(page(number), to: number) }
        for number: UInt32 in 0..<700 { #expect(try fixture.value(page(number)) == number) }
        #expect(fixture.pool.statistics[.pagesWritten] > 0)
    }

    @Test("Without threads, a mini-transaction that finds no redo capacity writes the checkpoint itself")
    func inlineCheckpoint() throws {
        var configuration = PoolFixture.small
        configuration.redoLog.capacity = .mebibytes(2)
        let fixture = try PoolFixture(configuration)
        defer { fixture.close() }
        for round: UInt32 in 0..<1500 {
            var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 4096, pins: 1)
            let frame = try transaction.latchExclusive(page(round % 64))
            for offset in 0..<200 { PoolFixture.write(round, at: 100 + 4 * offset, frame, &transaction) }
            transaction.commit()
        }
        #expect(fixture.pool.statistics[.checkpoints] > 0)
        #expect(try fixture.value(page(1499 % 64)) == 1499)
    }

    @Test("Pages that recovery dirties out of order hold the bound, and are in order afterwards")
    func recovery() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let ranges = try (0..<20).map { try #require(try fixture.change(page(UInt32($0)), to: 3)) }
        try fixture.flushing.checkpointNow()
        fixture.pool.beginRecovery()
        for index in (0..<20).reversed() {
            let frame = try fixture.pool.fetchForRecovery(page(UInt32(index)))
            fixture.pool.noteRecovered(frame, ranges[index])
            frame.unlockExclusive()
            #expect(fixture.pool.instances[0].lowWater(window: 1 << 30) == ranges[index].start.rawValue)
        }
        fixture.pool.endRecovery()
        #expect(fixture.pool.instances[0].lowWater(window: 0) == ranges[0].start.rawValue)
        try fixture.flushing.flushAll()
        #expect(fixture.pool.dirtyCount == 0)
    }
}
