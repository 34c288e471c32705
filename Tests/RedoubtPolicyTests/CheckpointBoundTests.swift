import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtPolicy

/// Goal: the checkpoint never passes a change that is not in the data files. Method: one case for each rule.
@Suite struct CheckpointBoundTests {
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

    @Test func `a checkpoint is worth its syncs while writers are short of what it sets free`() {
        func isWorthwhile(_ bound: UInt64, end: UInt64) -> Bool {
            CheckpointBound.isWorthwhile(bound: bound, checkpoint: 10_000, current: end, capacity: 64_000)
        }
        #expect(!isWorthwhile(10_000, end: 74_000), "nothing is set free")
        #expect(!isWorthwhile(11_000, end: 74_000), "a 64th is too little for two syncs")
        #expect(isWorthwhile(11_001, end: 74_000), "writers stand still")
        #expect(!isWorthwhile(20_000, end: 40_000), "there is room for 34000 bytes")
        #expect(isWorthwhile(20_000, end: 54_000), "10000 set free, and room for 20000")
        #expect(isWorthwhile(20_000, end: 200_000), "beyond the capacity")
        #expect(!isWorthwhile(20_000, end: 15_000), "a bound behind the end, as of a reading out of order")
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
