import Glibc
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: the pool takes on another size while it is used: more frames at once, fewer as they can be spared; nothing is
/// lost, and the memory is given back.
///
/// Method: each obstacle to a shrink alone (free frames, clean, dirty and latched pages, credit, search indexes), then
/// simulated schedules of threads that change pages while the size changes.
@Suite(.timeLimit(.minutes(20))) struct PoolResizeTests {
    private static let large = ByteCount.mebibytes(16)

    private static func configuration(instances: Int = 1) -> Configuration {
        var configuration = PoolFixture.small
        configuration.memoryMaximum = large
        configuration.bufferPool.instanceCount = instances
        return configuration
    }

    /// A pool of 16 MiB, all frames of which hold changed pages unless credit or flushing was in the way.
    private func grown(instances: Int = 1, waitMilliseconds: Int = 60_000) throws -> PoolFixture {
        let fixture = try PoolFixture(
            Self.configuration(instances: instances),
            pageCount: 1200,
            waitMilliseconds: waitMilliseconds
        )
        try fixture.resize(to: Self.large)
        return fixture
    }

    @Test(arguments: [1, 3]) func `more frames can be used at once`(_ instances: Int) throws {
        let fixture = try PoolFixture(Self.configuration(instances: instances), pageCount: 1200)
        defer { fixture.close() }
        let pool = fixture.pool
        let before = pool.frameCount
        let limit = pool.credit.limit
        let target = pool.instances[0].freeTarget
        #expect(pool.plan.frameCountMaximum > Int(before))
        try fixture.resize(to: Self.large)
        #expect(Int(pool.frameCount) == pool.plan.frameCountMaximum && pool.frameBound == pool.frameCount)
        #expect(pool.resizeStatus.phase == .none && pool.resizeStatus.frameCount == Int(pool.frameCount))
        #expect(pool.credit.limit > limit && pool.instances[0].freeTarget > target)
        #expect(pool.freeCount == Int(pool.frameCount))
        guard instances == 1 else { return }
        let held = try (0..<before + 20).map { try pool.fetchShared(page($0)) }
        #expect(held[0].index == before, "the frames with low numbers are used first")
        #expect(Set(held.map(\.index)).count == held.count)
        for frame in held { frame.unlockShared() }
    }

    @Test(arguments: [1, 3]) func `fewer frames: clean and free ones leave, dirty ones once written`(
        _ instances: Int
    ) throws {
        let fixture = try grown(instances: instances)
        defer { fixture.close() }
        let pool = fixture.pool
        for number: UInt32 in 0..<800 { try fixture.change(page(number), to: number) }
        #expect(pool.dirtyCount > 0)
        let resident = try pool.residentFrameCount()
        try fixture.resize(to: .mebibytes(8))
        #expect(fixture.isSettled)
        #expect(pool.frameCount < pool.frameBound)
        #expect(pool.credit.limit == Int(pool.frameCount) / instances - max(16, Int(pool.frameCount) / instances / 8))
        #expect(pool.instances.allSatisfy { $0.freeTarget <= $0.frameCount / 8 })
        #expect(try pool.residentFrameCount() <= Int(pool.frameCount))
        #expect(resident > Int(pool.frameCount))
        #expect(pool.statistics[.framesWithdrawn] == UInt64(pool.frameBound - pool.frameCount))
        for number: UInt32 in 0..<800 { #expect(try fixture.value(page(number)) == number) }
        #expect(fixture.isSettled)
    }

    @Test func `a page in use keeps its frame until it is let go, and nothing else waits for it`() throws {
        let fixture = try grown()
        defer { fixture.close() }
        let pool = fixture.pool
        let held = try pool.fetchShared(page(0))
        try #require(Int(held.index) > pool.plan.frameCount(memory: 8 << 20, laidOut: Int(pool.frameBound)))
        let id = held.pageID
        try fixture.resize(to: .mebibytes(8), milliseconds: 50)
        let status = pool.resizeStatus
        #expect(status.phase == .withdrawing && status.frameCount == status.targetFrameCount + 1)
        #expect(held.pageID == id && held.bytes.number == id.number)
        held.unlockShared()
        fixture.flushing.withdrawFrames(milliseconds: 1000)
        #expect(fixture.isSettled)
    }

    @Test func `no frame leaves before what was promised fits the rest`() throws {
        let fixture = try grown(waitMilliseconds: 100)
        defer { fixture.close() }
        let pool = fixture.pool
        let promised = pool.credit.limit - 10
        try pool.acquirePins(promised)
        try fixture.resize(to: .mebibytes(8), milliseconds: 20)
        #expect(pool.resizeStatus.phase == .waitingForCredit)
        #expect(pool.resizeStatus.frameCount == Int(pool.frameBound))
        // Nothing more is promised, and what can never be promised again is refused at once.
        #expect(!pool.tryAcquirePins(1))
        #expect { try pool.acquirePins(promised) } throws: { ($0 as? RedoubtError)?.code == .poolExhausted }
        pool.releasePins(promised)
        fixture.flushing.withdrawFrames(milliseconds: 1000)
        #expect(fixture.isSettled && pool.credit.takenCount == 0)
    }

    @Test func `a size changed again while frames leave counts from where they are`() throws {
        let fixture = try grown()
        defer { fixture.close() }
        let pool = fixture.pool
        for number: UInt32 in 0..<900 { try pool.fetchShared(page(number)).unlockShared() }
        let all = pool.frameBound
        let held = try #require((0..<all).map { pool.frame($0) }.last { $0.packedPageID != 0 })
        try #require(held.tryLockShared())
        try fixture.resize(to: .mebibytes(8), milliseconds: 30)
        #expect(pool.isShrinking)
        try fixture.resize(to: .mebibytes(10), milliseconds: 30)
        #expect(pool.isShrinking && pool.resizeStatus.frameCount == Int(pool.frameCount) + 1)
        // Up to the maximum: the frame that would not leave is simply in use.
        try fixture.resize(to: Self.large)
        #expect(!pool.isShrinking && pool.frameCount == all && pool.resizeStatus.frameCount == Int(all))
        held.unlockShared()
        for number: UInt32 in 0..<1200 { try pool.fetchShared(page(number)).unlockShared() }
        #expect(fixture.isSettled)
        try fixture.resize(to: .mebibytes(8))
        #expect(fixture.isSettled)
    }

    @Test func `who reads a withdrawn frame without a latch finds zeros and an outdated version`() throws {
        let fixture = try grown()
        defer { fixture.close() }
        let pool = fixture.pool
        for number: UInt32 in 0..<900 { try pool.fetchShared(page(number)).unlockShared() }
        let frame = try #require((0..<pool.frameBound).map { pool.frame($0) }.last { $0.packedPageID != 0 })
        try #require(frame.index > pool.frameBound / 2)
        let id = frame.pageID
        let version = try #require(frame.optimisticVersion())
        #expect(frame.bytes.number == id.number)
        try fixture.resize(to: .mebibytes(8))
        #expect(!frame.validate(version) && frame.packedPageID == 0)
        #expect(frame.bytes.number.rawValue == 0 && frame.bytes.u32(at: 100) == 0)
        // A hint from before leads nowhere.
        let other = try pool.fetchShared(id, hint: frame.index)
        #expect(other.pageID == id && other.index < pool.frameCount)
        other.unlockShared()
        // The version goes on from where it was.
        try fixture.resize(to: Self.large)
        #expect(!frame.validate(version))
    }

    @Test func `a size that is out of range is refused by name, value and range`() throws {
        let fixture = try grown()
        defer { fixture.close() }
        for size in [ByteCount.mebibytes(1), .mebibytes(17)] {
            do throws(RedoubtError) {
                try fixture.pool.checkResize(to: size)
                Issue.record("\(size) was accepted")
            } catch {
                #expect(error.code == .invalidConfiguration)
                #expect(error.message.contains("memory is \(size.rawValue)"))
                #expect(error.message.contains("...\(Self.large.rawValue)"))
            }
        }
    }

    @Test func `a fence during a shrink leaves the pages that could not be written`() throws {
        let fixture = try grown()
        defer { fixture.close() }
        for number: UInt32 in 0..<700 { try fixture.change(page(number), to: number) }
        try #require(fixture.pool.dirtyCount > 400)
        try fixture.flushing.start()
        fixture.storage.inject(SimulatedFault(.write, role: .data, skipping: 20))
        try fixture.resize(to: .mebibytes(8))
        #expect(spin { fixture.kernel.health.isFenced })
        #expect(spin { fixture.flushing.liveThreadCount == 0 })
        // How far it has come by then depends on the threads.
        #expect(fixture.pool.isShrinking && fixture.pool.resizeStatus.phase != .none)
        #expect(fixture.pool.dirtyCount > 0)
        for index in 0..<fixture.pool.frameBound {
            let frame = fixture.pool.frame(index)
            guard frame.isDirty else { continue }
            #expect(frame.bytes.u32(at: 100) == frame.pageID.number.rawValue)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `threads that change pages in simulated schedules never notice the size`(_ seed: UInt64) throws {
        var options = CleanerWorld.Options()
        options.configuration = Self.configuration(instances: seed % 2 == 0 ? 1 : 3)
        options.configuration.flushing.policy = seed % 3 == 0 ? .perconaLRU : .mysql80
        options.seed = seed
        options.latencyMicroseconds = 50
        options.waitMilliseconds = 60_000
        let isRight = try CleanerWorld.run(options, breaking: []) { fixture in
            let values = Mutex<[UInt32: UInt32]>([:])
            let failures = Mutex<[String]>([])
            let running = Atomic<Int>(3)
            let threads = try (0..<3).map { number in
                try Scheduling.start("writer \(number)") {
                    do {
                        try Self.write(
                            fixture,
                            UInt32(number),
                            SeededRandom(seed: seed &* 31 &+ UInt64(number)),
                            values
                        )
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                    running.wrappingSubtract(1, ordering: .relaxed)
                }
            }
            var random = SeededRandom(seed: seed)
            while running.load(ordering: .relaxed) > 0 {
                try fixture.resize(to: .mebibytes(8 + random.below(9)), milliseconds: 0)
                Scheduling.sleep(microseconds: random.below(30_000))
            }
            for thread in threads { Scheduling.join(thread) }
            try fixture.resize(to: .mebibytes(8), milliseconds: 0)
            // The page cleaner has frames in hand now and then.
            guard fixture.wait(milliseconds: 10_000, until: { fixture.isSettled }) else { return false }
            let expected = values.withLock { $0 }
            for (number, value) in expected where try fixture.value(page(number)) != value { return false }
            return failures.withLock { $0 } == [] && expected.count > 300 && !fixture.pool.isShrinking
        }
        #expect(isRight, "seed \(seed)")
    }

    private static func write(
        _ fixture: PoolFixture,
        _ thread: UInt32,
        _ seeded: SeededRandom,
        _ values: borrowing Mutex<[UInt32: UInt32]>
    ) throws {
        var random = seeded
        for round in 1...UInt32(700) {
            let first = thread * 200 + UInt32(random.below(198))
            var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 256, pins: 2)
            for number in first...first + 1 {
                let frame = try transaction.latchExclusive(page(number))
                PoolFixture.write(round, at: 100, frame, &transaction)
                values.withLock { $0[number] = round }
            }
            transaction.commit()
            if round % 50 == 0 { Scheduling.sleep(microseconds: 3000) }
        }
    }
}

extension PoolFixture {
    /// Makes the pool one of `memory`, and waits so long for frames to leave.
    func resize(to memory: ByteCount, milliseconds: Int = 5000) throws {
        try pool.checkResize(to: memory)
        pool.resize(to: memory)
        if !flushing.isRunning && milliseconds > 0 { flushing.withdrawFrames(milliseconds: milliseconds) }
    }

    /// Whether the pool has the size that was asked for: no frame beyond it has a page, a list or memory, and every
    /// other one is free or in the LRU list.
    var isSettled: Bool {
        let out = FrameFlags.withdrawn | FrameFlags.givenBack
        return !pool.isShrinking
            && (pool.frameCount..<pool.frameBound).map { pool.frame($0) }.allSatisfy {
                $0.has(out) && $0.packedPageID == 0
            }
            && (0..<pool.frameCount).map { pool.frame($0) }.allSatisfy { !$0.has(FrameFlags.withdrawn) }
            && pool.instances.allSatisfy { $0.freeCount + $0.pageCount == $0.frameCount && $0.slabs.isWithinLimit }
            && pool.resizeStatus.frameCount == Int(pool.frameCount) && pool.resizeStatus.phase == .none
    }
}

extension BufferPool {
    /// The frames whose pages have memory behind them, as the kernel says.
    func residentFrameCount() throws -> Int {
        var count = 0
        for index in 0..<frameBound {
            var flags = InlineArray<4, UInt8>(repeating: 0)
            let start = unsafe frame(index).memory
            let code = unsafe withUnsafeMutableBytes(of: &flags) { bytes in
                unsafe mincore(start, pageByteCount, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            }
            try #require(code == 0)
            if (0..<4).contains(where: { flags[$0] & 1 != 0 }) { count += 1 }
        }
        return count
    }
}
