import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtPolicy

/// Goal: the counts by age say how many pages are due. Method: seeded pages against a count of the same pages one by
/// one, also where the ring of buckets wraps.
@Suite struct DirtyAgesTests {
    @Test func `buckets span at least twice the redo capacity`() {
        for capacity in [0, 2 << 20, 96 << 20, 128 << 30] {
            let ages = DirtyAges(redoCapacity: capacity)
            #expect(ages.bucketWidth * 256 >= 2 * UInt64(capacity))
            #expect(ages.bucketWidth.nonzeroBitCount == 1)
        }
    }

    @Test func `whole buckets are exact and the last is shared out`() {
        var ages = DirtyAges(redoCapacity: 256 * 512)
        #expect(ages.bucketWidth == 1024)
        for oldest: UInt64 in [1024, 1500, 2047, 2048, 3071] { ages.add(oldest) }
        #expect(ages.count(through: 2047, from: 1024) == 3)
        #expect(ages.count(through: 3071, from: 1024) == 5)
        #expect(ages.count(through: 2048 + 511, from: 1024) == 4)
        #expect(ages.count(through: 1000, from: 1024) == 0)
        #expect(ages.count(through: .max, from: 1024) == 5)
        ages.remove(1500)
        #expect(ages.count(through: 2047, from: 1024) == 2)
    }

    @Test func `random pages are counted to within a bucket, wherever the ring begins`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for start: UInt64 in [0, 3_000_000, 900_000_000_000] {
            var ages = DirtyAges(redoCapacity: 1 << 20)
            var other = DirtyAges(redoCapacity: 1 << 20)
            var pages: [UInt64] = []
            for _ in 0..<2000 {
                let oldest = start + UInt64(random.below(1 << 20))
                pages.append(oldest)
                if random.below(2) == 0 { ages.add(oldest) } else { other.add(oldest) }
            }
            ages.merge(other)
            let least = pages.min() ?? 0
            for _ in 0..<200 {
                let limit = start + UInt64(random.below(1 << 20))
                let exact = pages.count { $0 <= limit }
                let width = ages.bucketWidth
                let sameBucket = pages.count { $0 / width == limit / width }
                let counted = ages.count(through: limit, from: least)
                #expect(abs(counted - exact) <= sameBucket, "seed \(seed): \(limit) from \(least)")
            }
            #expect(ages.count(through: least + (1 << 20) + ages.bucketWidth, from: least) == pages.count)
        }
    }
}
