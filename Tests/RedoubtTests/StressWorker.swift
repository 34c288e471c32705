import Redoubt
import RedoubtCore
import Synchronization

/// A thread of a stress test: does this and that to its own keys, and knows what each must hold.
///
/// Used by one thread at a time: by its own until that has been joined, then by the test.
final class StressWorker: @unchecked Sendable {
    /// The steps done.
    private(set) var stepCount = 0
    /// What it added to the counters of each keyspace.
    private(set) var increments = [0, 0]

    /// What a row holds: enough to make its value again.
    private struct Row {
        let version: Int
        let length: Int
        var value: [UInt8] { StressWorld.value(version, length: length) }
    }

    private let world: StressWorld
    private let thread: Int
    private var random: SeededRandom
    private var version = 0
    // By keyspace, by region (the shared one, its own), by number.
    private var model: [[[Int: Row]]] = [[[:], [:]], [[:], [:]]]

    init(_ world: StressWorld, thread: Int, seed: UInt64) {
        self.world = world
        self.thread = thread
        random = SeededRandom(seed: seed &+ UInt64(thread) &* 7919)
    }

    /// Works until time is up.
    func run() throws {
        try world.guarding {
            while !world.isOver {
                try step()
                stepCount += 1
            }
        }
    }

    /// The rows that must be in a keyspace.
    func rows(ofKeyspace keyspace: Int) -> [[UInt8]: [UInt8]] {
        var rows: [[UInt8]: [UInt8]] = [:]
        for region in 0..<2 {
            for (number, row) in model[keyspace][region] { rows[key(region, number)] = row.value }
        }
        return rows
    }

    private func step() throws {
        let keyspace = random.below(2)
        let region = random.below(2)
        // Waves of growth and shrinking.
        let isShrinking = stepCount / 2000 % 2 == 1
        switch random.below(100) {
        case 0..<25: try isShrinking ? delete(keyspace, region) : put(keyspace, region)
        case 25..<35: try isShrinking ? put(keyspace, region) : delete(keyspace, region)
        case 35..<62: try get(keyspace, region)
        case 62..<72: try batch()
        case 72..<77: try compareAndPut(keyspace, region)
        case 77..<83: try increment(keyspace)
        case 83..<86: try deleteRange(keyspace, region)
        case 86..<94: try walkBlock(keyspace)
        case 94: try walkFar(keyspace)
        case 95..<98: try usePassing()
        default: try rarely()
        }
    }

    // MARK: Single rows

    private func put(_ keyspace: Int, _ region: Int) throws {
        let number = ownNumber(region)
        let row = newRow()
        try world.keyspaces[keyspace].put(key(region, number), row.value, durability: durability())
        model[keyspace][region][number] = row
    }

    private func delete(_ keyspace: Int, _ region: Int) throws {
        let number = ownNumber(region)
        let existed = try world.keyspaces[keyspace].delete(key(region, number), durability: durability())
        let expected = model[keyspace][region].removeValue(forKey: number) != nil
        try require(existed == expected, "delete of \(region)/\(number) found \(existed)")
    }

    private func get(_ keyspace: Int, _ region: Int) throws {
        let number = ownNumber(region)
        let found = try world.keyspaces[keyspace].get(key(region, number))
        try require(
            found == model[keyspace][region][number]?.value,
            "get of \(region)/\(number) found \(String(describing: found?.prefix(12))), \(found?.count ?? 0) bytes"
        )
    }

    private func compareAndPut(_ keyspace: Int, _ region: Int) throws {
        let number = ownNumber(region)
        let before = model[keyspace][region][number]
        let row = random.below(4) == 0 ? nil : newRow()
        let isRight = random.below(3) > 0
        let isApplied = try world.keyspaces[keyspace].compareAndPut(
            key(region, number),
            expected: isRight ? before?.value : [1, 2, 3],
            new: row?.value
        )
        try require(isApplied == isRight, "compare-and-put of \(region)/\(number)")
        if isApplied { model[keyspace][region][number] = row }
    }

    private func increment(_ keyspace: Int) throws {
        let key = StressWorld.key(StressWorld.counterRegion, random.below(6))
        while true {
            let before = try world.keyspaces[keyspace].get(key)
            let count = before.map(StressWorld.count) ?? 0
            // The length changes too, so that rows move.
            let after = StressWorld.value(count + 1, length: 8 + count * 97 % 3000)
            if try world.keyspaces[keyspace].compareAndPut(key, expected: before, new: after) { break }
        }
        increments[keyspace] += 1
    }

    // MARK: Many rows

    private func batch() throws {
        var batch = WriteBatch()
        var changes: [(keyspace: Int, region: Int, number: Int, row: Row?)] = []
        for _ in 0...random.below(12) {
            let change = (random.below(2), random.below(2))
            let number = ownNumber(change.1)
            let row = random.below(3) == 0 ? nil : newRow()
            if let row {
                try batch.put(key(change.1, number), row.value, in: world.keyspaces[change.0])
            } else {
                try batch.delete(key(change.1, number), in: world.keyspaces[change.0])
            }
            changes.append((change.0, change.1, number, row))
        }
        do throws(RedoubtError) {
            try world.keyspaces[0].database.write(batch, durability: durability())
        } catch {
            if error.code == .batchTooLarge { return }
            throw error
        }
        for change in changes { model[change.keyspace][change.region][change.number] = change.row }
    }

