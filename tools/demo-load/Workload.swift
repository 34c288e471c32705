import RedoubtCore

/// The writes of one thread: operation n is a function of thread and n alone, so whoever knows how many were
/// acknowledged knows what the database must hold.
///
/// Each thread has keys of its own, so threads need not agree on an order. Every operation may be done twice in a row
/// to no other effect than once: a thread that was killed begins again with the first operation not acknowledged.
struct Workload: Sendable {
    /// The change of one key: the operation that its value belongs to, or nil for none.
    struct Change: Sendable, Equatable {
        /// 0 for the first keyspace, 1 for the second.
        let keyspace: Int
        /// The key, as a number.
        let key: Int
        /// What the key has afterwards.
        let value: Int?
    }

    /// The keyspaces that are written to.
    static let keyspaces = ["ledger", "audit"]

    /// The thread.
    let thread: Int
    /// How many keys the thread has in each keyspace.
    let keyCount: Int

    /// The changes of operation `number`, which happen together.
    func changes(_ number: Int) -> [Change] {
        var random = SeededRandom(seed: UInt64(thread) << 40 | UInt64(number))
        let key = random.below(keyCount)
        switch random.below(100) {
        case 0..<60:
            return [Change(keyspace: 0, key: key, value: number)]
        case 60..<75:
            return [Change(keyspace: 0, key: key, value: nil)]
        case 75..<78:
            // A value of many pages.
            return [Change(keyspace: 1, key: key, value: number)]
        default:
            var result: [Change] = []
            var seen: Set<Int> = []
            for _ in 0..<(2 + random.below(12)) {
                let other = random.below(keyCount)
                if !seen.insert(other).inserted { continue }
                let isDelete = random.below(4) == 0
                result.append(Change(keyspace: random.below(2), key: other, value: isDelete ? nil : number))
            }
            return result
        }
    }

    /// What operation `number` waits for.
    func durability(_ number: Int) -> Durability { number % 4 == 3 ? .written : .flushed }

    /// The bytes of a key.
    func key(_ number: Int) -> [UInt8] {
        // Spread over the tree, so that pages split in the middle.
        let spread = UInt32(truncatingIfNeeded: number) &* 0x9E37_79B1
        return Array("t\(thread)-\(spread)-\(number)".utf8)
    }

    /// What every key of the thread begins with.
    var prefix: [UInt8] { Array("t\(thread)-".utf8) }

    /// The value that operation `number` gives to `key`.
    func value(_ number: Int, key: Int, keyspace: Int) -> [UInt8] {
        var random = SeededRandom(seed: UInt64(number) &* 31 &+ UInt64(key))
        let isLarge = keyspace == 1 && key % 16 == 0
        let count = isLarge ? 10_000 + random.below(60_000) : random.below(300)
        var bytes = Array("operation \(number) of thread \(thread), key \(key): ".utf8)
        bytes.reserveCapacity(bytes.count + count)
        var word = random.next()
        for index in 0..<count {
            if index % 8 == 0 { word = random.next() }
            bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(index % 8 * 8)))
        }
        return bytes
    }

    /// What the keyspaces must hold for this thread after its first `count` operations.
    func state(after count: Int) -> State {
        var state = State()
        for number in 0..<count { state.apply(changes(number)) }
        return state
    }

    /// The keys of a thread that have a value, with the operation that it belongs to.
    struct State: Sendable, Equatable {
        private(set) var rows: [[Int: Int]] = [[:], [:]]

        /// Makes `changes`.
        mutating func apply(_ changes: [Change]) {
            for change in changes { rows[change.keyspace][change.key] = change.value }
        }
    }
}
