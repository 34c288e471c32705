import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: the tree is a sorted map, whatever is put into it and taken from it.
///
/// Method: random operations against a dictionary, in phases that grow and shrink; content, cursors and structure are
/// compared after each phase.
@Suite struct ModelTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let name: String
        let keyLengths: [Int]
        let valueLengths: [Int]
        let keyCount: Int
        let operationCount: Int
        var testDescription: String { name }
    }

    static let shapes = [
        Shape(name: "small rows", keyLengths: [8], valueLengths: [0, 10, 30], keyCount: 6000, operationCount: 9000),
        Shape(
            name: "values of all sizes",
            keyLengths: [8, 9, 20],
            valueLengths: [0, 100, 1000, 5000, 8000],
            keyCount: 600,
            operationCount: 2500
        ),
        Shape(
            name: "keys of all sizes",
            keyLengths: [8, 50, 500, 1500, 3072],
            valueLengths: [5, 60],
            keyCount: 1200,
            operationCount: 4000
        ),
        Shape(
            name: "largest keys and rows",
            keyLengths: [3072],
            valueLengths: [0, 5000, 5030],
            keyCount: 300,
            operationCount: 1500
        ),
        Shape(
            name: "values off the page",
            keyLengths: [8, 200, 3072],
            valueLengths: [20, 9000, 16330, 16331, 150_000],
            keyCount: 120,
            operationCount: 700
        ),
    ]

    @Test("Random operations leave what they leave in a dictionary", arguments: shapes)
    func randomOperations(_ shape: Shape) throws {
        let fixture = try TreeFixture(memory: .mebibytes(32))
        var random = SeededRandom(seed: testSeed(shape.name))
        var model: [[UInt8]: [UInt8]] = [:]
        for phase in 0..<4 {
            let deletePercent = [10, 40, 75, 100][phase]
            for step in 0..<shape.operationCount {
                let number = random.below(shape.keyCount)
                let key = key(number, length: shape.keyLengths[number % shape.keyLengths.count])
                if random.below(100) < deletePercent {
                    #expect(try fixture.tree.delete(key) == (model.removeValue(forKey: key) != nil))
                } else {
                    let value = value(step, length: shape.valueLengths[random.below(shape.valueLengths.count)])
                    let result = try fixture.tree.put(key, value)
                    #expect(result.existed == (model.updateValue(value, forKey: key) != nil))
                }
                if step % 64 == 0 { #expect(try fixture.tree.value(key) == model[key]) }
            }
            try fixture.check()
            try compare(fixture.tree, model)
        }
        for key in model.keys { #expect(try fixture.tree.delete(key)) }
        #expect(try fixture.tree.rows().isEmpty)
        try fixture.check()
        #expect(try fixture.height() == 1)
    }

    @Test("Cursors seek and walk as a sorted array does")
    func cursors() throws {
        let fixture = try TreeFixture()
        var random = SeededRandom(seed: testSeed())
        var numbers: Set<Int> = []
        for _ in 0..<1500 {
            let number = random.below(4000)
            numbers.insert(number)
            try fixture.tree.put(key(number, length: 40), value(number, length: 60))
        }
        let sorted = numbers.sorted()
        for _ in 0..<1500 {
            let wanted = random.below(4100)
            let probe = key(wanted, length: 40)
            var cursor = Cursor(fixture.tree)
            let expectations: [(Cursor.Direction, Int?)] = [
                (.greaterOrEqual, sorted.first { $0 >= wanted }), (.greater, sorted.first { $0 > wanted }),
                (.lessOrEqual, sorted.last { $0 <= wanted }), (.less, sorted.last { $0 < wanted }),
            ]
            for (direction, expected) in expectations.shuffled(using: &random).prefix(1) {
                let isFound = try unsafe probe.withUnsafeBytes { unsafe try cursor.seek(direction, $0) }
                #expect(isFound == (expected != nil))
                guard let expected else { continue }
                #expect(unsafe Array(cursor.key) == key(expected, length: 40))
                let position = sorted.firstIndex(of: expected) ?? 0
                unsafe #expect(try cursor.next() == (position + 1 < sorted.count))
                if position + 1 < sorted.count {
                    #expect(unsafe Array(cursor.key) == key(sorted[position + 1], length: 40))
                    unsafe #expect(try cursor.previous())
                    #expect(unsafe Array(cursor.key) == key(expected, length: 40))
                }
                unsafe #expect(try cursor.previous() == (position > 0 || position + 1 == sorted.count))
            }
        }
        var backward: [[UInt8]] = []
        var cursor = Cursor(fixture.tree)
        while unsafe try cursor.previous() { unsafe backward.append(Array(cursor.key)) }
        #expect(backward == sorted.reversed().map { key($0, length: 40) })
    }

    @Test("Range deletes remove what lies between the bounds, and nothing else")
    func rangeDeletes() throws {
        let fixture = try TreeFixture()
        var random = SeededRandom(seed: testSeed())
        for round in 0..<6 {
            var model: [[UInt8]: [UInt8]] = [:]
            for number in 0..<1000 {
                let value = value(number, length: number % 100 == 7 ? 20_000 : 50)
                model[key(number)] = value
                try fixture.tree.put(key(number), value)
            }
            let low = random.below(1000)
            let high = low + random.below(1000 - low + 1)
            let from = round == 0 ? nil : key(low)
            let to = round == 1 ? nil : key(high)
            let doomed = model.keys.filter { key in
                (from.map { !key.lexicographicallyPrecedes($0) } ?? true)
                    && (to.map { key.lexicographicallyPrecedes($0) } ?? true)
            }
            #expect(try fixture.tree.deleteRange(from, to) == doomed.count)
            for key in doomed { model[key] = nil }
            try compare(fixture.tree, model)
            try fixture.check()
        }
        try fixture.tree.deleteRange(nil, nil)
        #expect(try fixture.height() == 1)
        try fixture.check()
    }

    @Test("A key must have 1 to 3072 bytes")
    func keyLimits() throws {
        let fixture = try TreeFixture()
        for length in [0, 3073] {
            #expect(throws: RedoubtError.self) { try fixture.tree.put([UInt8](repeating: 1, count: length), []) }
        }
        try fixture.tree.put([0], [])
        #expect(try fixture.tree.value([0]) == [])
        #expect(try fixture.tree.value([0, 0]) == nil)
    }

    private func compare(_ tree: Tree, _ model: [[UInt8]: [UInt8]]) throws {
        let rows = try tree.rows()
        let expected = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        #expect(rows.count == expected.count)
        for (row, wanted) in zip(rows, expected) where row.key != wanted.key || row.value != wanted.value {
            Issue.record("row \(row.key.prefix(8)) is not \(wanted.key.prefix(8)), or has another value")
            return
        }
    }
}
