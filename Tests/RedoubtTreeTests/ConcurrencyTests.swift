import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: every operation is atomic for all threads; batches are seen whole or not at all; cursors lose and repeat
/// nothing.
///
/// Method: threads of the operating system over few keys, with counters whose sum must be right in the end.
@Suite(.serialized) struct ConcurrencyTests {
    @Test("Threads with keys of their own find what they put, while the tree splits and merges")
    func ownKeys() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        try onThreads(4, within: 120) { thread in
            var random = SeededRandom(seed: UInt64(thread) + 77)
            var model: [Int: Int] = [:]
            for step in 0..<3000 {
                let number = random.below(500) * 4 + thread
                let length = [8, 60, 600, 9000][random.below(50) == 0 ? 3 : random.below(3)]
                // Waves of growth and shrinking.
                if random.below(100) < (step / 500 % 2 == 0 ? 20 : 80) {
                    let existed = try tree.delete(key(number))
                    #expect(existed == (model.removeValue(forKey: number) != nil))
                } else {
                    try tree.put(key(number), value(number, length: length))
                    model[number] = length
                }
                let probe = random.below(500) * 4 + thread
                let found = try tree.value(key(probe))
                #expect(found == model[probe].map { value(probe, length: $0) })
            }
        }
        try fixture.check()
    }

    @Test("Compare-and-put loses no increment")
    func counters() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        let threads = 4
        let increments = 400
        try onThreads(threads, within: 120) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            for _ in 0..<increments {
                let counter = key(random.below(8), length: 300)
                while true {
                    let before = try tree.value(counter)
                    let count = before.map { Int($0[0]) | Int($0[1]) << 8 } ?? 0
                    // The length changes too, so that rows move.
                    var after = [UInt8](repeating: 9, count: 2 + (count * 97) % 3000)
                    after[0] = UInt8(truncatingIfNeeded: count + 1)
                    after[1] = UInt8(truncatingIfNeeded: (count + 1) >> 8)
                    if try tree.compareAndPut(counter, expected: before, new: after) { break }
                }
            }
        }
        let total = try tree.rows().reduce(0) { total, row in total + (Int(row.value[0]) | Int(row.value[1]) << 8) }
        #expect(total == threads * increments)
        try fixture.check()
    }

    @Test(
        "A cursor sees each row that stays exactly once and in order, during splits and merges",
        arguments: [true, false]
    )
    func cursorsDuringChanges(_ isForward: Bool) throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        let stable = 600
        for number in 0..<stable { try tree.put(key(number * 10), value(number, length: 50)) }
        let isDone = Atomic<Bool>(false)
        try onThreads(3, within: 120) { thread in
            if thread == 0 {
                defer { isDone.store(true, ordering: .releasing) }
                for _ in 0..<40 {
                    var seen: [Int] = []
                    var previous: [UInt8] = []
                    var cursor = Cursor(tree)
                    while unsafe isForward ? try cursor.next() : try cursor.previous() {
                        let current = unsafe Array(cursor.key)
                        if !previous.isEmpty {
                            #expect(
                                isForward
                                    ? previous.lexicographicallyPrecedes(current)
                                    : current.lexicographicallyPrecedes(previous)
                            )
                        }
                        previous = current
                        let number = current.prefix(8).reduce(0) { $0 << 8 | Int($1) }
                        if number % 10 == 0 { seen.append(number / 10) }
                    }
                    #expect(seen == (isForward ? Array(0..<stable) : (0..<stable).reversed()))
                }
                return
            }
            var random = SeededRandom(seed: UInt64(thread) * 31)
            var step = 0
            while !isDone.load(ordering: .acquiring) {
                let number = random.below(stable) * 10 + 1 + random.below(9)
                step += 1
                if step / 400 % 2 == 0 {
                    try tree.put(key(number), value(number, length: 400))
                } else {
                    try tree.delete(key(number))
                }
            }
        }
        try fixture.check()
    }

    @Test("Batches over two trees are seen whole or not at all")
    func batches() throws {
        let fixture = try TreeFixture()
        let trees = [fixture.tree, fixture.second]
        let isDone = Atomic<Int>(0)
        let writers = 2
        // Each batch writes the same number under keys all over both trees. Key by key the numbers only grow, and a
        // reader that reads key b after key a must find b at least as new.
        try onThreads(writers + 3, within: 120) { thread in
            if thread == writers + 2 { return try churn(trees) { isDone.load(ordering: .acquiring) == writers } }
            if thread < writers {
                defer { isDone.wrappingAdd(1, ordering: .releasing) }
                for round in 1...120 {
                    var batch = TreeBatch(like: trees[0])
                    for number in 0..<30 {
                        let row = value(round, length: number % 10 == 3 ? 9000 : 8 + (round * 53 + number * 17) % 900)
                        let stamped = key(round) + row
                        try unsafe key(number * 100 + thread, length: 20).withUnsafeBytes { key in
                            try unsafe stamped.withUnsafeBytes { unsafe try batch.put(trees[number % 2], key, $0) }
                        }
                    }
                    let end = try batch.commit()
                    #expect(end != nil)
                }
                return
            }
            var random = SeededRandom(seed: UInt64(thread))
            while isDone.load(ordering: .acquiring) < writers {
                let writer = random.below(writers)
                let first = random.below(30)
                let second = random.below(30)
                let before = try round(trees[first % 2], first, writer)
                let after = try round(trees[second % 2], second, writer)
                #expect(after >= before)
            }
        }
        for thread in 0..<writers {
            for number in 0..<30 { #expect(try round(trees[number % 2], number, thread) == 120) }
        }
        try fixture.check(fixture.tree)
        try fixture.check(fixture.second)
    }

    /// Makes the leaves around the rows of batches split and merge until `isDone`.
    private func churn(_ trees: [Tree], until isDone: () -> Bool) throws {
        var random = SeededRandom(seed: 5)
        var step = 0
        while !isDone() {
            step += 1
            let key = key(random.below(30) * 100 + 10 + random.below(80), length: 20)
            let tree = trees[step % 2]
            if step / 300 % 2 == 0 { try tree.put(key, value(step, length: 700)) } else { try tree.delete(key) }
        }
    }

    private func round(_ tree: Tree, _ number: Int, _ writer: Int) throws -> Int {
        let row = try tree.value(key(number * 100 + writer, length: 20))
        return row.map { $0.prefix(8).reduce(0) { $0 << 8 | Int($1) } } ?? 0
    }
}