    private func deleteRange(_ keyspace: Int, _ region: Int) throws {
        let first = ownNumber(region)
        let end: Int
        if region == 0 {
            let blockEnd = (first / StressWorld.blockCount + 1) * StressWorld.blockCount
            end = min(blockEnd, first + 1 + random.below(StressWorld.blockCount))
        } else {
            end = min(StressWorld.ownCount, first + 1 + random.below(random.below(4) == 0 ? 600 : 30))
        }
        let prefix = byte(region)
        let range = KeyRange(
            from: [prefix, UInt8(first >> 8), UInt8(first & 255)],
            to: [prefix, UInt8(end >> 8), UInt8(end & 255)]
        )
        let removed = try world.keyspaces[keyspace].deleteRange(range, durability: durability())
        var expected = 0
        for number in first..<end where model[keyspace][region].removeValue(forKey: number) != nil { expected += 1 }
        try require(removed == expected, "\(removed) of \(expected) rows \(region)/\(first)..<\(end) were removed")
    }

    /// Walks over a block of its own, which nobody else changes, so that every row is known.
    private func walkBlock(_ keyspace: Int) throws {
        let block = ownNumber(0) / StressWorld.blockCount * StressWorld.blockCount
        let numbers = block..<block + StressWorld.blockCount
        let isReverse = random.below(2) == 0
        var expected = numbers.filter { model[keyspace][0][$0] != nil }
        if isReverse { expected.reverse() }
        var cursor = world.keyspaces[keyspace].cursor()
        var isOnRow =
            isReverse
            ? try cursor.seek(.below, [0, UInt8(numbers.upperBound >> 8), UInt8(numbers.upperBound & 255)])
            : try cursor.seek(.atLeast, [0, UInt8(block >> 8), UInt8(block & 255)])
        var seen: [Int] = []
        while isOnRow, cursor.key[0] == 0, numbers.contains(StressWorld.number(cursor.key)) {
            let number = StressWorld.number(cursor.key)
            seen.append(number)
            try require(cursor.value == model[keyspace][0][number]?.value, "the cursor on 0/\(number)")
            isOnRow = isReverse ? try cursor.previous() : try cursor.next()
        }
        try require(seen == expected, "the cursor saw \(seen), not \(expected)")
    }

    /// Walks over rows of all threads: in order, and none of its own missing.
    private func walkFar(_ keyspace: Int) throws {
        let start = random.below(StressWorld.sharedCount)
        let isReverse = random.below(2) == 0
        var cursor = world.keyspaces[keyspace].cursor()
        var isOnRow = try cursor.seek(isReverse ? .atMost : .atLeast, [0, UInt8(start >> 8), UInt8(start & 255)])
        var own = 0
        var last: [UInt8]?
        var end = start
        for _ in 0..<300 {
            guard isOnRow, cursor.key[0] == 0 else { break }
            let key = cursor.key
            if let last {
                let isInOrder = isReverse ? key.lexicographicallyPrecedes(last) : last.lexicographicallyPrecedes(key)
                try require(isInOrder, "\(key.prefix(3)) came after \(last.prefix(3))")
            }
            last = key
            end = StressWorld.number(key)
            if StressWorld.owner(end) == thread { own += 1 }
            isOnRow = isReverse ? try cursor.previous() : try cursor.next()
        }
        guard last != nil else { return }
        let range = min(start, end)...max(start, end)
        // The start may name a row with a longer key, which stands behind it.
        let expected = range.filter {
            StressWorld.owner($0) == thread && model[keyspace][0][$0] != nil
                && !(isReverse && $0 == start && key(0, $0).count > 3)
        }
        try require(own == expected.count, "the cursor saw \(own) rows of its own in \(range), not \(expected.count)")
    }

    /// Uses a keyspace that may be dropped meanwhile.
    private func usePassing() throws {
        guard let keyspace = world.passing.withLock({ $0 }) else { return }
        let key = StressWorld.key(byte(1), random.below(200))
        do throws(RedoubtError) {
            switch random.below(4) {
            case 0: _ = try keyspace.get(key)
            case 1: _ = try keyspace.delete(key)
            case 2: _ = try keyspace.count()
            default: try keyspace.put(key, newRow().value, durability: durability())
            }
        } catch {
            // It may be dropped in between.
            if error.code != .keyspaceNotFound { throw error }
        }
    }

    private func rarely() throws {
        let database = world.keyspaces[0].database
        switch random.below(20) {
        case 0: try database.checkpoint()
        case 1: _ = try database.check()
        case 2..<6: try database.flush()
        default: _ = try database.statistics()
        }
    }

    // MARK: Parts

    private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw StressFailure("thread \(thread), step \(stepCount): \(message())") }
    }

    private func byte(_ region: Int) -> UInt8 { region == 0 ? 0 : UInt8(1 + thread) }

    private func key(_ region: Int, _ number: Int) -> [UInt8] { StressWorld.key(byte(region), number) }

    /// A number that belongs to this thread; in the shared region mostly one of a few blocks.
    private func ownNumber(_ region: Int) -> Int {
        if region == 1 { return random.below(StressWorld.ownCount) }
        let turns = StressWorld.sharedCount / StressWorld.blockCount / StressWorld.threadCount
        let turn = random.below(3) == 0 ? random.below(turns) : random.below(4)
        return (turn * StressWorld.threadCount + thread) * StressWorld.blockCount + random.below(StressWorld.blockCount)
    }

    private func newRow() -> Row {
        version += 1
        let length =
            switch random.below(100) {
            case 0..<60: 8 + random.below(120)
            case 60..<85: 8 + random.below(900)
            case 85..<97: 1000 + random.below(6500)
            case 97, 98: 8500 + random.below(30_000)
            default: 8500 + random.below(150_000)
            }
        return Row(version: version * StressWorld.threadCount + thread, length: length)
    }

    private func durability() -> Durability {
        switch random.below(50) {
        case 0: .flushed
        case 1, 2: .written
        default: .deferred
        }
    }
}
