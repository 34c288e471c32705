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
