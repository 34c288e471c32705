import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a `.cfg` file is the server's byte for byte, and one of another table says what that has. Method: golden bytes
/// of a server's file; definitions with one thing changed; drawn damage.
@Suite(.timeLimit(.minutes(20))) struct DefinitionTests {
    private let space = SpaceID(rawValue: 77)

    private func decoded(_ definition: TableDefinition) throws -> TableDefinition {
        try TableDefinition(definition.encode(table: "kv", space: space), path: "x.cfg")
    }

    @Test func `the table of a keyspace has 371 bytes`() throws {
        let bytes = TableDefinition.keyspace.encode(table: "kv", space: space)
        #expect(bytes.count == 371)
        let host = Array("redoubt\0".utf8)
        let table = Array("t/kv\0".utf8)
        let start: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 8] + host + [0, 0, 0, 5] + table
        let fields: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0x21, 0, 0, 0, 5]
        let key: [UInt8] = [0, 0x3F, 0x15, 0x0F, 0, 0, 0, 4, 0, 0, 0x0C, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1]
        #expect(Array(bytes[..<(start.count + fields.count + key.count)]) == start + fields + key)
        #expect(try decoded(.keyspace) == .keyspace)
        #expect(try decoded(.keyspace).rowShape(path: "x") == RowShape())
    }

    @Test func `columns of other lengths and NULL have other shapes`() throws {
        var table = TableDefinition.keyspace
        table.columns[0].byteCount = 255
        table.columns[1] = .init(name: "v", typeBits: 0x002D_000F, mainType: 12, byteCount: 200)
        #expect(
            try decoded(table).rowShape(path: "x") == RowShape(key: .short, value: .short, isNullable: true)
        )
        table.columns[0].mainType = 3
        table.columns[0].byteCount = 16
        #expect(try decoded(table).rowShape(path: "x").key == .fixed(16))
        table.columns.swapAt(0, 1)
        #expect(try decoded(table).rowShape(path: "x").key == .fixed(16), "the key need not come first")
    }

    @Test func `another table says what it has`() throws {
        let changes: [(String, (inout TableDefinition) -> Void)] = [
            (
                "3 columns (k, v, w)",
                { $0.columns.append(.init(name: "w", typeBits: 0x103, mainType: 6, byteCount: 4)) }
            ),
            ("a number", { $0.columns[0].mainType = 6 }),
            (
                "VARCHAR of character set 45",
                { $0.columns[0] = .init(name: "k", typeBits: 45 << 16, mainType: 12, byteCount: 9) }
            ),
            ("DECIMAL", { $0.columns[1].mainType = 11 }),
            ("2 columns", { $0.uniqueFieldCount = 2 }),
            ("FORCE", { $0.fields.append(.init(name: "dropped")) }),
            ("of type 99", { $0.columns[1].mainType = 99 }),
        ]
        for (text, change) in changes {
            var table = TableDefinition.keyspace
            change(&table)
            do {
                _ = try decoded(table).rowShape(path: "x.cfg")
                Issue.record("\(text) is taken")
            } catch {
                let fault = try #require(error as? RedoubtError)
                #expect(fault.code == .unsupportedFormat && fault.message.contains(text), "\(fault)")
            }
        }
        var bytes = TableDefinition.keyspace.encode(table: "kv", space: space)
        bytes[3] = 8
        #expect(code { _ = try TableDefinition(bytes, path: "x") } == .unsupportedFormat)
    }

    @Test func `a key that is a part of its column was told as columns added at once`() throws {
        var table = TableDefinition.keyspace
        table.fields[0].prefixByteCount = 10
        // As a server lists it: the part, the columns of the system, and then the columns that are not whole before.
        table.fields.insert(.init(name: "k"), at: 3)
        do {
            _ = try decoded(table).rowShape(path: "x.cfg")
            Issue.record("a part of a column is taken as the key")
        } catch {
            let fault = try #require(error as? RedoubtError)
            #expect(fault.code == .unsupportedFormat, "\(fault)")
            #expect(fault.message.contains("the first 10 bytes of the column k"), "\(fault)")
        }
    }

    @Test func `damaged bytes are an error or a table`() throws {
        let good = TableDefinition.keyspace.encode(table: "kv", space: space)
        var random = SeededRandom(seed: testSeed())
        var refusals = 0
        for _ in 0..<5000 {
            var bytes = Array(good[..<(random.below(3) == 0 ? random.below(good.count + 1) : good.count)])
            for _ in 0..<random.below(4) where !bytes.isEmpty {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            do {
                _ = try TableDefinition(bytes, path: "x").rowShape(path: "x")
            } catch {
                refusals += 1
            }
        }
        #expect(refusals > 1000)
    }
}
