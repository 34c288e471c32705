import RedoubtCore
import Testing

/// Goal: sizes are what their units say, and print with the largest that divides them. Method: examples.
@Suite struct ByteCountTests {
    @Test("units are powers of 1024")
    func units() {
        #expect(ByteCount.bytes(7).rawValue == 7)
        #expect(ByteCount.kibibytes(3).rawValue == 3072)
        #expect(ByteCount.mebibytes(2).rawValue == 2_097_152)
        #expect(ByteCount.gibibytes(128).rawValue == 137_438_953_472)
        #expect(ByteCount.kibibytes(1024) == .mebibytes(1))
        #expect(ByteCount.kibibytes(1023) < .mebibytes(1))
    }

    @Test("a size prints with the largest unit that divides it")
    func descriptions() {
        let golden: [(ByteCount, String)] = [
            (.bytes(0), "0 B"), (.bytes(1023), "1023 B"), (.bytes(1024), "1 KiB"), (.kibibytes(1536), "1536 KiB"),
            (.mebibytes(128), "128 MiB"), (.gibibytes(2), "2 GiB"), (.bytes((1 << 30) + 1), "1073741825 B"),
        ]
        for (size, text) in golden { #expect(size.description == text) }
    }
}
