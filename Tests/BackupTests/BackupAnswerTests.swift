import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import Redoubt

/// Goal: who has another process back a database up waits for ever in no case, and the process that answers forgets no
/// request. Method: the file system with answers that cannot be written, or not made; threads of this process ask.
@Suite(.timeLimit(.minutes(20))) struct BackupAnswerTests {
    /// A database in the file system whose answers fail as a test wants, and those who ask it.
    private final class World: Sendable {
        enum Fault { case none, making, writing }

        let folder: TemporaryDirectory
        let fault = Mutex(Fault.none)

        init() throws { folder = try TemporaryDirectory() }

        var path: String { folder.file("db") }
        var request: String { path + "/backup.request" }

        /// What requests have left in the folder of the database.
        var leftovers: [String] {
            get throws { try LinuxStorage().list(path).filter { $0.hasPrefix("backup") } }
        }

        var storage: HookedStorage {
            HookedStorage(
                LinuxStorage(),
                opening: { [self] (path, _, open) throws(RedoubtError) in
                    guard path.contains("/backup.result.") else { return try open() }
                    if fault.withLock({ $0 == .making }) { throw RedoubtError(.systemCallFailed, "too many files") }
                    return BrittleFile(try open()) { [self] in fault.withLock { $0 == .writing } }
                }
            )
        }

        func open(serving: Bool, _ storage: any Storage) throws -> Database {
            let database = try Database.open(
                at: path,
                configuration: BackupWorld.configuration,
                storage: storage,
                options: EngineOptions(),
                servesRequests: serving
            )
            let keyspace = try database.keyspace(named: "rows", createIfMissing: true)
            for number in 0..<100 { try keyspace.put("row \(number)", "value") }
            return database
        }

        func ask(_ name: String) throws(RedoubtError) -> Backup {
            try Database.requestBackup(of: path, to: folder.file(name))
        }

        func write(_ lines: [String]) throws {
            let file = try LinuxStorage().open(request, role: .control, creating: true, readOnly: false)
            defer { file.close() }
            let bytes = Array(lines.joined(separator: "\n").utf8)
            try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: 0) }
        }
    }

    @Test func `an answer that could not be written at once was never written`() throws {
        let world = try World()
        let database = try world.open(serving: true, world.storage)
        // The file of an answer is made and filled before; only the answer finds that nothing can be written.
        world.fault.withLock { $0 = .writing }
        try onThreads(2, within: 120) { number in
            if number == 0 {
                let backup = try world.ask("first")
                #expect(try Database.inspectBackup(in: world.folder.file("first")).byteCount == backup.byteCount)
                return
            }
            #expect(try spin { try LinuxStorage().exists(world.folder.file("first/backup.manifest")) })
            Scheduling.sleep(microseconds: 1_500_000)
            world.fault.withLock { $0 = .none }
        }
        #expect(try world.leftovers == [])
        #expect(try world.ask("second").isVerified)
        try database.close()
    }

    @Test func `a request whose answer could not be made was gone`() throws {
        let world = try World()
        let database = try world.open(serving: true, world.storage)
        world.fault.withLock { $0 = .making }
        try onThreads(2, within: 120) { number in
            if number == 0 {
                _ = try world.ask("first")
                return
            }
            #expect(try spin { try LinuxStorage().exists(world.request) })
            Scheduling.sleep(microseconds: 1_500_000)
            #expect(try LinuxStorage().exists(world.request))
            world.fault.withLock { $0 = .none }
        }
        // Nobody waits for ever for what is never possible.
        world.fault.withLock { $0 = .making }
        #expect(code { _ = try world.ask("second") } == .notOpen)
        #expect(try world.leftovers == [])
        world.fault.withLock { $0 = .none }
        #expect(try world.ask("third").isVerified)
        try database.close()
    }

    @Test func `who asked waited for ever for an answer that can never be written`() throws {
        let world = try World()
        let database = try world.open(serving: false, LinuxStorage())
        let server = BackupServer(database.engine, database.gate, database.threads, world.storage)
        let hasEnded = Atomic<Bool>(false)
        world.fault.withLock { $0 = .writing }
        try onThreads(2, within: 240) { number in
            if number == 0 {
                defer { hasEnded.store(true, ordering: .releasing) }
                do throws(RedoubtError) {
                    _ = try world.ask("first")
                    Issue.record("an answer that was not written was read")
                } catch {
                    #expect(error.code == .notOpen && error.message.contains("taken and not answered"))
                }
                return
            }
            while !hasEnded.load(ordering: .acquiring) {
                server.look()
                Scheduling.sleep(microseconds: 1000)
            }
        }
        #expect(try world.leftovers == [])
        try database.close()
    }

    @Test func `a backup that takes longer than the patience with a request is waited for`() throws {
        let world = try World()
        let slept = Atomic<Bool>(false)
        let storage = HookedStorage(LinuxStorage()) { path in
            guard path.hasSuffix("/redo.copy"), !slept.exchange(true, ordering: .relaxed) else { return }
            Scheduling.sleep(microseconds: 12_000_000)
        }
        let database = try world.open(serving: true, storage)
        #expect(try world.ask("first").isVerified)
        let hasSlept = slept.load(ordering: .relaxed)
        #expect(hasSlept)
        try database.close()
    }

    @Test func `a request of another version was taken and not answered`() throws {
        let world = try World()
        let database = try world.open(serving: true, LinuxStorage())
        let token = "0123456789abcdef"
        let strange: [[String]] = [
            ["redoubt-backup-request 2", token, "1", world.folder.file("old")], ["redoubt-backup-request 3", token],
            ["redoubt-backup-request 9", "../" + token], ["something else"], [""],
        ]
        for lines in strange {
            try world.write(lines)
            Scheduling.sleep(microseconds: 600_000)
            #expect(try world.leftovers == ["backup.request"], "\(lines)")
            try LinuxStorage().remove(world.request)
        }
        // Of a later version, whatever else it says.
        try world.write(["redoubt-backup-request 9", token, "", "more", "and more"])
        let result = world.path + "/backup.result." + token
        #expect(try spin { try BackupAnswer.read(LinuxStorage(), result) != nil })
        let answer = try BackupAnswer.read(LinuxStorage(), result) ?? []
        #expect(answer.prefix(2) == ["failed", "unsupportedFormat"] && answer.count == 4)
        #expect(try world.leftovers == ["backup.result." + token])
        // Neither is in the way of who asks next.
        try world.write(strange[0])
        #expect(try world.ask("new").isVerified)
        #expect(try world.leftovers == [])
        try database.close()
    }
}

