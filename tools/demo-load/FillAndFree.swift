import Redoubt
import RedoubtCore

/// Fills a small file system until the database says that it is full, frees, and begins again; nothing may be lost.
struct FillAndFree {
    /// The folder, on a small file system.
    let folder: String
    /// How often.
    let rounds: Int

    /// Runs the rounds; throws if anything was lost.
    func run() throws {
        var configuration = Configuration()
        configuration.memory = .mebibytes(16)
        configuration.redoLog.capacity = .mebibytes(8)
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        let path = folder + "/database"
        var kept: [[UInt8]: [UInt8]] = [:]
        var refusals = 0
        var written = 0
        for round in 0..<rounds {
            let database = try Database.open(at: path, configuration: configuration)
            let keyspace = try database.keyspace(named: "fill", createIfMissing: true)
            try compare(keyspace, kept, "after opening in round \(round)")
            let (count, isFull) = try fill(keyspace, round, &kept)
            written += count
            if isFull { refusals += 1 }
            try compare(keyspace, kept, "when full in round \(round)")
            try free(keyspace, round, &kept)
            try compare(keyspace, kept, "after freeing in round \(round)")
            try database.checkpoint()
            let findings = try database.check()
            if let first = findings.first { throw Failure("round \(round): \(first)") }
            try database.close()
        }
        guard refusals == rounds else { throw Failure("only \(refusals) of \(rounds) rounds filled the file system") }
        say("\(rounds) rounds filled and freed, \(written) rows written, \(refusals) refusals, 0 lost")
    }

    /// Puts rows until the file system is full, or far more than it can hold were put.
    private func fill(
        _ keyspace: Keyspace,
        _ round: Int,
        _ kept: inout [[UInt8]: [UInt8]]
    ) throws -> (count: Int, isFull: Bool) {
        var random = SeededRandom(seed: UInt64(round))
        for number in 0..<2_000_000 {
            let key = Array("\(random.below(1 << 30))-\(round)".utf8)
            let isLarge = number % 64 == 0
            let value = [UInt8](repeating: UInt8(number % 251), count: isLarge ? 50_000 : 500 + random.below(1000))
            do throws(RedoubtError) {
                try keyspace.put(key, value, durability: number % 100 == 0 ? .flushed : .deferred)
            } catch {
                guard error.code == .diskFull else { throw error }
                guard try keyspace.get(key) == kept[key] else { throw Failure("a refused write is visible") }
                return (number, true)
            }
            kept[key] = value
        }
        return (2_000_000, false)
    }

    /// Deletes most rows: in one range in even rounds, one by one in odd ones.
    private func free(_ keyspace: Keyspace, _ round: Int, _ kept: inout [[UInt8]: [UInt8]]) throws {
        let limit = Array("9".utf8)
        if round % 2 == 0 {
            _ = try keyspace.deleteRange(KeyRange(to: limit), durability: .flushed)
            kept = kept.filter { !$0.key.lexicographicallyPrecedes(limit) }
        } else {
            for key in kept.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) where key[0] != 57 {
                guard try keyspace.delete(key, durability: .deferred) else { throw Failure("a row is missing") }
                kept[key] = nil
            }
        }
    }

    private func compare(_ keyspace: Keyspace, _ kept: [[UInt8]: [UInt8]], _ moment: String) throws {
        var count = 0
        var wrong = 0
        try keyspace.scan { (key, value) throws(RedoubtError) in
            count += 1
            if kept[key] != value { wrong += 1 }
            return true
        }
        guard wrong == 0, count == kept.count else {
            throw Failure("\(moment): \(count) rows of \(kept.count), \(wrong) wrong")
        }
    }
}
