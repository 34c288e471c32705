import CRedoubtShims
import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: the steps of a search that are written for speed say what the plain ones say.
///
/// Method: arrays of each length, with equal numbers and the least and greatest one; keys of each length that differ in
/// one byte.
@Suite(.timeLimit(.minutes(20))) struct SearchStepTests {
    @Test func `The upper bound is the number of heads that are not above a head`() {
        var random = SeededRandom(seed: 0x5EA2)
        for count in 0..<150 {
            for spread in [3, 1000, 1 << 32] {
                var heads = (0..<count).map { _ in UInt32(random.below(spread)) }
                if count > 4 { heads.replaceSubrange(0..<2, with: [0, .max]) }
                heads.sort()
                for probe in heads + [0, 1, .max, .max - 1, UInt32(random.below(spread))] {
                    let expected = heads.count { $0 <= probe }
                    let found = unsafe heads.withUnsafeBytes { bytes in
                        // Empty memory may have no address.
                        unsafe bytes.baseAddress.map { unsafe redoubt_upper_bound($0, count, probe) } ?? 0
                    }
                    #expect(found == expected)
                }
            }
        }
    }

    @Test func `Keys are equal if every byte is`() {
        for count in 0..<40 {
            let key = (0..<count).map { UInt8($0 * 7 & 0xFF) }
            #expect(isEqual(key, key))
            #expect(!isEqual(key, key + [0]))
            #expect(!isEqual(key + [0], key))
            for place in 0..<count {
                var other = key
                other[place] ^= 0x80
                #expect(!isEqual(key, other) && !isEqual(other, key))
            }
        }
    }

    private func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        unsafe left.withUnsafeBytes { left in unsafe right.withUnsafeBytes { unsafe KeyOrder.isEqual(left, $0) } }
    }
}
