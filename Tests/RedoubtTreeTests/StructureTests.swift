import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: pages split, merge, rise and sink so that the tree stays valid and reasonably full.
///
/// Method: inserts and deletes in chosen orders; the shape and the check of the whole tree afterwards.
@Suite struct StructureTests {
    enum Order: CaseIterable, Sendable {
        case ascending, descending, inward, shuffled
    }

    static func numbers(_ order: Order, _ count: Int) -> [Int] {
        switch order {
        case .ascending: return Array(0..<count)
        case .descending: return (0..<count).reversed()
        case .inward: return (0..<count).map { $0 % 2 == 0 ? $0 / 2 : count - 1 - $0 / 2 }
        case .shuffled:
            var random = SeededRandom(seed: testSeed())
            return (0..<count).shuffled(using: &random)
        }
    }

    @Test(
        "Inserts in every order and deletes in every order leave a sound tree",
        arguments: Order.allCases,
        Order.allCases
    )
    func orders(_ inserts: Order, _ deletes: Order) throws {
        let fixture = try TreeFixture()
        let count = 1500
        for number in Self.numbers(inserts, count) { try fixture.tree.put(key(number), value(number, length: 100)) }
        try fixture.check()
        let leaves = try fixture.leaves()
        #expect(leaves.reduce(0) { $0 + $1.rows } == count)
        if inserts == .ascending || inserts == .descending { #expect(leaves.count <= count / 108 + 2) }
        for (step, number) in Self.numbers(deletes, count).enumerated() {
            #expect(try fixture.tree.delete(key(number)))
            if step == count / 2 { try fixture.check() }
        }
        try fixture.check()
        #expect(try fixture.height() == 1)
        #expect(try fixture.tree.rows().isEmpty)
    }

    @Test("Nodes with the longest keys split and merge through many levels", arguments: Order.allCases)
    func longKeys(_ order: Order) throws {
        let fixture = try TreeFixture(memory: .mebibytes(48))
        let count = 700
        // Long common prefixes make long separators.
        func long(_ number: Int) -> [UInt8] { [UInt8](repeating: 7, count: 3064) + key(number) }
        for number in Self.numbers(order, count) { try fixture.tree.put(long(number), value(number, length: 4000)) }
        try fixture.check()
        #expect(try fixture.height() >= 4)
        for number in Self.numbers(.shuffled, count) {
            #expect(try fixture.tree.value(long(number)) == value(number, length: 4000))
        }
        for number in Self.numbers(order, count) { try fixture.tree.delete(long(number)) }
        try fixture.check()
        #expect(try fixture.height() == 1)
    }

    @Test("Rows that grow and shrink in place move to other pages and back")
    func growingRows() throws {
        let fixture = try TreeFixture()
        let count = 400
        for length in [10, 300, 2000, 8000, 30, 0, 20_000, 5] {
            for number in 0..<count { try fixture.tree.put(key(number), value(number, length: length)) }
            try fixture.check()
            for number in stride(from: 0, to: count, by: 37) {
                #expect(try fixture.tree.value(key(number)) == value(number, length: length))
            }
        }
    }

    @Test("A place found without latches is no longer valid once its leaf was split")
    func stalePlace() throws {
        let fixture = try TreeFixture()
        for number in 0..<1000 { try fixture.tree.put(key(number), value(number, length: 100)) }
        try unsafe key(500).withUnsafeBytes { key in
            let place = unsafe try #require(try fixture.tree.locateLeaf(key))
            let parent = try #require(place.parent)
            #expect(parent.validate(place.version))
            _ = unsafe try fixture.tree.growStructure(.halve(key))
            #expect(!parent.validate(place.version))
        }
        try fixture.check()
    }

    @Test("Split points exist for every mixture of sizes")
    func splitPoints() {
        var random = SeededRandom(seed: testSeed())
        for round in 0..<2000 {
            let largest = round % 2 == 0 ? 8125 : 3083
            var sizes: [Int] = []
            var total = 0
            while true {
                let size = random.below(3) == 0 ? largest : 25 + random.below(largest - 25)
                if total + size + IndexPage.directoryReserve(sizes.count + 1) > IndexPage.emptyCapacity { break }
                sizes.append(size)
                total += size
            }
            let new = largest - random.below(2)
            if total + new + IndexPage.directoryReserve(sizes.count + 1) <= IndexPage.emptyCapacity { continue }
            sizes.insert(new, at: random.below(sizes.count + 1))
            let least = largest == 3083 ? 2 : 1
            let left = SplitPoint.bySize(sizes, least: least)
            #expect(left >= least && sizes.count - left >= least)
        }
    }

    @Test("A pool of the smallest size serves deep trees and large values")
    func smallPool() throws {
        let fixture = try TreeFixture(memory: .mebibytes(8), redo: .mebibytes(2))
        for number in 0..<300 {
            let length = number % 30 == 0 ? 100_000 : 1500
            try fixture.tree.put(key(number, length: number % 3 == 0 ? 3072 : 8), value(number, length: length))
        }
        try fixture.check()
        for number in 0..<300 { try fixture.tree.delete(key(number, length: number % 3 == 0 ? 3072 : 8)) }
        try fixture.check()
        #expect(try fixture.height() == 1)
    }

    @Test("A sorted load fills pages, and rows out of order are put all the same")
    func loads() throws {
        let fixture = try TreeFixture()
        var loader = BulkLoader(fixture.tree, fillPercent: 90)
        let count = 5000
        for number in 0..<count {
            let value = value(number, length: number % 500 == 0 ? 9000 : 100)
            try unsafe key(number).withUnsafeBytes { key in
                try unsafe value.withUnsafeBytes { unsafe try loader.add(key, $0) }
            }
        }
        try unsafe key(3, length: 9).withUnsafeBytes { unsafe try loader.add($0, $0) }
        #expect(try loader.finish() != nil)
        try fixture.check()
        let rows = try fixture.tree.rows()
        #expect(rows.count == count + 1)
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.key.lexicographicallyPrecedes($1.key) })
        let leaves = try fixture.leaves()
        #expect(leaves.reduce(0) { $0 + $1.byteCount } / leaves.count > IndexPage.emptyCapacity * 75 / 100)
    }
}
