import RedoubtCore
import Testing

/// Goal: positions and sequence numbers translate as in InnoDB. Method: its golden values, and the round trip.
@Suite struct LogSequenceNumberTests {
    @Test func sequenceNumbersTranslateToTheGoldenPositions() {
        let golden: [(UInt64, UInt64)] = [
            (0, 12), (1, 13), (495, 507), (496, 524), (992, 1036), (7936, 8204), (7937, 8205), (1_000_000, 1_032_268),
        ]
        for (sequenceNumber, position) in golden {
            #expect(LogSequenceNumber(sequenceNumber: sequenceNumber).rawValue == position)
            #expect(LogSequenceNumber(rawValue: position).sequenceNumber == sequenceNumber)
        }
    }
}
