/// How many dirty pages have their oldest change where in the log: 256 buckets of log positions.
///
/// A flush list keeps one, changed at each insertion and removal under the latch of the list, so that a policy sees
/// what pages are due when without walking a list. Positions count modulo 256 buckets: the width is a power of two
/// such that the buckets span at least twice the redo capacity, so two ages never share one.
///
/// ## Invariants
/// 1. The sum of ``counts`` is ``total``.
/// 2. All pages counted lie within 256 buckets of each other.
package struct DirtyAges: Sendable {
    /// The number of buckets.
    package static var bucketCount: Int { 256 }

    /// The positions that one bucket stands for, a power of two.
    package let bucketWidth: UInt64
    /// Pages by `oldest / bucketWidth % 256`.
    package private(set) var counts = InlineArray<256, UInt32>(repeating: 0)
    /// All pages counted.
    package private(set) var total = 0

    /// Creates empty counts for a log of `redoCapacity` bytes.
    package init(redoCapacity: Int) {
        var width: UInt64 = 512
        while width * UInt64(Self.bucketCount / 2) < UInt64(max(0, redoCapacity)) { width *= 2 }
        bucketWidth = width
    }

    /// Creates empty counts with buckets of `width` bytes, a power of two.
    package init(width: UInt64) {
        precondition(width.nonzeroBitCount == 1, "buckets of \(width) bytes")
        bucketWidth = width
    }

    /// Counts a page that became dirty with the change at `oldest`.
    package mutating func add(_ oldest: UInt64) {
        counts[bucket(oldest)] &+= 1
        total += 1
    }

    /// Forgets a page that was added with `oldest`.
    package mutating func remove(_ oldest: UInt64) {
        assert(counts[bucket(oldest)] > 0, "no page is counted at \(oldest)")
        counts[bucket(oldest)] &-= 1
        total -= 1
    }

    /// Adds the pages of `other`, which has the same width.
    package mutating func merge(_ other: DirtyAges) {
        precondition(bucketWidth == other.bucketWidth, "ages in buckets of \(bucketWidth) and \(other.bucketWidth)")
        for index in counts.indices { counts[index] &+= other.counts[index] }
        total += other.total
    }

    /// The pages whose oldest change is in the bucket with `index`, positions divided by the width.
    subscript(index: UInt64) -> UInt32 { counts[Int(index % UInt64(Self.bucketCount))] }

    /// Returns about how many pages have their oldest change at or below `limit`, if none has it below `oldest`.
    ///
    /// Exact for whole buckets; the pages of the bucket in which `limit` lies are taken as spread evenly.
    package func count(through limit: UInt64, from oldest: UInt64) -> Int {
        guard limit >= oldest, total > 0 else { return 0 }
        let first = oldest / bucketWidth
        let last = limit / bucketWidth
        if last - first >= UInt64(Self.bucketCount) { return total }
        var sum = 0
        var position = first
        while position < last {
            sum += Int(counts[Int(position % 256)])
            position += 1
        }
        let start = max(oldest, last * bucketWidth)
        let covered = Double(limit - start + 1) / Double((last + 1) * bucketWidth - start)
        return sum + Int((Double(counts[Int(last % 256)]) * covered).rounded(.up))
    }

    private func bucket(_ position: UInt64) -> Int { Int(position / bucketWidth % 256) }
}
