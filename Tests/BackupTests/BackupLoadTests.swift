import Foundation
import Redoubt
import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

/// Goal: a backup taken every second while threads write becomes, each time, a database with a prefix of what was
/// acknowledged. Method: threads and files of the operating system for some seconds; every backup is restored.
@Suite(.serialized, .timeLimit(.minutes(20))) struct BackupLoadTests {
    private static let seconds = 6

    @Test func `a backup every second during a load has what was acknowledged`() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/redoubt-backup.\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var configuration = Configuration()
        configuration.memory = .mebibytes(32)
        configuration.redoLog.capacity = .mebibytes(8)
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        let database = try Database.open(at: folder + "/db", configuration: configuration)
        for name in ["a", "b"] { _ = try database.createKeyspace(name) }
        let clients = (0..<3).map { BackupClient($0, in: $0 == 0 ? "b" : "a") }
        let churn = BackupChurn(seed: 1)
        let notes = BackupNotes()
        var ranges: [[ClosedRange<Int>]] = []
        var threads: [EngineThread] = []
        for client in clients {
            threads.append(
                try Scheduling.start("client") { notes.run { () throws(RedoubtError) in try client.write(database) } }
            )
        }
        threads.append(
            try Scheduling.start("churn") {
                notes.run { () throws(RedoubtError) in
                    try churn.step(database)
                    Scheduling.sleep(microseconds: 5000)
                }
            }
        )
        for number in 0..<Self.seconds {
            let next = Scheduling.now().advanced(milliseconds: 1000)
            let from = clients.map(\.acknowledgedCount)
            try database.backup(to: "\(folder)/backup \(number)", verify: number % 2 == 0)
            ranges.append(zip(from, clients).map { $0...$1.issuedCount })
            while Scheduling.now() < next { Scheduling.sleep(microseconds: 1000) }
        }
        notes.end()
        for thread in threads { Scheduling.join(thread) }
        #expect(notes.failures == [])
        try database.close()
        for number in 0..<Self.seconds {
            let target = "\(folder)/restored \(number)"
            try Database.restore(from: "\(folder)/backup \(number)", to: target)
            let restored = try Database.open(at: target, configuration: configuration)
            #expect(try restored.check().map(\.description) == [])
            for (client, range) in zip(clients, ranges[number]) {
                #expect(try client.complaint(restored, range) == nil)
            }
            for name in try restored.keyspaceNames() where name.hasPrefix("churn") {
                #expect(try BackupChurn.complaint(restored, name) == nil)
            }
            try restored.close()
            try Self.expectPrivate("\(folder)/backup \(number)")
            try Self.expectPrivate(target)
        }
        print("\(clients.map(\.issuedCount).reduce(0, +)) rows, \(churn.count) keyspaces, \(Self.seconds) backups")
    }

    /// Files are for their owner alone, and so is the folder.
    private static func expectPrivate(_ folder: String) throws {
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(folder) == 0o700)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where !name.hasSuffix("redo") {
            let expected = name == "doublewrite" ? 0o700 : 0o600
            #expect(try mode(folder + "/" + name) == expected, "\(name)")
        }
    }
}

extension BackupNotes {
    /// Runs `body` until the end, or an error.
    func run(_ body: () throws(RedoubtError) -> Void) {
        do throws(RedoubtError) {
            while !isOver { try body() }
        } catch {
            add("\(error)")
        }
    }
}
