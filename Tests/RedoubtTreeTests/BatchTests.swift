import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a batch does all that it says, whatever room it finds.
///
/// Method: batches into empty, full and mixed trees against a dictionary; limits by their errors.
@Suite struct BatchTests {
    @Test("A thousand rows of 116 bytes fit with default options of redo")
    func thousandRows() throws {
        let fixture = try TreeFixture(memory: .mebibytes(256), redo: .mebibytes(128))
        var batch = TreeBatch(like: fixture.tree)
        for number in 0..<1000 {
            try unsafe key(number * 7919 % 100_003, length: 16).withUnsafeBytes { key in
                try unsafe value(number, length: 100).withUnsafeBytes { unsafe try batch.put(fixture.tree, key, $0) }
            }
        }
        #expect(batch.count == 1000)
        let end = try batch.commit()
        #expect(end != nil)
        #expect(try fixture.tree.rows().count == 1000)
        try fixture.check()
    }

    @Test("Random batches leave what they leave in a dictionary")
    func randomBatches() throws {
        let fixture = try TreeFixture(memory: .mebibytes(64), redo: .mebibytes(64))
        var random = SeededRandom(seed: testSeed())
        var model: [[UInt8]: [UInt8]] = [:]
        for round in 0..<60 {
            var batch = TreeBatch(like: fixture.tree)
            let span = [50, 3000][random.below(2)]
            let base = random.below(3000)
            for _ in 0..<(1 + random.below(60)) {
                let key = key(base + random.below(span), length: 8 + random.below(3) * 40)
                if random.below(100) < [20, 90][round / 10 % 2] {
                    model[key] = nil
                    try unsafe key.withUnsafeBytes { unsafe try batch.delete(fixture.tree, $0) }
                } else {
                    let value = value(
                        round,
                        length: [0, 50, 500, 3000, 12_000][random.below(25) == 0 ? 4 : random.below(4)]
                    )
                    if value.count > 8000 && random.below(3) > 0 { continue }
                    model[key] = value
                    try unsafe key.withUnsafeBytes { key in
                        try unsafe value.withUnsafeBytes { unsafe try batch.put(fixture.tree, key, $0) }
                    }
                }
            }
            _ = try batch.commit()
            if round % 10 == 9 {
                try fixture.check()
                let rows = try fixture.tree.rows()
                let expected = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }
                #expect(rows.map(\.key) == expected.map(\.key))
                #expect(rows.map(\.value) == expected.map(\.value))
            }
        }
    }

    @Test("Rows that many full leaves have no room for get it, and all are there")
    func manyFullLeaves() throws {
        let fixture = try TreeFixture(memory: .mebibytes(64), redo: .mebibytes(64))
        var loader = BulkLoader(fixture.tree, fillPercent: 100)
        for number in 0..<6000 {
            try unsafe key(2 * number, length: 16).withUnsafeBytes { key in
                try unsafe value(number, length: 100).withUnsafeBytes { unsafe try loader.add(key, $0) }
            }
        }
        _ = try loader.finish()
        var random = SeededRandom(seed: testSeed())
        var expected = Set(0..<6000)
        var batch = TreeBatch(like: fixture.tree)
        for _ in 0..<700 {
            // Every third row is one that is there, with another length.
            let number = 2 * random.below(6000) + (random.below(3) == 0 ? 0 : 1)
            if number % 2 == 1 { expected.insert(10_000 + number) }
            try unsafe key(number, length: 16).withUnsafeBytes { key in
                try unsafe value(number, length: 90 + random.below(40)).withUnsafeBytes {
                    unsafe try batch.put(fixture.tree, key, $0)
                }
            }
        }
        _ = try batch.commit()
        try fixture.check()
        #expect(try fixture.tree.rows().count == expected.count)
    }

    @Test("Keys that begin alike are sorted by what follows, for each tree, and the last change of each wins")
    func keysThatBeginAlike() throws {
        let fixture = try TreeFixture()
        var random = SeededRandom(seed: testSeed())
        var models: [[[UInt8]: [UInt8]]] = [[:], [:]]
        var batch = TreeBatch(like: fixture.tree)
        for number in 0..<150 {
            let which = random.below(2)
            let tree = which == 0 ? fixture.tree : fixture.second
            // The first eight bytes are the same, or all there is.
            let tail = (0..<random.below(3)).map { _ in UInt8(random.below(3)) }
            let key = [UInt8](repeating: 7, count: 6 + random.below(3)) + tail
            let value = [UInt8(number)]
            models[which][key] = value
            try unsafe key.withUnsafeBytes { key in
                try unsafe value.withUnsafeBytes { unsafe try batch.put(tree, key, $0) }
            }
        }
        _ = try batch.commit()
        try fixture.check()
        for (model, tree) in zip(models, [fixture.tree, fixture.second]) {
            let expected = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            let rows = try tree.rows()
            #expect(rows.map(\.key) == expected.map(\.key))
            #expect(rows.map(\.value) == expected.map(\.value))
        }
    }

    @Test("An arena gives back what was appended, also where nothing was")
    func arena() {
        var arena = ByteArena()
        var expected: [UInt8] = []
        var ranges: [Range<Int>] = []
        for length in [0, 3, 1000, 0, 5000, 70_000] {
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: length), count: length)
            unsafe bytes.withUnsafeBytes { unsafe ranges.append(arena.append($0)) }
            expected += bytes
        }
        #expect(ranges == [0..<0, 0..<3, 3..<1003, 1003..<1003, 1003..<6003, 6003..<76_003])
        #expect(arena.count == expected.count)
        let sealed = arena.seal()
        #expect(unsafe Array(sealed.bytes) == expected)
        #expect(unsafe ByteArena().seal().bytes.isEmpty)
    }

    @Test("The last change of a key wins, and a batch beyond the bound is refused with the bound")
    func bounds() throws {
        let fixture = try TreeFixture()
        var batch = TreeBatch(like: fixture.tree)
        let one = key(1)
        let five: [UInt8] = [5]
        try unsafe one.withUnsafeBytes { unsafe try batch.put(fixture.tree, $0, $0) }
        try unsafe one.withUnsafeBytes { unsafe try batch.delete(fixture.tree, $0) }
        try unsafe one.withUnsafeBytes { key in
            try unsafe five.withUnsafeBytes { unsafe try batch.put(fixture.tree, key, $0) }
        }
        _ = try batch.commit()
        #expect(try fixture.tree.rows().map(\.value) == [five])
        var large = TreeBatch(like: fixture.tree)
        var refusal: RedoubtError?
        do {
            for number in 0..<100_000 {
                try unsafe key(number).withUnsafeBytes { unsafe try large.put(fixture.tree, $0, $0) }
            }
        } catch let error as RedoubtError {
            refusal = error
        }
        #expect(refusal?.code == .batchTooLarge)
        #expect(refusal?.message.contains("\(large.rowCountMaximum)") ?? false)
    }

    @Test("A batch of the most rows is applied, however many instances share the frames", arguments: [1, 8])
    func mostRows(_ instances: Int) throws {
        let fixture = try TreeFixture(instances: instances)
        var batch = TreeBatch(like: fixture.tree)
        while batch.count < 100_000 {
            let tree = batch.count % 2 == 0 ? fixture.tree : fixture.second
            do {
                try unsafe key(batch.count).withUnsafeBytes { unsafe try batch.put(tree, $0, $0) }
            } catch let error as RedoubtError {
                #expect(error.code == .batchTooLarge)
                break
            }
        }
        let count = batch.count
        #expect(count == batch.rowCountMaximum && count > 32)
        _ = try batch.commit()
        #expect(try fixture.tree.rows().count + fixture.second.rows().count == count)
    }

    @Test("Batches that write many chains share the pending slots without waiting for each other for ever")
    func batchesWithManyChains() throws {
        let fixture = try TreeFixture(memory: .mebibytes(64), redo: .mebibytes(64))
        try onThreads(4) { thread in
            var batch = TreeBatch(like: fixture.tree)
            for number in 0..<TreeBatch.offPageCountMaximum {
                try unsafe key(thread * 100 + number).withUnsafeBytes { key in
                    try unsafe value(number, length: 9000).withUnsafeBytes {
                        unsafe try batch.put(fixture.tree, key, $0)
                    }
                }
            }
            _ = try batch.commit()
        }
        try fixture.check()
        #expect(try fixture.tree.rows().count == 4 * TreeBatch.offPageCountMaximum)
        // One that wants more slots than there are is refused instead of waiting for itself.
        var batch = TreeBatch(like: fixture.tree)
        for number in 0..<96 {
            let key = key(number / 32 * 100 + number % 32)
            try unsafe key.withUnsafeBytes { unsafe try batch.delete(fixture.tree, $0) }
        }
        var refusal: RedoubtError?
        do { _ = try batch.commit() } catch { refusal = error }
        #expect(refusal?.code == .batchTooLarge)
        var mixed = TreeBatch(like: fixture.tree)
        for number in 0..<32 {
            try unsafe key(900 + number).withUnsafeBytes { key in
                try unsafe value(number, length: 9000).withUnsafeBytes { unsafe try mixed.put(fixture.tree, key, $0) }
            }
        }
        for number in 0..<40 {
            let key = key(number / 32 * 100 + number % 32)
            try unsafe key.withUnsafeBytes { unsafe try mixed.delete(fixture.tree, $0) }
        }
        refusal = nil
        do { _ = try mixed.commit() } catch { refusal = error }
        #expect(refusal?.code == .batchTooLarge)
        try fixture.check()
    }
}
