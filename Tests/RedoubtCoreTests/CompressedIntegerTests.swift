import RedoubtCore
import Testing

/// Goal: compressed numbers are InnoDB's, byte for byte. Method: its golden values; round trips around every boundary;
/// every first byte for decoding.
@Suite struct CompressedIntegerTests {
    private func encode(_ value: UInt32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xAA, count: CompressedInteger.byteCountMaximum)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe buffer.baseAddress.map { unsafe CompressedInteger.encode(value, to: $0) }
        }
        return Array(bytes.prefix(count ?? 0))
    }

    private func decode(_ bytes: [UInt8]) -> (value: UInt32, byteCount: Int)? {
        unsafe bytes.withUnsafeBytes { unsafe CompressedInteger.decode($0) }
    }

    @Test("the golden numbers have the golden bytes")
    func goldenValues() {
        let golden: [(UInt32, [UInt8])] = [
            (0, [0x00]), (127, [0x7F]), (128, [0x80, 0x80]), (16383, [0xBF, 0xFF]), (16384, [0xC0, 0x40, 0x00]),
            (2_097_151, [0xDF, 0xFF, 0xFF]), (2_097_152, [0xE0, 0x20, 0x00, 0x00]),
            (268_435_455, [0xEF, 0xFF, 0xFF, 0xFF]), (268_435_456, [0xF0, 0x10, 0x00, 0x00, 0x00]),
            (0xFEFF_FFFF, [0xF0, 0xFE, 0xFF, 0xFF, 0xFF]), (0xFF00_0000, [0xFE, 0x00, 0x00, 0x00]),
            (0xFFFE_0000, [0xFC, 0x00, 0x00]), (0xFFFF_FC00, [0xF8, 0x00]), (0xFFFF_FFFF, [0xFB, 0xFF]),
        ]
        for (value, bytes) in golden {
            #expect(encode(value) == bytes)
            let decoded = decode(bytes)
            #expect(decoded?.value == value && decoded?.byteCount == bytes.count)
        }
    }

    @Test("numbers around every boundary come back, whatever follows them")
    func roundTrips() {
        let boundaries: [UInt32] = [
            0, 0x80, 0x4000, 0x20_0000, 0x1000_0000, 0x8000_0000, 0xFF00_0000, 0xFFFE_0000, 0xFFFF_FC00,
        ]
        for boundary in boundaries {
            for distance in -300...300 {
                let value = boundary &+ UInt32(truncatingIfNeeded: distance)
                let bytes = encode(value)
                let decoded = decode(bytes + [0xFF])
                #expect(decoded?.value == value && decoded?.byteCount == bytes.count)
                #expect(decode(Array(bytes.dropLast())) == nil)
            }
        }
    }

    @Test("bytes that start no number are refused")
    func refusals() {
        for first in UInt8.min...UInt8.max {
            let isStart = first <= 0xF0 && first < 0xF1 || (0xF8...0xFE).contains(first)
            let decoded = decode([first, 0, 0, 0, 0])
            #expect((decoded != nil) == (isStart && !(0xF1...0xF7).contains(first)))
        }
        #expect(decode([]) == nil)
    }
}
