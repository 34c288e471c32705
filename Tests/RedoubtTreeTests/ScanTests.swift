import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a scan shows the rows of its range once and in order, and makes room for writers between two rows.
///
/// Method: scans with bounds at, between and beyond keys, compared with a sorted list; writers that wait for the leaf
/// that a scan stands in; threads that split and merge leaves meanwhile.
@Suite(.serialized, .timeLimit(.minutes(20))) struct ScanTests {
    @Test func `A scan shows the rows of its range, also beside marks and values outside their page`() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        var random = SeededRandom(seed: 0x5CA9)
        var lengths: [Int: Int] = [:]
        for _ in 0..<1000 {
            let number = random.below(4000) * 2 + 2
            let length = random.below(40) == 0 ? 20_000 : random.below(300)
            try tree.put(key(number), value(number, length: length))
            lengths[number] = length
        }
        for number in Array(lengths.keys).sorted() where random.below(3) == 0 {
            try tree.delete(key(number))
            lengths[number] = nil
        }
        let sorted = lengths.keys.sorted()
        var probes: [Int?] = [nil, 0, 1, 8004, 8005]
        for _ in 0..<6 { probes.append(sorted[random.below(sorted.count)] + random.below(3) - 1) }
        for lower in probes {
            for upper in probes {
                let expected = sorted.filter { $0 >= lower ?? 0 && $0 < upper ?? .max }
                let limit = random.below(4) == 0 ? random.below(300) + 1 : .max
                let seen = try tree.scanned(lower.map { key($0) }, upper.map { key($0) }, limit: limit)
                #expect(seen.map(\.number) == Array(expected.prefix(limit)), "from \(lower ?? -1) to \(upper ?? -1)")
                for row in seen {
                    #expect(row.byteCount == lengths[row.number])
                    let shown = row.byteCount > 8126 ? [] : value(row.number, length: row.byteCount)
                    #expect(row.value == shown)
                }
            }
        }
        #expect(try tree.scanned([], nil).count == sorted.count)
        #expect(try tree.scanned(nil, []).isEmpty)
        try fixture.check()
    }

    @Test func `A leaf with more rows than it counts is an error, not the end of a scan`() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        for number in 0..<100 { try tree.put(key(number), value(number, length: 20)) }
        let root = try #require(tree.kernel.pool.peek(tree.rootID))
        root.lockExclusive()
        let recordCountOffset = 54
        #expect(root.bytes.u16(at: recordCountOffset) == 100)
        root.bytes.store(UInt16(60), at: recordCountOffset)
        root.unlockExclusive()
        var seen = 0
        let error = #expect(throws: RedoubtError.self) {
            unsafe try tree.scan(from: nil, to: nil) { (_, _, _) throws(RedoubtError) in
                seen += 1
                return true
            }
        }
        #expect(error?.code == .corruptPage && error?.page == tree.rootID && seen < 100)
    }

    @Test func `A writer that waits for a leaf is let in before the scan of the leaf ends`() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        for number in 0..<100 { try tree.put(key(number), value(number, length: 20)) }
        #expect(try fixture.height() == 1)
        let root = try #require(tree.kernel.pool.peek(tree.rootID))
        let begun = Atomic<Bool>(false)
        let written = Atomic<Bool>(false)
        let seen = Mutex<[[UInt8]]>([])
        try onThreads(2) { thread in
            if thread == 0 {
                #expect(spin { begun.load(ordering: .acquiring) })
                try tree.put(key(99), [1, 2, 3])
                return written.store(true, ordering: .releasing)
            }
            unsafe try tree.scan(from: nil, to: nil) { (_, value, _) throws(RedoubtError) in
                begun.store(true, ordering: .releasing)
                // Each row is a chance for the writer: it may not run as soon as it could.
                _ = spin(within: 0.2) { root.isWanted || written.load(ordering: .acquiring) }
                let copy = unsafe Array(value)
                seen.withLock { $0.append(copy) }
                return true
            }
        }
        let values = seen.withLock { $0 }
        #expect(values.count == 100)
        #expect(values.last == [1, 2, 3])
    }

    @Test func `What a visitor throws ends the scan, and the leaf is free again`() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        for number in 0..<100 { try tree.put(key(number), value(number, length: 20)) }
        var count = 0
        #expect(throws: RedoubtError.self) {
            unsafe try tree.scan(from: nil, to: nil) { (_, _, _) throws(RedoubtError) in
                count += 1
                if count == 7 { throw RedoubtError(.busy, "enough") }
                return true
            }
        }
        #expect(count == 7)
        let root = try #require(tree.kernel.pool.peek(tree.rootID))
        #expect(root.tryLockExclusive())
        root.unlockExclusive()
    }

    @Test func `A scan sees each row that stays exactly once and in order, during splits and merges`() throws {
        let fixture = try TreeFixture()
        let tree = fixture.tree
        let stable = 600
        for number in 0..<stable { try tree.put(key(number * 10), value(number, length: 50)) }
        let isDone = Atomic<Bool>(false)
        try onThreads(3, within: 120) { thread in
            if thread == 0 {
                defer { isDone.store(true, ordering: .releasing) }
                for _ in 0..<60 {
                    let seen = try tree.scanned(nil, nil).map(\.number)
                    #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 < $1 })
                    #expect(seen.filter { $0 % 10 == 0 } == (0..<stable).map { $0 * 10 })
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
}

extension Tree {
    /// What a scan shows, at most `limit` rows.
    fileprivate func scanned(
        _ lower: [UInt8]?,
        _ upper: [UInt8]?,
        limit: Int = .max
    ) throws -> [(number: Int, value: [UInt8], byteCount: Int)] {
        var rows: [(number: Int, value: [UInt8], byteCount: Int)] = []
        try unsafe withBytes(lower) { lower in
            try unsafe withBytes(upper) { upper in
                unsafe try scan(from: lower, to: upper) { (key, value, byteCount) throws(RedoubtError) in
                    let number = unsafe key.prefix(8).reduce(0) { $0 << 8 | Int($1) }
                    unsafe rows.append((number, Array(value), byteCount))
                    return rows.count < limit
                }
            }
        }
        return rows
    }
}
