import RedoubtCore

/// A set of the pages of one file, one bit a page.
struct PageSet: Sendable {
    private var words: [UInt64]
    /// The number of pages that the set can hold.
    let capacity: UInt32

    /// Creates an empty set for a file of `capacity` pages.
    init(capacity: UInt32) {
        self.capacity = capacity
        words = Array(repeating: 0, count: (Int(capacity) + 63) / 64)
    }

    /// Adds `page`; returns false if it was there.
    ///
    /// Pages beyond the capacity are not added.
    @discardableResult
    mutating func insert(_ page: PageNumber) -> Bool {
        guard page.rawValue < capacity, !contains(page) else { return false }
        words[Int(page.rawValue / 64)] |= 1 << UInt64(page.rawValue % 64)
        return true
    }

    /// Whether `page` is there.
    func contains(_ page: PageNumber) -> Bool {
        page.rawValue < capacity && words[Int(page.rawValue / 64)] >> UInt64(page.rawValue % 64) & 1 == 1
    }

    /// The number of pages.
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// The bits of the 64 pages of extent `extent`.
    func extentBits(_ extent: Int) -> UInt64 { words[extent] }
}
