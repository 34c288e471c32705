import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Writes rows 0, 1, 2, ... under a prefix of its own, each when the one before was acknowledged; and says which of
/// them a database must have, may have, and has.
final class BackupClient: Sendable {
    private let prefix: String
    private let keyspace: String
    private let issued = Atomic<Int>(0)
    private let acknowledged = Atomic<Int>(0)

    init(_ number: Int, in keyspace: String) {
        prefix = "client \(number): "
        self.keyspace = keyspace
    }

    /// Writes the next row.
    func write(_ database: Database) throws(RedoubtError) {
        let number = issued.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue
        try database.keyspace(named: keyspace).put(key(number), Self.value(number), durability: .flushed)
        acknowledged.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }

    /// The rows that are acknowledged: a backup that begins now has them.
    var acknowledgedCount: Int { acknowledged.load(ordering: .sequentiallyConsistent) }
    /// The rows that were begun: a backup that has ended has no more.
    var issuedCount: Int { issued.load(ordering: .sequentiallyConsistent) }

    /// Says what is wrong with the rows that `database` has, or nil: they must be the first ones, as many as `range`
    /// allows, with their values.
    func complaint(_ database: Database, _ range: ClosedRange<Int>) throws(RedoubtError) -> String? {
        let keyspace = try database.keyspace(named: keyspace)
        var count = 0
        while count <= range.upperBound, let value = try keyspace.get(key(count)) {
            if value != Self.value(count) { return "\(prefix)row \(count) has a wrong value" }
            count += 1
        }
        if !range.contains(count) { return "\(prefix)\(count) rows, expected \(range)" }
        // Nothing behind a hole.
        let all = try keyspace.count(KeyRange(prefix: Array(prefix.utf8)))
        return all == count ? nil : "\(prefix)\(all) rows, but only the first \(count) without a hole"
    }

    private func key(_ number: Int) -> String {
        // In no order, so that pages everywhere change.
        let spread = String(UInt32(truncatingIfNeeded: number) &* 2_654_435_761, radix: 16)
        return prefix + String(repeating: "0", count: 8 - spread.utf8.count) + spread
    }

    private static func value(_ number: Int) -> [UInt8] {
        let isLarge = number % 23 == 5
        return [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: isLarge ? 20_000 : 100 + number % 900)
    }
}