/// A file whose writes behind the first one fail as long as somebody wants.
private final class BrittleFile: StorageFile {
    private let inner: any StorageFile
    private let isBroken: @Sendable () -> Bool
    private let writeCount = Atomic<Int>(0)

    init(_ inner: any StorageFile, _ isBroken: @escaping @Sendable () -> Bool) {
        self.inner = inner
        self.isBroken = isBroken
    }

    var path: String { inner.path }
    var role: FileRole { inner.role }
    var alignment: Int { inner.alignment }
    func size() throws(RedoubtError) -> UInt64 { try inner.size() }
    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        unsafe try inner.read(into: target, at: offset)
    }
    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        let isFirst = writeCount.wrappingAdd(1, ordering: .relaxed).oldValue == 0
        if !isFirst && isBroken() { throw RedoubtError(.systemCallFailed, "no write works", path: path) }
        unsafe try inner.write(source, at: offset)
    }
    func sync() throws(RedoubtError) { try inner.sync() }
    func extend(to size: UInt64) throws(RedoubtError) { try inner.extend(to: size) }
    func extendByWriting(to size: UInt64) throws(RedoubtError) { try inner.extendByWriting(to: size) }
    func truncate(to size: UInt64) throws(RedoubtError) { try inner.truncate(to: size) }
    func close() { inner.close() }
}
