import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a page is found or read, verified, and kept or evicted as its use deserves.
///
/// Method: a small pool over a simulated disk; damaged files; threads that fetch more pages than fit.
@Suite struct BufferPoolTests {
    @Test("A page is read once, then found, with and without its hint")
    func hitAndMiss() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let first = try fixture.pool.fetchShared(page(5))
        #expect(first.bytes.u8(at: 200) == 5 && first.pageID == page(5))
        first.unlockShared()
        let second = try fixture.pool.fetchExclusive(page(5), hint: first.index)
        #expect(second == first)
        second.unlockExclusive()
        let (third, version) = try fixture.pool.fetchOptimistic(page(5), hint: 3)
        #expect(third == first && third.validate(version))
        #expect(fixture.pool.statistics[.misses] == 1)
        let (_, readVersion) = try fixture.pool.fetchOptimistic(page(6))
        #expect(try #require(fixture.pool.peek(page(6))).validate(readVersion))
    }

    @Test("A damaged page is an error that names file and page, and stays out of memory")
    func corruption() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let file = try #require(fixture.kernel.files.file(SpaceID(rawValue: 7))).file
        try unsafe withPage { bytes, memory in
            makePage(bytes, page(9), lsn: 8192, fill: 1)
            bytes.store(UInt8(0xFF), at: 7000)
            try unsafe file.write(UnsafeRawBufferPointer(memory), at: page(9).number.fileOffset)
            // A page that was changed by redo that does not exist.
            makePage(bytes, page(10), lsn: 1 << 40, fill: 1)
            try unsafe file.write(UnsafeRawBufferPointer(memory), at: page(10).number.fileOffset)
            bytes.fill(at: 0, count: pageByteCount)
            try unsafe file.write(UnsafeRawBufferPointer(memory), at: page(11).number.fileOffset)
        }
        for number: UInt32 in [9, 10, 11, 64, 1000] {
            for _ in 0..<2 {
                #expect {
                    try fixture.pool.fetchShared(page(number))
                } throws: { error in
                    let error = error as? RedoubtError
                    return error?.code == .corruptPage && error?.page == page(number) && error?.path == "db/7.ibd"
                }
            }
            #expect(fixture.pool.peek(page(number)) == nil)
        }
        #expect {
            try fixture.pool.fetchShared(page(0, of: 8))
        } throws: {
            ($0 as? RedoubtError)?.code == .keyspaceNotFound
        }
        #expect(fixture.pool.freeCount == Int(fixture.pool.frameCount))
    }

    @Test("Recovery takes pages of zeros, and beyond the end of the file, as never written")
    func recoveryFetch() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let frame = try fixture.pool.fetchForRecovery(page(70))
        #expect(frame.bytes.isUnwritten)
        frame.unlockExclusive()
    }

    @Test("A failed read is an error, and the next one may succeed")
    func readError() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        fixture.storage.inject(SimulatedFault(.read, role: .data))
        #expect {
            try fixture.pool.fetchShared(page(3))
        } throws: {
            ($0 as? RedoubtError)?.code == .readFailed && ($0 as? RedoubtError)?.page == page(3)
        }
        let frame = try fixture.pool.fetchShared(page(3))
        frame.unlockShared()
    }

    @Test("Pages used twice survive a scan of many pages")
    func scanResistance() throws {
        let fixture = try PoolFixture(pageCount: 1200)
        defer { fixture.close() }
        for _ in 0..<3 {
            for number: UInt32 in 0..<20 { try fixture.pool.fetchShared(page(number)).unlockShared() }
        }
        for number: UInt32 in 100..<1200 {
            try fixture.pool.fetchShared(page(number)).unlockShared()
            if number % 50 == 0 {
                for hot: UInt32 in 0..<20 { try fixture.pool.fetchShared(page(hot)).unlockShared() }
            }
        }
        #expect(fixture.pool.statistics[.evictions] > 500)
        #expect(fixture.pool.statistics[.misses] <= 1100 + 20)
    }

    @Test("Threads that use more pages than fit always see the page they asked for")
    func threads() throws {
        let fixture = try PoolFixture(pageCount: 700)
        defer { fixture.close() }
        let pool = fixture.pool
        let wrong = Atomic<Int>(0)
        try onThreads(4) { thread in
            var random = SeededRandom(seed: UInt64(thread) + 1)
            for _ in 0..<3000 {
                let id = page(UInt32(random.below(700)))
                let hint = UInt32(random.below(Int(pool.frameCount) + 10))
                let frame: Frame
                switch random.below(3) {
                case 0: frame = try pool.fetchShared(id, hint: hint)
                case 1: frame = try pool.fetchExclusive(id, hint: hint)
                default:
                    let (optimistic, version) = try pool.fetchOptimistic(id, hint: hint)
                    let number = optimistic.bytes.number
                    if optimistic.validate(version) && number != id.number { wrong.wrappingAdd(1, ordering: .relaxed) }
                    continue
                }
                if frame.pageID != id || frame.bytes.number != id.number { wrong.wrappingAdd(1, ordering: .relaxed) }
                if unsafe frame.latch.isExclusive { frame.unlockExclusive() } else { frame.unlockShared() }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(pool.freeCount + pool.instances.reduce(0) { $0 + $1.pageCount } == Int(pool.frameCount))
    }

    @Test("With every frame in use a fetch ends in poolExhausted")
    func exhausted() throws {
        let fixture = try PoolFixture(pageCount: 700, waitMilliseconds: 50)
        defer { fixture.close() }
        let frames = try (0..<fixture.pool.frameCount).map { try fixture.pool.fetchShared(page($0)) }
        #expect {
            try fixture.pool.fetchShared(page(699))
        } throws: {
            ($0 as? RedoubtError)?.code == .poolExhausted
        }
        for frame in frames { frame.unlockShared() }
        try fixture.pool.fetchShared(page(699)).unlockShared()
    }

    @Test("A dropped space leaves memory, dirty pages too, and its neighbours stay")
    func discard() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        try fixture.addSpace(8, pageCount: 20)
        for number: UInt32 in 0..<20 {
            try fixture.change(page(number), to: 1)
            try fixture.change(page(number, of: 8), to: 1)
        }
        fixture.kernel.files.unregister(SpaceID(rawValue: 8))
        fixture.pool.discard(space: SpaceID(rawValue: 8))
        #expect(fixture.pool.dirtyCount == 20)
        #expect(fixture.pool.peek(page(3, of: 8)) == nil && fixture.pool.peek(page(3)) != nil)
        try fixture.flushing.flushAll()
        #expect(fixture.pool.dirtyCount == 0)
    }

    @Test("An area used in order brings the next one in")
    func readAhead() throws {
        var configuration = PoolFixture.small
        configuration.memory = .mebibytes(16)
        let fixture = try PoolFixture(configuration, pageCount: 192)
        defer { fixture.close() }
        let file = try #require(fixture.kernel.files.file(SpaceID(rawValue: 7))).file
        try unsafe withPage { bytes, memory in
            makePage(bytes, page(63), lsn: 8192, fill: 1)
            bytes.next = PageNumber(rawValue: 64)
            PageSeal.seal(bytes)
            try unsafe file.write(UnsafeRawBufferPointer(memory), at: page(63).number.fileOffset)
        }
        try fixture.flushing.start()
        for number: UInt32 in 0..<64 { try fixture.pool.fetchShared(page(number)).unlockShared() }
        #expect(spin { fixture.pool.statistics[.pagesReadAhead] == 64 })
        #expect(fixture.pool.peek(page(127)) != nil && fixture.pool.peek(page(128)) == nil)
    }

    @Test("A neighbour at the end of all page numbers is not read ahead, and traps nobody")
    func readAheadOfNonsense() throws {
        var configuration = PoolFixture.small
        configuration.memory = .mebibytes(16)
        let fixture = try PoolFixture(configuration, pageCount: 128)
        defer { fixture.close() }
        let file = try #require(fixture.kernel.files.file(SpaceID(rawValue: 7))).file
        try unsafe withPage { bytes, memory in
            makePage(bytes, page(63), lsn: 8192, fill: 1)
            bytes.next = PageNumber(rawValue: 0xFFFF_FFC0)
            PageSeal.seal(bytes)
            try unsafe file.write(UnsafeRawBufferPointer(memory), at: page(63).number.fileOffset)
        }
        try fixture.flushing.start()
        for number: UInt32 in 0..<64 { try fixture.pool.fetchShared(page(number)).unlockShared() }
        #expect(fixture.pool.statistics[.pagesReadAhead] == 0)
    }
}
