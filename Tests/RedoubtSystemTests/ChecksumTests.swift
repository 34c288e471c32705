import RedoubtCore
import RedoubtSystem
import Testing

/// Goal: the checksum by instruction is the one by table. Method: the check value of CRC-32C; every length up to 5000
/// at every alignment of a word in turn; a sum continued in two parts.
@Suite struct ChecksumTests {
    @Test("the check value is e3069283")
    func checkValue() {
        let text = Array("123456789".utf8)
        unsafe text.withUnsafeBytes {
            #expect(unsafe Checksum.crc32c($0) == 0xE306_9283)
            #expect(unsafe Checksum.crc32cByTable($0) == 0xE306_9283)
        }
    }

    @Test("instruction and table agree on every length")
    func lengths() {
        var random = SeededRandom(seed: 1)
        let bytes = (0..<5008).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        unsafe bytes.withUnsafeBytes { all in
            for length in 0...5000 {
                let part = unsafe UnsafeRawBufferPointer(rebasing: all[length % 8..<length % 8 + length])
                let sum = unsafe Checksum.crc32c(part)
                guard unsafe sum == Checksum.crc32cByTable(part) else {
                    Issue.record("the sums of \(length) bytes differ")
                    return
                }
                let cut = length / 3
                let first = unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: part[..<cut]))
                let both = unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: part[cut...]), seed: first)
                #expect(both == sum)
            }
        }
    }
}
