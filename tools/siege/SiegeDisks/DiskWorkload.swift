import RedoubtCore
import RedoubtSimulation

/// The transactions that every target makes, the same for all of them: it follows from the seed.
struct DiskWorkload: Sendable {
    struct Change: Sendable, Equatable {
        let key: String
        /// Nil removes the row.
        let value: String?
    }

    /// The keys that there are, so that rows are overwritten.
    static let keyCount = 40

    /// The changes of each transaction; that of commit number 1 comes first.
    let transactions: [[Change]]
    /// The rows after each number of commits, from none.
    let contents: [[String: String]]

    init(seed: UInt64, count: Int) {
        var transactions: [[Change]] = []
        var contents: [[String: String]] = [[:]]
        for number in 1...max(1, count) {
            let changes = Self.changes(seed, number)
            transactions.append(changes)
            var rows = contents[number - 1]
            for change in changes { rows[change.key] = change.value }
            contents.append(rows)
        }
        self.transactions = transactions
        self.contents = contents
    }

    /// One to three rows; mostly some hundred bytes, at times so many that a page does not hold them.
    ///
    /// The first one is always put and says the number, so that no two contents are equal.
    private static func changes(_ seed: UInt64, _ number: Int) -> [Change] {
        var random = SeededRandom(seed: mix(seed &+ UInt64(number)))
        var left = Array(0..<keyCount)
        return (0..<1 + random.below(3)).map { index in
            let key = "key-\(left.remove(at: random.below(left.count)))"
            if index > 0 && random.below(4) == 0 { return Change(key: key, value: nil) }
            let length = random.below(8) == 0 ? 5000 + random.below(4000) : 20 + random.below(500)
            let letter = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(random.below(26))))
            return Change(key: key, value: "\(number)-\(index)-" + String(repeating: letter, count: length))
        }
    }
}
