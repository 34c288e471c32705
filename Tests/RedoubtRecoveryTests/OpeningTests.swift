import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: a database opens, closes and opens again with what it had; keyspaces come, go and change names for good.
/// Method: engines over disks in memory, closed in order or abandoned with the disk copied as it is.
@Suite struct OpeningTests {
    @Test func aNewDatabaseIsSoundAndOpensAgainWithoutRecovery() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        #expect(try engine.keyspaces() == [])
        #expect(try engine.check() == [])
        try engine.close()
        let again = try EngineFixture.open(storage.copy())
        #expect(again.recoveredGroupCount == 0)
        #expect(try again.check() == [])
        try again.close()
    }

    @Test func rowsSurviveAnOrderlyClose() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage, threads: true)
        _ = try engine.createKeyspace("orders")
        for number in 0..<500 { try engine.put("orders", "key \(number)", Array("value \(number)".utf8)) }
        try engine.put("orders", "large", [UInt8](repeating: 7, count: 100_000))
        let content = try engine.content()
        #expect(try engine.check() == [])
        try engine.close()
        let again = try EngineFixture.open(storage.copy(), threads: true)
        #expect(again.recoveredGroupCount == 0)
        #expect(try again.content() == content)
        #expect(try again.check() == [])
        try again.close()
    }

    @Test func rowsSurviveACrash() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        _ = try engine.createKeyspace("orders")
        for number in 0..<300 { try engine.put("orders", "key \(number)", Array("value \(number)".utf8)) }
        try engine.put("orders", "large", [UInt8](repeating: 7, count: 100_000))
        for number in 100..<200 { try engine.delete("orders", "key \(number)") }
        let content = try engine.content()
        let crashed = storage.powerCut()
        let again = try EngineFixture.open(crashed)
        #expect(again.recoveredGroupCount > 0)
        #expect(try again.content() == content)
        #expect(try again.check() == [])
        // Recovery again, of the recovered one.
        let third = try EngineFixture.open(crashed.powerCut())
        #expect(try third.content() == content)
        #expect(try third.check() == [])
        try third.close()
        try again.close()
        try engine.close()
    }

    @Test func replayGivesTheBytesThatWereInMemory() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage, images: true) { $0.redoLog.capacity = .mebibytes(64) }
        _ = try engine.createKeyspace("a")
        for number in 0..<200 {
            try engine.put("a", "key \(number % 50)", [UInt8](repeating: 1, count: number * 13 % 2000))
            if number % 7 == 0 { try engine.delete("a", "key \(number % 31)") }
        }
        try engine.put("a", "large", [UInt8](repeating: 7, count: 50_000))
        let content = try engine.content()
        let again = try EngineFixture.open(storage.powerCut()) { $0.redoLog.capacity = .mebibytes(64) }
        #expect(try again.content() == content)
        try again.close()
        try engine.close()
    }

    @Test func keyspacesComeAndGo() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        let first = try engine.createKeyspace("a")
        _ = try engine.createKeyspace("b/\u{e4}")
        #expect(throws: RedoubtError.self) { try engine.createKeyspace("a") }
        #expect(throws: RedoubtError.self) { try engine.createKeyspace("") }
        try engine.put("a", "k", [1])
        try engine.renameKeyspace("a", to: "c")
        #expect(throws: RedoubtError.self) { try engine.keyspace("a") }
        #expect(throws: RedoubtError.self) { try engine.renameKeyspace("c", to: "b/\u{e4}") }
        #expect(try engine.get("c", "k") == [1])
        try engine.dropKeyspace("b/\u{e4}")
        #expect(try engine.keyspaces().map(\.name) == ["c"])
        #expect(try engine.check() == [])
        #expect(try storage.list("/db").filter { $0.hasSuffix(".ibd") } == ["a-\(first.id).ibd", "catalog.ibd"])
        let again = try EngineFixture.open(storage.powerCut())
        #expect(try again.keyspaces().map(\.name) == ["c"])
        #expect(try again.get("c", "k") == [1])
        let next = try again.createKeyspace("d")
        #expect(next.id > first.id)
        try again.close()
        try engine.close()
    }

    @Test func aDroppedKeyspaceTakesNoMoreWrites() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        let tree = engine.tree(try engine.createKeyspace("a"))
        try engine.dropKeyspace("a")
        let error = #expect(throws: RedoubtError.self) {
            try unsafe [UInt8(1)].withUnsafeBytes { _ = try unsafe tree.put($0, $0) }
        }
        #expect(error?.code == .keyspaceNotFound)
        try engine.close()
    }

    @Test func aMissingDatabaseIsNotFound() {
        let storage = SimulatedStorage()
        let error = #expect(throws: RedoubtError.self) {
            _ = try EngineFixture.open(storage) { $0.createIfMissing = false }
        }
        #expect(error?.code == .notFound)
    }

    @Test func aSecondOpeningIsRefused() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        let error = #expect(throws: RedoubtError.self) { _ = try EngineFixture.open(storage) }
        #expect(error?.code == .alreadyOpen)
        try engine.close()
        try EngineFixture.open(storage).close()
    }

    @Test func moreRedoThanMemoryIsAppliedInBatches() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage) { $0.redoLog.capacity = .mebibytes(16) }
        _ = try engine.createKeyspace("a")
        for number in 0..<500 {
            try engine.put("a", "key \(number % 97)", [UInt8](repeating: UInt8(number % 251), count: 7000))
        }
        let content = try engine.content()
        let again = try EngineFixture.open(storage.powerCut()) { $0.redoLog.capacity = .mebibytes(16) }
        #expect(try again.content() == content)
        #expect(try again.check() == [])
        try again.close()
        try engine.close()
    }
}
