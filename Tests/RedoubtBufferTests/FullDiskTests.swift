import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: a write of a page or of a copy that finds no space loses nothing, stops nobody for ever, and is made when
/// there is space; what fails otherwise fences as ever.
///
/// Method: faults of a simulated disk that leave half of what did not fit; recorded traces read by ``WriteTrace``;
/// engine threads and writers in simulated schedules.
@Suite(.timeLimit(.minutes(20))) struct FullDiskTests {
    private static let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)

    private func fill(_ fixture: PoolFixture, _ role: FileRole) {
        fixture.storage.inject(SimulatedFault(.write, role: role, isPermanent: true, effect: Self.full))
    }

    private func candidates(_ fixture: PoolFixture) -> [UInt32] {
        var chosen: [UInt32] = []
        fixture.pool.instances[0].beginChoosing()
        fixture.pool.instances[0].chooseOldest(limit: .max, window: 0, count: .max, into: &chosen)
        return chosen
    }

    @Test func `a doublewrite file that cannot be made leaves the space to others`() throws {
        let storage = SimulatedStorage()
        try storage.createDirectory("db")
        storage.inject(SimulatedFault(.extend, role: .doublewrite, isPermanent: true, effect: Self.full))
        for _ in 0..<2 {
            let seen = code { _ = try DoublewriteFile(storage: storage, directory: "db", number: 3, pageCount: 40) }
            #expect(seen == .diskFull)
            #expect(storage.image.bytes(of: "db/doublewrite/dw_3")?.count == 0)
        }
        storage.removeFaults()
        _ = try DoublewriteFile(storage: storage, directory: "db", number: 3, pageCount: 40)
        #expect(storage.image.bytes(of: "db/doublewrite/dw_3")?.count == 40 * pageByteCount)
    }

    @Test(
        "What finds no space stays under way, holds the checkpoint, and is written when there is space",
        arguments: [FileRole.data, .doublewrite],
        [false, true]
    )
    func parked(_ role: FileRole, _ reorders: Bool) throws {
        let fixture = try PoolFixture(isRecording: true, reordersCompletions: reorders)
        defer { fixture.close() }
        let writer = fixture.flushing.writer
        let first = fixture.storage.trace.count
        let start = try #require(try fixture.change(page(0), to: 1)).start
        for number: UInt32 in 1..<40 { try fixture.change(page(number), to: 1) }
        fill(fixture, role)
        let free = fixture.pool.freeCount
        for _ in 0..<3 { #expect(code { _ = try writer.begin(candidates(fixture), evicts: true) } == .diskFull) }
        #expect(code { try writer.poll(minimum: 1) } == .diskFull)
        #expect(code { try writer.drain() } == .diskFull)
        #expect(code { try fixture.flushing.checkpointNow() } == .diskFull)
        let waiting = writer.inFlightCount
        #expect(waiting > 0 && fixture.pool.dirtyCount + waiting == 40 && fixture.pool.freeCount == free)
        #expect(fixture.kernel.health.space.isFull && !fixture.kernel.health.isFenced)
        #expect(fixture.flushing.checkpointBound() <= start && fixture.log.checkpointLSN <= start)
        if role == .doublewrite {
            #expect(WriteTrace(fixture.storage.trace, from: first).pageCount == 0, "no page before its copy")
        } else {
            #expect(try fixture.fileValue(page(0)) == nil || fixture.fileValue(page(1)) == nil, "half of a page")
        }
        // A page changed meanwhile keeps its place.
        try fixture.change(page(0), to: 2)
        fixture.storage.removeFaults()
        try fixture.flushing.checkpointNow()
        #expect(!fixture.kernel.health.space.isFull && writer.inFlightCount == 0)
        for number: UInt32 in 0..<40 { #expect(try fixture.fileValue(page(number)) == (number == 0 ? 2 : 1)) }
        #expect(fixture.log.currentLSN.rawValue - fixture.log.checkpointLSN.rawValue <= 512)
        let trace = WriteTrace(fixture.storage.trace, from: first)
        #expect(trace.breaches == [] && trace.unprotected == [] && (trace.tornCount > 0) == (role == .data))
        #expect(fixture.pool.statistics[.writesWithoutSpace] > 0)
    }

    @Test("Another failure while writes wait for space fences")
    func failureWhileFull() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        for number: UInt32 in 0..<20 { try fixture.change(page(number), to: 1) }
        fill(fixture, .data)
        #expect(code { _ = try fixture.flushing.writer.write(candidates(fixture)) } == .diskFull)
        fixture.storage.removeFaults()
        fixture.storage.inject(SimulatedFault(.write, role: .data))
        #expect(code { try fixture.flushing.writer.drain() } == .fenced)
        #expect(fixture.kernel.health.isFenced && !fixture.kernel.health.space.isFull)
        #expect(code { try fixture.flushing.flushAll() } == .fenced)
    }

    @Test(
        "A sync that finds no space fences: what it lost is not there to be written",
        arguments: [FileRole.data, .doublewrite]
    )
    func syncWithoutSpace(_ role: FileRole) throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        try fixture.change(page(1), to: 1)
        fixture.storage.inject(SimulatedFault(.sync, role: role, effect: Self.full))
        #expect(code { try fixture.flushing.checkpointNow() } == .fenced)
        #expect(fixture.kernel.health.isFenced)
        #expect(code { try fixture.change(page(1), to: 2) } == .fenced)
    }

    @Test("The copy of a page whose refused atomic write finds no space is kept until the page is durable")
    func refusedAtomicWrite() throws {
        let fixture = try PoolFixture(isRecording: true, atomicWriteUnit: 16384)
        defer { fixture.close() }
        for number: UInt32 in 0..<8 { try fixture.change(page(number), to: 1) }
        let first = fixture.storage.trace.count
        fixture.storage.inject(
            SimulatedFault(.atomicWrite, skipping: 2, isPermanent: true, effect: .failure(errno: 22))
        )
        fixture.storage.inject(SimulatedFault(.write, role: .data, effect: Self.full))
        var refusals = 0
        while code({ _ = try fixture.flushing.writer.write(candidates(fixture)) }) == .diskFull { refusals += 1 }
        #expect(refusals >= 1 && refusals < 10)
        let trace = WriteTrace(fixture.storage.trace, from: first)
        #expect(trace.breaches == [] && trace.unprotected == [])
        for number: UInt32 in 0..<8 { #expect(try fixture.fileValue(page(number)) == 1) }
    }

    @Test("A refused atomic write that the device takes the next time keeps no other page from its copy")
    func refusedOnce() throws {
        let fixture = try PoolFixture(atomicWriteUnit: 16384)
        defer { fixture.close() }
        _ = try fixture.addSpace(9, pageCount: 64)
        let refusal = SimulatedFault(.atomicWrite, effect: .failure(errno: 22))
        try fixture.change(page(1), to: 1)
        fixture.storage.inject(refusal)
        fixture.storage.inject(SimulatedFault(.write, role: .data, effect: Self.full))
        #expect(code { _ = try fixture.flushing.writer.write(candidates(fixture)) } == .diskFull)
        try fixture.flushing.writer.drain()
        #expect(try fixture.fileValue(page(1)) == 1 && !fixture.kernel.health.space.isFull)
        // A page of another file, which is still asked to be written all or nothing.
        try fixture.change(page(2, of: 9), to: 2)
        fixture.storage.inject(refusal)
        #expect(code { _ = try fixture.flushing.writer.write(candidates(fixture)) } == nil)
        #expect(code { try fixture.flushing.checkpointNow() } == nil)
        #expect(try fixture.fileValue(page(2, of: 9)) == 2 && fixture.flushing.writer.inFlightCount == 0)
    }

    @Test("Writes to a dropped file end, so that its pages can be discarded", arguments: [FileRole.data, .doublewrite])
    func dropped(_ role: FileRole) throws {
        for isRunning in [false, true] {
            let fixture = try PoolFixture()
            let file = try fixture.addSpace(9, pageCount: 64)
            for number: UInt32 in 0..<20 {
                try fixture.change(page(number), to: 1)
                try fixture.change(page(number, of: 9), to: 1)
            }
            if isRunning { try fixture.flushing.start() }
            fill(fixture, role)
            #expect(code { try fixture.flushing.checkpointNow() } == .diskFull)
            try onThreads(1, within: 20) { _ in
                fixture.kernel.files.unregister(SpaceID(rawValue: 9))
                fixture.pool.discard(space: SpaceID(rawValue: 9))
                file.close()
            }
            #expect(fixture.kernel.health.space.isFull)
            fixture.storage.removeFaults()
            try fixture.flushing.checkpointNow()
            for number: UInt32 in 0..<20 { #expect(try fixture.fileValue(page(number)) == 1) }
            fixture.close()
        }
    }

    /// A world in which the redo ends, or one in which frames do.
    private static func world(_ policy: FlushingPolicy, isRedoShort: Bool) -> CleanerWorld.Options {
        var options = CleanerWorld.Options()
        options.configuration = PoolFixture.small
        options.configuration.flushing.policy = policy
        options.configuration.redoLog.capacity = isRedoShort ? .mebibytes(2) : .mebibytes(64)
        options.latencyMicroseconds = 50
        options.waitMilliseconds = 60_000
        options.pageCount = 600
        return options
    }

    @Test(
        "Writers get a typed error while the disk is full, the threads live, and everything goes on after",
        arguments: FlushingPolicy.allCases,
        [FileRole.data, .doublewrite]
    )
    func writers(_ policy: FlushingPolicy, _ role: FileRole) throws {
        for isRedoShort in [true, false] {
            let options = Self.world(policy, isRedoShort: isRedoShort)
            let isKept = try CleanerWorld.run(options, breaking: []) { fixture in
                let live = fixture.flushing.liveThreadCount
                let last = Mutex<[UInt32: UInt32]>([:])
                // Twice, so that what went on can stop again.
                for turn: UInt32 in 1...2 {
                    fill(fixture, role)
                    let refused = try Self.write(fixture, turn, isRedoShort, last)
                    let (health, flushing) = (fixture.kernel.health, fixture.flushing)
                    guard refused == 4, health.space.isFull, !health.isFenced, flushing.liveThreadCount >= live,
                        code({ try flushing.checkpointNow() }) == .diskFull
                    else { return false }
                    fixture.storage.removeFaults()
                    // By itself: nobody asks for anything.
                    guard fixture.wait(milliseconds: 1000, until: { !fixture.kernel.health.space.isFull }) else {
                        return false
                    }
                    try fixture.change(page(599), to: turn)
                }
                try fixture.flushing.checkpointNow()
                for (number, value) in last.withLock({ $0 }) {
                    guard try fixture.fileValue(page(number)) == value else { return false }
                }
                return try fixture.fileValue(page(599)) == 2
            }
            #expect(isKept, "redo is short: \(isRedoShort)")
        }
    }

    /// Changes pages with 4 threads until each is refused for want of space; returns how many were.
    private static func write(
        _ fixture: PoolFixture,
        _ turn: UInt32,
        _ isRedoShort: Bool,
        _ last: borrowing Mutex<[UInt32: UInt32]>
    ) throws -> Int {
        let results = Results()
        var threads: [EngineThread] = []
        for thread: UInt32 in 0..<4 {
            threads.append(
                try Scheduling.start("writer \(thread)") {
                    var random = SeededRandom(seed: UInt64(thread))
                    for round in 0..<UInt32(20_000) {
                        // Few pages and much redo, or many pages.
                        let number = 100 * thread + UInt32(random.below(isRedoShort ? 20 : 100))
                        let value = turn * 100_000 + round
                        do {
                            if isRedoShort { try fixture.change(page(number), redoBytes: 4000) }
                            try fixture.change(page(number), to: value)
                            results.written.withLock { $0[number] = value }
                        } catch {
                            results.codes.withLock { $0.append((error as? RedoubtError)?.code) }
                            return
                        }
                    }
                }
            )
        }
        for thread in threads { Scheduling.join(thread) }
        let written = results.written.withLock { $0 }
        last.withLock { $0.merge(written) { $1 } }
        return results.codes.withLock { $0.count { $0 == .diskFull } }
    }

    @Test("Writes that found no space are tried again by the cleaner, whoever's they are")
    func lonelyWriter() throws {
        var options = Self.world(.mysql80, isRedoShort: false)
        options.configuration.flushing.idlePercent = 0
        let body: @Sendable (PoolFixture) throws -> Bool = { fixture in
            // A writer that nobody uses again.
            let writer = try fixture.flushing.writer(number: 7)
            for number: UInt32 in 0..<4 { try fixture.change(page(number), to: 1) }
            fill(fixture, .data)
            guard code({ _ = try writer.write(candidates(fixture)) }) == .diskFull else { return false }
            fixture.storage.removeFaults()
            return fixture.wait(milliseconds: 3000) { writer.inFlightCount == 0 }
        }
        #expect(try CleanerWorld.run(options, breaking: [], body))
        #if REDOUBT_INTERLEAVING
        #expect(try !CleanerWorld.run(options, breaking: [.forgetsRefusedWrites], body))
        #endif
    }

    @Test("The pages that a mini-transaction will make have their frames before its first change")
    func reservedFrames() throws {
        let fixture = try PoolFixture(pageCount: 700, waitMilliseconds: 200)
        defer { fixture.close() }
        let free = fixture.pool.freeCount
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 8192, pins: 8)
        try transaction.reserveFrames(3)
        #expect(fixture.pool.freeCount == free - 3)
        // Every other frame holds a changed page, and none can be written.
        fill(fixture, .data)
        var number: UInt32 = 0
        while code({ try fixture.change(page(number), to: 1) }) == nil { number += 1 }
        for made: UInt32 in 690..<692 {
            transaction.apply(.initialize(type: .blob), to: try transaction.create(page(made)))
        }
        transaction.commit()
        #expect(fixture.pool.freeCount == 1, "the third frame is free again")
        fixture.storage.removeFaults()
        try fixture.flushing.flushAll()
    }
}

/// What the writers of a test came to.
private final class Results: Sendable {
    let written = Mutex<[UInt32: UInt32]>([:])
    let codes = Mutex<[RedoubtError.Code?]>([])
}
