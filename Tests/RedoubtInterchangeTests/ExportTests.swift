import Foundation
import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: an export holds the rows of one moment, an import holds the rows of a file, neither touches what is there, and
/// both say what is wrong. Method: databases in folders of their own, writers on threads, power cuts.
@Suite(.timeLimit(.minutes(20))) struct ExportTests {
    private final class Folder: Sendable {
        let path = FileManager.default.temporaryDirectory.path + "/redoubt-interchange.\(UUID().uuidString)"

        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { do { try FileManager.default.removeItem(atPath: path) } catch {} }

        func open() throws -> Database {
            try Database.open(at: path + "/database", configuration: ExportTests.configuration)
        }

        var tablespaces: [String] {
            get throws {
                try FileManager.default.contentsOfDirectory(atPath: path + "/database").filter { $0.hasSuffix(".ibd") }
                    .sorted()
            }
        }

        var names: [String] {
            get throws { try FileManager.default.contentsOfDirectory(atPath: path + "/out").sorted() }
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(32)
        configuration.redoLog.capacity = .mebibytes(8)
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        return configuration
    }

    private func rows(of keyspace: Keyspace) throws -> [Row] {
        var rows: [Row] = []
        try keyspace.scan { (key, value) throws(RedoubtError) in
            rows.append(Row(key: key, value: value))
            return true
        }
        return rows
    }

    @Test func `rows go out and come in again`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        let source = try database.createKeyspace("t\u{E4}ble/1")
        for row in SpecimenRows.drawn(500, seed: testSeed()).shuffled() {
            try source.put(row.key, row.value, durability: .deferred)
        }
        for row in try rows(of: source).prefix(200) { try source.delete(row.key, durability: .deferred) }
        let expected = try rows(of: source)
        let exported = try database.export(keyspace: "t\u{E4}ble/1", to: folder.path + "/out")
        #expect(exported.table == "t__ble_1" && exported.rowCount == 300)
        #expect(try folder.names == ["t__ble_1.cfg", "t__ble_1.ibd"])
        let attributes = try FileManager.default.attributesOfItem(atPath: exported.dataPath)
        #expect(attributes[.size] as? UInt64 == exported.byteCount && attributes[.posixPermissions] as? Int == 0o600)
        for definition in [nil, exported.definitionPath] {
            let name = "copy\(definition ?? "")"
            let imported = try database.importKeyspace(
                named: String(name.suffix(20)),
                from: exported.dataPath,
                definition: definition
            )
            #expect(imported.rowCount == 300 && imported.deletedCount == 0)
            #expect(try rows(of: database.keyspace(named: String(name.suffix(20)))) == expected)
        }
        #expect(try database.check() == [])
        #expect(try database.keyspaceNames().count == 3)
    }

    @Test func `an export sees each batch of its writers whole`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        let keyspace = try database.createKeyspace("k")
        let rowCount = 400
        @Sendable func write(_ turn: Int) throws {
            var batch = WriteBatch()
            for number in stride(from: 0, to: rowCount, by: 20) {
                try batch.put("\(1000 + number)", "\(turn) " + String(repeating: "x", count: number), in: keyspace)
            }
            try database.write(batch, durability: .deferred)
        }
        try write(0)
        let stop = StopFlag()
        try onThreads(3) { thread in
            var turn = thread
            while thread > 0, !stop.isSet {
                try write(turn)
                turn += 2
            }
            guard thread == 0 else { return }
            defer { stop.set() }
            var seen: Set<[UInt8]> = []
            for number in 0..<12 {
                let exported = try database.export(keyspace: "k", to: folder.path + "/out", table: "t\(number)")
                try database.importKeyspace(named: "c\(number)", from: exported.dataPath)
                let copy = try rows(of: database.keyspace(named: "c\(number)"))
                let turns = Set(copy.map { Array($0.value.prefix { $0 != 32 }) })
                #expect(turns.count == 1, "export \(number) has rows of \(turns.count) batches")
                seen.formUnion(turns)
            }
            #expect(seen.count > 1, "writers went on between exports")
        }
    }

    private final class StopFlag: Sendable {
        private let flag = Flag()
        private final class Flag: @unchecked Sendable {
            let lock = NSLock()
            var value = false
        }
        var isSet: Bool { flag.lock.withLock { flag.value } }
        func set() { flag.lock.withLock { flag.value = true } }
    }

    @Test func `nothing that is there is overwritten`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        try database.createKeyspace("k").put("a", "b")
        for name in ["k.ibd", "k.cfg", "k.ibd.partial"] {
            try? FileManager.default.removeItem(atPath: folder.path + "/out")
            try FileManager.default.createDirectory(atPath: folder.path + "/out", withIntermediateDirectories: true)
            try "mine".write(toFile: folder.path + "/out/" + name, atomically: true, encoding: .utf8)
            #expect(code { _ = try database.export(keyspace: "k", to: folder.path + "/out") } == .exists)
            #expect(try folder.names == [name])
            #expect(try String(contentsOfFile: folder.path + "/out/" + name, encoding: .utf8) == "mine")
        }
        #expect(code { _ = try database.export(keyspace: "none", to: folder.path + "/out") } == .keyspaceNotFound)
        #expect(code { _ = try database.export(keyspace: "k", to: folder.path, table: "a/b") } == .invalidName)
    }

    @Test func `an export into new folders makes all of them durable`() throws {
        let storage = SimulatedStorage()
        let database = try Database.open(at: "/d", configuration: Self.configuration, storage: storage)
        try database.createKeyspace("k").put("a", "b")
        let before = storage.trace.count
        _ = try database.export(keyspace: "k", to: "/a/b/c")
        let synced = storage.trace[before...].compactMap { event -> String? in
            if case .syncDirectory(let path) = event { path } else { nil }
        }
        #expect(Set(synced).isSuperset(of: ["/", "/a", "/a/b", "/a/b/c"]), "\(synced)")
        try database.close()
    }

    @Test func `an export that fails removes its own files and nobody else's`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        let keyspace = try database.createKeyspace("k")
        for number in 0..<1500 { try keyspace.put("\(10_000 + number)", "v", durability: .deferred) }
        let other = folder.path + "/out/k.cfg.partial"
        #expect(
            code {
                // As if another export had come here after this one has looked.
                _ = try database.export(keyspace: "k", to: folder.path + "/out") { _, _ in
                    _ = FileManager.default.createFile(atPath: other, contents: Data("other".utf8))
                }
            } != nil
        )
        #expect(try folder.names == ["k.cfg.partial"])
        #expect(try String(contentsOfFile: other, encoding: .utf8) == "other")
    }

    @Test func `an import that fails leaves no keyspace and no file`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        try database.createKeyspace("k").put("a", "b")
        let exported = try database.export(keyspace: "k", to: folder.path + "/out")
        #expect(code { try database.importKeyspace(named: "k", from: exported.dataPath) } == .keyspaceExists)
        #expect(code { try database.importKeyspace(named: "", from: exported.dataPath) } == .invalidName)
        #expect(code { try database.importKeyspace(named: "n", from: folder.path + "/none") } == .notFound)
        #expect(code { try database.importKeyspace(named: "n", from: exported.definitionPath) } == .notADatabase)
        #expect(code { try database.importKeyspace(named: "n", from: "/dev/null") } == .notFound)
        #expect(code { try database.importKeyspace(named: "n", from: folder.path) } == .notFound)
        let link = folder.path + "/link.ibd"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: exported.dataPath)
        #expect(code { try database.importKeyspace(named: "n", from: link) } == .notFound)
        #expect(
            code { try database.importKeyspace(named: "n", from: exported.dataPath, definition: exported.dataPath) }
                == .unsupportedFormat
        )
        #expect(try database.keyspaceNames() == ["k"])
        #expect(try folder.tablespaces == ["catalog.ibd", "k-1024.ibd"])
        try database.importKeyspace(named: "n", from: exported.dataPath)
        #expect(try rows(of: database.keyspace(named: "n")) == [Row(key: [97], value: [98])])
        #expect(try folder.tablespaces == ["catalog.ibd", "k-1024.ibd", "n-1025.ibd"])
    }

    @Test func `the definition beside a file counts, unless it is of a version that nobody knows`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        try database.createKeyspace("k").put("a", "b")
        let exported = try database.export(keyspace: "k", to: folder.path + "/out")
        var table = TableDefinition.keyspace
        table.uniqueFieldCount = 2
        let other = Data(table.encode(table: "k", space: SpaceID(rawValue: 1024)))
        try other.write(to: URL(fileURLWithPath: exported.definitionPath))
        #expect(code { try database.importKeyspace(named: "n", from: exported.dataPath) } == .unsupportedFormat)
        try Data([0, 0, 0, 1, 9]).write(to: URL(fileURLWithPath: exported.definitionPath))
        #expect(code { try database.importKeyspace(named: "n", from: exported.dataPath) } == .corruptPage)
        try Data([0, 0, 0, 6] + other.dropFirst(4)).write(to: URL(fileURLWithPath: exported.definitionPath))
        #expect(try database.importKeyspace(named: "n", from: exported.dataPath).rowCount == 1)
        #expect(
            code {
                try database.importKeyspace(named: "m", from: exported.dataPath, definition: exported.definitionPath)
            } == .unsupportedFormat,
            "one that was named must be understood"
        )
    }

    @Test func `an import drops no keyspace of a user, whatever it is called`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        try database.createKeyspace("k").put("a", "b")
        let exported = try database.export(keyspace: "k", to: folder.path + "/out")
        try database.createKeyspace("n.importing").put("z", "z")
        try database.importKeyspace(named: "n", from: exported.dataPath)
        #expect(try database.keyspaceNames() == ["k", "n", "n.importing"])
        #expect(try rows(of: database.keyspace(named: "n.importing")) == [Row(key: [122], value: [122])])
    }

    @Test func `of imports of one name at one time one succeeds, and the others leave nothing`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        let source = try database.createKeyspace("k")
        for number in 0..<2000 { try source.put("\(10_000 + number)", "v", durability: .deferred) }
        let exported = try database.export(keyspace: "k", to: folder.path + "/out")
        let count = Mutex(0)
        try onThreads(3) { _ in
            switch code({ try database.importKeyspace(named: "n", from: exported.dataPath) }) {
            case nil: count.withLock { $0 += 1 }
            case let other: #expect(other == .keyspaceExists)
            }
        }
        #expect(count.withLock { $0 } == 1)
        #expect(try rows(of: database.keyspace(named: "n")).count == 2000)
        #expect(try folder.tablespaces.count == 3)
        #expect(try database.check() == [])
    }

    @Test func `the name of an import is nobody else's, and free again when it fails`() throws {
        let folder = try Folder()
        let database = try folder.open()
        try database.createKeyspace("k").put("a", "b")
        let engine = database.engine
        let space = try engine.beginKeyspace("n")
        #expect(try database.keyspaceNames() == ["k"])
        #expect(code { _ = try database.createKeyspace("n") } == .keyspaceExists)
        #expect(code { try database.renameKeyspace("k", to: "n") } == .keyspaceExists)
        try engine.abandonKeyspace(space, "n")
        _ = try database.createKeyspace("n")
        // Left by a program that ended, or a database that was closed, in the middle.
        let other = try engine.beginKeyspace("m")
        #expect(try folder.tablespaces.contains("m-\(other.id).ibd"))
        try database.close()
        let again = try folder.open()
        defer { try? again.close() }
        #expect(try again.keyspaceNames() == ["k", "n"])
        #expect(try folder.tablespaces.count == 3)
    }

    @Test func `an import that fails leaves no keyspace, unless it says that it is not durable yet`() throws {
        let first = SimulatedStorage()
        let database = try Database.open(at: "/d", configuration: Self.configuration, storage: first)
        let keyspace = try database.createKeyspace("k")
        let rows = SpecimenRows.drawn(60, seed: 4)
        for row in rows { try keyspace.put(row.key, row.value, durability: .deferred) }
        _ = try database.export(keyspace: "k", to: "/out")
        try database.close()
        var failures: [RedoubtError.Code] = []
        // Redo finds no space from its first write on, from its second, and so on, up to behind the naming.
        for skip in 0..<300 {
            let storage = SimulatedStorage(first.image)
            let database = try Database.open(at: "/d", configuration: Self.configuration, storage: storage)
            let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
            storage.inject(SimulatedFault(.write, role: .redo, skipping: skip, isPermanent: true, effect: full))
            let failure = code { try database.importKeyspace(named: "n", from: "/out/k.ibd") }
            let isThere = try database.keyspaceNames().contains("n")
            #expect(isThere == (failure == nil || failure == .notDurable), "\(skip): \(String(describing: failure))")
            storage.removeFaults()
            if !isThere {
                #expect(spin { code { try database.importKeyspace(named: "n", from: "/out/k.ibd") } == nil })
            }
            #expect(try self.rows(of: database.keyspace(named: "n")) == rows)
            #expect(try database.check() == [])
            #expect(spin { code { try database.flush() } == nil })
            try database.close()
            guard let failure else { break }
            if !failures.contains(failure) { failures.append(failure) }
        }
        #expect(failures.contains(.diskFull) && failures.contains(.notDurable), "\(failures)")
    }

    @Test func `a power cut leaves an imported keyspace whole or nothing of it`() throws {
        let first = SimulatedStorage()
        let database = try Database.open(at: "/d", configuration: Self.configuration, storage: first)
        let keyspace = try database.createKeyspace("k")
        let rows = SpecimenRows.drawn(60, seed: 2)
        for row in rows { try keyspace.put(row.key, row.value, durability: .deferred) }
        _ = try database.export(keyspace: "k", to: "/out")
        try database.close()
        let storage = SimulatedStorage(first.image)
        let again = try Database.open(at: "/d", configuration: Self.configuration, storage: storage)
        try again.importKeyspace(named: "n", from: "/out/k.ibd")
        try again.close()
        var options = CrashExplorer.Options()
        options.statesPerPoint = 4
        options.seededSubsetCount = 2
        options.tearLimit = 2
        let found = Mutex((without: 0, with: 0))
        let report = CrashExplorer(storage, options: options).judge(seconds: 40) { state in
            let database = try Database.open(at: "/d", configuration: Self.configuration, storage: state.storage)
            let names = try database.keyspaceNames()
            if names.contains("n") {
                guard try self.rows(of: database.keyspace(named: "n")) == rows else { throw Wrong() }
            }
            let files = try state.storage.list("/d").filter { $0.hasSuffix(".ibd") }
            guard files.count == names.count + 1, try database.check().isEmpty else { throw Wrong() }
            try database.close()
            found.withLock { count in
                if names.contains("n") { count.with += 1 } else { count.without += 1 }
            }
            return [0]
        }
        print("import: \(report)")
        #expect(report.failureCount == 0 && found.withLock { $0.with > 0 && $0.without > 0 })
    }

    @Test func `a writer that must not wait gets busy while the keyspace is held, and others wait`() throws {
        let folder = try Folder()
        let database = try folder.open()
        defer { try? database.close() }
        let keyspace = try database.createKeyspace("k")
        let space = try database.engine.keyspace("k")
        try keyspace.put("a", "1")
        try space.hold(database.engine.kernel)
        #expect(code { try keyspace.put("a", "2", slowdown: .refuse) } == .busy)
        #expect(try keyspace.get("a") == [49], "readers go on")
        let isDone = StopFlag()
        try onThreads(2) { thread in
            if thread == 0 {
                do { try keyspace.put("a", "3") } catch { Issue.record("\(error)") }
                isDone.set()
            } else {
                Thread.sleep(forTimeInterval: 0.2)
                #expect(!isDone.isSet)
                space.release()
            }
        }
        #expect(try keyspace.get("a") == [51])
        try database.dropKeyspace("k")
        #expect(code { try space.hold(database.engine.kernel) } == .keyspaceNotFound)
    }

    @Test func `a power cut leaves both files whole or not there`() throws {
        let first = SimulatedStorage()
        let database = try Database.open(at: "/d", configuration: Self.configuration, storage: first)
        let keyspace = try database.createKeyspace("k")
        let rows = SpecimenRows.drawn(60, seed: 1)
        for row in rows { try keyspace.put(row.key, row.value, durability: .deferred) }
        try database.close()
        let storage = SimulatedStorage(first.image)
        let again = try Database.open(at: "/d", configuration: Self.configuration, storage: storage)
        _ = try again.export(keyspace: "k", to: "/out")
        try again.close()
        var options = CrashExplorer.Options()
        options.statesPerPoint = 6
        options.seededSubsetCount = 4
        options.tearLimit = 4
        let report = CrashExplorer(storage, options: options).judge(seconds: 30) { state in
            let image = state.storage.image
            let (data, definition) = (image.bytes(of: "/out/k.ibd"), image.bytes(of: "/out/k.cfg"))
            if let definition { _ = try TableDefinition(definition, path: "k.cfg") }
            if let data {
                var file = try ForeignFile([])
                file.bytes = data
                guard definition != nil, try file.rows() == rows else { throw Wrong() }
            }
            return [0]
        }
        print("export: \(report)")
        #expect(report.failureCount == 0 && report.judgedCount > 20)
    }

    private struct Wrong: Error {}
}
