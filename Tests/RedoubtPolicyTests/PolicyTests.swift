import RedoubtCore
import Testing

@testable import RedoubtPolicy

/// Goal: the checkpoint never passes a change that is not in the data files, and the plain policy asks for enough.
/// Method: one case for each rule; then random inputs against what must hold for all.
@Suite struct PolicyTests {
    @Test func `without dirty pages the bound is what is closed and flushed`() {
        #expect(bound(closed: 9000, flushed: 8900) == 8900)
        #expect(bound(closed: 8800, flushed: 8900) == 8800)
    }

    @Test func `the lists count less the window, pages in flight exactly`() {
        #expect(bound(closed: 20000, dirty: 15000, window: 4000, flushed: 20000) == 11000)
        #expect(bound(closed: 20000, dirty: 15000, window: 4000, flight: 9000, flushed: 20000) == 9000)
        #expect(bound(closed: 20000, dirty: 100, window: 4000, flushed: 20000) == 0)
    }

    @Test func `the bound never falls, and avoids block starts`() {
        #expect(bound(closed: 20000, dirty: 15000, window: 4000, flushed: 20000, last: 12000) == 12000)
        #expect(bound(closed: 10240, flushed: 20000) == 10240 - 512 + 12)
    }

    @Test func `nothing dirty asks for nothing`() {
        #expect(PlainFlushing().recommendation.flushCount == 0)
    }

    @Test func `an old log asks for everything`() {
        var inputs = PlainFlushing()
        inputs.dirtyPageCount = 100
        inputs.pageCount = 1000
        (inputs.age, inputs.asyncAge, inputs.syncAge) = (950, 800, 900)
        #expect(inputs.recommendation.reason == .sync)
        #expect(inputs.recommendation.flushCount == 100)
        #expect(inputs.recommendation.targetAge == 800)
        inputs.age = 850
        #expect(inputs.recommendation.reason == .background)
        inputs.age = 100
        #expect(inputs.recommendation.reason == .background, "ten percent dirty is the low watermark")
        inputs.dirtyPageCount = 10
        #expect(inputs.recommendation.reason == .none)
        inputs.isIdle = true
        #expect(inputs.recommendation == .init(flushCount: 10, evictCount: 0, reason: .idle, targetAge: 0))
    }

    @Test func `missing free frames are asked for`() {
        var inputs = PlainFlushing()
        (inputs.freeFrameCount, inputs.freeFrameTarget) = (3, 10)
        #expect(inputs.recommendation.evictCount == 7)
    }

    @Test func `recommendations stay within bounds whatever the inputs`() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2000 {
            var inputs = PlainFlushing()
            inputs.pageCount = random.below(10000)
            inputs.dirtyPageCount = random.below(inputs.pageCount + 1)
            inputs.freeFrameCount = random.below(100)
            inputs.freeFrameTarget = random.below(100)
            inputs.asyncAge = random.below(100_000)
            inputs.syncAge = inputs.asyncAge + random.below(10000)
            inputs.age = random.below(150_000)
            inputs.isIdle = random.below(2) == 0
            let found = inputs.recommendation
            #expect((0...inputs.dirtyPageCount).contains(found.flushCount))
            #expect(found.flushCount == 0 || found.reason != .none)
            #expect(inputs.age < inputs.syncAge || found.flushCount == inputs.dirtyPageCount)
        }
    }

    private func bound(
        closed: UInt64,
        dirty: UInt64? = nil,
        window: UInt64 = 0,
        flight: UInt64? = nil,
        flushed: UInt64,
        last: UInt64 = 0
    ) -> UInt64 {
        CheckpointBound(
            closed: LogSequenceNumber(rawValue: closed),
            oldestDirty: dirty.map { LogSequenceNumber(rawValue: $0) },
            relaxedOrderWindow: window,
            oldestInFlight: flight.map { LogSequenceNumber(rawValue: $0) },
            flushed: LogSequenceNumber(rawValue: flushed),
            last: LogSequenceNumber(rawValue: last)
        ).value.rawValue
    }
}
