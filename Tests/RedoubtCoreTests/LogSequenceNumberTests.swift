import RedoubtCore
import Testing

/// Goal: positions and sequence numbers translate as in InnoDB. Method: its golden values, and the round trip.
@Suite struct LogSequenceNumberTests {
    @Test("sequence numbers translate to the golden positions and back")
    func goldenPositions() {
        let golden: [(UInt64, UInt64)] = [
            (0, 12), (1, 13), (495, 507), (496, 524), (992, 1036), (7936, 8204), (7937, 8205), (1_000_000, 1_032_268),
        ]
        for (sequenceNumber, position) in golden {
            #expect(LogSequenceNumber(sequenceNumber: sequenceNumber).rawValue == position)
            #expect(LogSequenceNumber(rawValue: position).sequenceNumber == sequenceNumber)
        }
        #expect(LogSequenceNumber.start.rawValue == 8192)
        #expect(LogSequenceNumber.firstUser.sequenceNumber == 7936)
    }

    @Test("positions in a header or trailer count as its edge")
    func edges() {
        let golden: [(UInt64, UInt64)] = [
            (0, 0), (11, 0), (12, 0), (507, 495), (508, 496), (511, 496), (512, 496), (523, 496),
        ]
        for (position, sequenceNumber) in golden {
            #expect(LogSequenceNumber(rawValue: position).sequenceNumber == sequenceNumber)
        }
    }
}
