import Foundation
import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtLog
import RedoubtSystem
import TestSupport
import Testing

/// Goal: looking at files ends with values, whatever bytes are in them. Method: files of a real database with random
/// damage, pages and groups of random bytes; and that what is shown is what was written.
@Suite(.timeLimit(.minutes(20))) struct InspectionTests {
    private func filled() throws -> Fixture {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "orders", createIfMissing: true)
        for number in 1000..<2500 {
            try keyspace.put("key\(number)", [UInt8](repeating: 120, count: 80), durability: .deferred)
        }
        try keyspace.put("long", [UInt8](repeating: 121, count: 50_000))
        for number in stride(from: 1000, to: 2500, by: 7) { try keyspace.delete("key\(number)", durability: .deferred) }
        try database.renameKeyspace("orders", to: "bestellungen")
        try database.close()
        return fixture
    }

    @Test("rows of all leaves are those of the keyspace, under its newest name")
    func rows() throws {
        let fixture = try filled()
        let inspection = Inspection(of: fixture.path)
        #expect(try inspection.files().map(\.name) == [nil, "bestellungen"])
        let file = try inspection.file(of: "bestellungen")
        var keys: [[UInt8]] = []
        for number in 0..<file.pageCount {
            let page = try file.page(number)
            #expect(page.fault == nil && page.findings.isEmpty, "page \(number): \(page.findings)")
            guard page.type == "index", let table = page.tables.first(where: { $0.name == "records" }) else { continue }
            guard table.columns.contains("value"), let column = table.columns.firstIndex(of: "key") else { continue }
            for row in table.rows { if case .bytes(let key) = row[column] { keys.append(key) } }
        }
        let database = try fixture.open()
        var expected: [[UInt8]] = []
        try database.keyspace(named: "bestellungen").scan { key, _ in
            expected.append(key)
            return true
        }
        try database.close()
        #expect(keys.sorted { $0.lexicographicallyPrecedes($1) } == expected)
    }

    @Test("pages with any damage are shown, and the damage is told")
    func damagedPages() throws {
        let fixture = try filled()
        let file = try Inspection(of: fixture.path).file(of: "bestellungen")
        var random = SeededRandom(seed: testSeed())
        var (tried, told) = (0, 0)
        for round in 0..<3000 {
            let number = UInt64(random.below(min(Int(file.pageCount), 40)))
            var bytes = try file.bytes(of: number)
            guard bytes.contains(where: { $0 != 0 }) else { continue }
            // Mostly where structure is.
            for _ in 0...random.below(6) {
                let offset = [random.below(150), random.below(bytes.count), 16376 - random.below(100)][random.below(3)]
                bytes[offset] ^= UInt8(1 + random.below(255))
            }
            if round % 5 == 0 { bytes = Array(bytes.prefix(random.below(bytes.count))) }
            let page = PageDescription.inspect(bytes, id: file.id(number))
            tried += 1
            if page.fault != nil { told += 1 }
            #expect(page.tables.allSatisfy { table in table.rows.allSatisfy { $0.count == table.columns.count } })
        }
        #expect(tried > 1000 && told == tried)
    }

    @Test("pages of random bytes of every type are shown")
    func randomPages() {
        var random = SeededRandom(seed: testSeed())
        for round in 0..<400 {
            var bytes = (0..<16384).map { _ in random.below(3) == 0 ? 0 : UInt8(random.below(256)) }
            let types = [0, 3, 5, 8, 9, 10, 17855, 17855, 17855, 77]
            let type = types[round % types.count]
            (bytes[24], bytes[25]) = (UInt8(type >> 8), UInt8(type & 255))
            let page = PageDescription.inspect(bytes, id: PageID(space: SpaceID(rawValue: 7), number: .root))
            #expect(page.fault != nil)
            _ = PageDescription.fill(bytes)
            _ = InspectedRedo.records(Array(bytes.prefix(random.below(400))))
        }
    }

    @Test("redo with any damage is shown up to an end, and never more than was written")
    func damagedLog() throws {
        let fixture = try filled()
        let redo = fixture.path + "/redo"
        let names = try FileManager.default.contentsOfDirectory(atPath: redo)
        let storage = LinuxStorage(directIO: false, asyncIO: false)
        func groups() throws -> Int {
            let view = try LogView(storage: storage, directory: redo)
            view.seekOldest()
            var count = 0
            while case .group(_, let payload) = view.step() {
                _ = InspectedRedo.records(payload)
                count += 1
            }
            _ = view.damageBehindEnd()
            return count
        }
        let whole = try groups()
        #expect(whole > 1000)
        var random = SeededRandom(seed: testSeed())
        for _ in 0..<40 {
            let path = redo + "/" + names[random.below(names.count)]
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            var damaged = before
            for _ in 0...random.below(4) {
                let offset = random.below(2) == 0 ? random.below(16384) : random.below(min(damaged.count, 600_000))
                damaged[offset] = UInt8(random.below(256))
            }
            if random.below(5) == 0 { damaged = damaged.prefix(random.below(damaged.count)) }
            try damaged.write(to: URL(fileURLWithPath: path))
            #expect(try groups() <= whole)
            try before.write(to: URL(fileURLWithPath: path))
        }
        #expect(try groups() == whole)
    }

    @Test("files that are none are refused")
    func refused() throws {
        let fixture = Fixture()
        #expect(throws: RedoubtError.self) { try Inspection(of: fixture.path).files() }
        #expect(throws: RedoubtError.self) { try Inspection(of: fixture.path).redo() }
        #expect(throws: RedoubtError.self) { try Inspection(of: fixture.folder).files() }
        let empty = fixture.folder + "/empty"
        try Data().write(to: URL(fileURLWithPath: empty))
        #expect(throws: RedoubtError.self) { try Inspection(of: empty).asFile() }
        let text = fixture.folder + "/text"
        try Data("hello".utf8).write(to: URL(fileURLWithPath: text))
        let page = try Inspection(of: text).asFile().page(0)
        #expect(page.fault?.contains("only 5 of its 16384 bytes") == true)
    }

    @Test("separators divide a keyspace of three levels into many parts, in order")
    func separators() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        let tail = String(repeating: "t", count: 1500)
        for number in 1000..<3000 { try keyspace.put("\(number)\(tail)", "v", durability: .deferred) }
        try database.close()
        let separators = Inspection(of: fixture.path).separators(of: "k")
        #expect(separators.count > 50)
        #expect(zip(separators, separators.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
        #expect(Inspection(of: fixture.path).separators(of: "none").isEmpty)
    }
}
