import Redoubt
import RedoubtCore
import Testing

/// Goal: cursors reach the rows they should, in both directions. Method: every bound is sought at, between and beyond
/// the keys of a small keyspace, and walks are compared with a sorted list.
@Suite struct CursorTests {
    @Test("every bound finds the row that its sign says")
    func bounds() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        for number in stride(from: 10, through: 90, by: 10) { try keyspace.put("\(number)", "v\(number)") }
        var cursor = keyspace.cursor()
        func found(_ bound: Cursor.Bound, _ key: String) throws -> String? {
            var cursor = keyspace.cursor()
            return try cursor.seek(bound, key) ? String(decoding: cursor.key, as: UTF8.self) : nil
        }
        #expect(try found(.atLeast, "30") == "30")
        #expect(try found(.above, "30") == "40")
        #expect(try found(.atMost, "30") == "30")
        #expect(try found(.below, "30") == "20")
        #expect(try found(.atLeast, "31") == "40")
        #expect(try found(.atMost, "39") == "30")
        #expect(try found(.atLeast, "91") == nil)
        #expect(try found(.below, "10") == nil)
        #expect(try cursor.first() == true)
        #expect(cursor.value == Array("v10".utf8))
        #expect(try cursor.previous() == false)
        #expect(cursor.key.isEmpty)
        #expect(try cursor.last() == true)
        #expect(try cursor.next() == false)
        cursor.close()
        try database.close()
    }

    @Test("walks in both directions see every row once, in order")
    func walks() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        var random = SeededRandom(seed: 11)
        var expected: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<3000 {
            let key = Array("\(random.below(1_000_000))".utf8)
            let value = [UInt8](repeating: UInt8(random.below(256)), count: random.below(200))
            try keyspace.put(key, value, durability: .deferred)
            expected[key] = value
        }
        let keys = expected.keys.sorted { $0.lexicographicallyPrecedes($1) }
        var seen: [[UInt8]] = []
        var isRight = true
        try keyspace.scan { (key, value) throws(RedoubtError) in
            seen.append(key)
            isRight = isRight && expected[key] == value
            return true
        }
        #expect(seen == keys)
        #expect(isRight)
        seen = []
        try keyspace.scan(reverse: true) { (key, _) throws(RedoubtError) in
            seen.append(key)
            return true
        }
        #expect(seen == keys.reversed())
        let range = KeyRange(from: keys[100], to: keys[200])
        seen = []
        try keyspace.scan(range, reverse: true) { (key, _) throws(RedoubtError) in
            seen.append(key)
            return true
        }
        #expect(seen == keys[100..<200].reversed())
        #expect(try keyspace.count(range) == 100)
        try database.close()
    }

    @Test("the range of a prefix ends where the prefix does")
    func prefixes() {
        #expect(KeyRange(prefix: [1, 2]) == KeyRange(from: [1, 2], to: [1, 3]))
        #expect(KeyRange(prefix: [1, 255]) == KeyRange(from: [1, 255], to: [2]))
        #expect(KeyRange(prefix: [255]) == KeyRange(from: [255], to: nil))
    }

    @Test("a sorted load holds what was added")
    func sortedLoad() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        var load = keyspace.sortedLoad()
        for number in 100_000..<120_000 { try load.add("\(number)", "value of \(number)") }
        try load.finish()
        #expect(try keyspace.count() == 20_000)
        #expect(try keyspace.get("112345") == Array("value of 112345".utf8))
        #expect(try database.check().isEmpty)
        try database.close()
    }
}
