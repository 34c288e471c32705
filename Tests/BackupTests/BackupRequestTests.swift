import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

/// Goal: who has another process back a database up is told about its own backup, or that there is none. Method: the
/// file system; this process has the database open, and threads of it ask.
@Suite(.timeLimit(.minutes(20))) struct BackupRequestTests {
    private static func open(_ path: String) throws -> Database {
        let database = try Database.open(at: path, configuration: BackupWorld.configuration)
        let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
        for number in 0..<100 { try keyspace.put("row \(number)", "value") }
        return database
    }

    private static func write(_ path: String, _ text: String, creating: Bool = true) throws {
        let file = try LinuxStorage().open(path, role: .control, creating: creating, readOnly: false)
        defer { file.close() }
        let bytes = Array(text.utf8)
        try file.truncate(to: 0)
        try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: 0) }
    }

    private static func leftovers(_ path: String) throws -> [String] {
        try LinuxStorage().list(path).filter { $0.hasPrefix("backup") }
    }

    @Test func `of several who ask at once each is told about its own backup`() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("db")
        let database = try Self.open(path)
        let waits = Atomic<Int>(0)
        try onThreads(3, within: 240) { number in
            let target = folder.file("backup \(number)")
            while true {
                do throws(RedoubtError) {
                    let backup = try Database.requestBackup(of: path, to: target)
                    let found = try Database.inspectBackup(in: target)
                    #expect(backup.endLSN == found.endLSN && backup.byteCount == found.byteCount && backup.isVerified)
                    return
                } catch {
                    guard error.code == .busy else { throw error }
                    waits.wrappingAdd(1, ordering: .relaxed)
                    Scheduling.sleep(microseconds: 20_000)
                }
            }
        }
        print("told to wait \(waits.load(ordering: .relaxed)) times")
        #expect(try Self.leftovers(path) == [])
        try database.close()
    }

    @Test func `an answer to somebody who is gone is not taken for one's own`() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("db")
        let database = try Self.open(path)
        let token = "0123456789abcdef"
        try Self.write(path + "/backup.result.\(token)", "made\n1\n2\n3\n4\n1")
        try Self.write(path + "/backup.result", "made\n1\n2\n3\n4\n1")
        let backup = try Database.requestBackup(of: path, to: folder.file("backup"))
        #expect(backup.byteCount == (try Database.inspectBackup(in: folder.file("backup"))).byteCount)
        #expect(try Self.leftovers(path) == [])
        // A failure reaches the one who asked as well.
        #expect(code { _ = try Database.requestBackup(of: path, to: folder.file("backup")) } == .exists)
        #expect(try Self.leftovers(path) == [])
        try database.close()
        #expect(code { _ = try Database.requestBackup(of: path, to: folder.file("other")) } == .notOpen)
    }

    @Test(arguments: [true, false])
    func `nobody waits for a process that took the request and has ended`(_ isReopened: Bool) throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("db")
        try Self.open(path).close()
        let storage = LinuxStorage()
        let held = Mutex<(any AnyObject & Sendable)?>(try storage.lock(path + "/redoubt.lock"))
        try onThreads(2, within: 120) { number in
            if number == 0 {
                #expect(code { _ = try Database.requestBackup(of: path, to: folder.file("backup")) } == .notOpen)
                return
            }
            let isAsked = try spin { try storage.exists(path + "/backup.request") }
            #expect(isAsked)
            try storage.remove(path + "/backup.request")
            if isReopened {
                try Self.write(path + "/redoubt.lock", "1\n", creating: false)
            } else {
                held.withLock { $0 = nil }
            }
        }
        #expect(try Self.leftovers(path) == [])
        held.withLock { $0 = nil }
    }
}
