import Foundation
import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import TestSupport
import Testing

/// Goal: an open database says what it does, in the same process and to others, and stops when it closes. Method: small
/// databases in a real folder.
@Suite struct ObservationTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("database") }

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func open() throws -> Database {
        var configuration = Configuration()
        configuration.memory = .mebibytes(32)
        configuration.redoLog.capacity = .mebibytes(8)
        return try Database.open(at: path, configuration: configuration)
    }

    private func fill(_ database: Database, rows: Int = 3000) throws {
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        let value = [UInt8](repeating: 7, count: 500)
        for number in 0..<rows { try keyspace.put(Array("\(number)".utf8), value, durability: .deferred) }
        try database.flush()
        try database.checkpoint()
    }

    @Test("files are counted where they are read and written")
    func counters() throws {
        let database = try open()
        try fill(database)
        let now = try database.statistics()
        #expect(now[.dataWrites] > 50 && now[.dataWrittenBytes] >= 16384 * now[.pagesWritten])
        #expect(now[.dataSyncs] > 0 && now[.dataSyncTime] > 0 && now[.dataWriteTime] > 0)
        // Padding and headers come on top of the redo itself.
        #expect(now[.redoWrittenBytes] >= 3000 * 500)
        #expect(now[.redoWrites] > 0 && now[.redoSyncs] > 0)
        #expect(now[.doublewriteWrittenBytes] >= 16384 * now[.doublewriteBatches])
        #expect(now[.dataPendingWrites] == 0 && now[.dataPendingReads] == 0)
        #expect(now[.poolPages] + now[.poolFreeFrames] <= now[.poolFrames])
        #expect(now[.poolFrames] == now.instances.reduce(0) { $0 + $1.frameCount })
        #expect(now[.redoAge] == now[.currentLSN] - now[.checkpointLSN])
        #expect(now[.checkpointLSN] <= now[.checkpointBoundLSN] || now[.redoAge] == 0)
        #expect(now[.residentMemory] > 1 << 20 && now[.userTime] > 0)
        #expect(now.processID == Int(getpid()))
        try database.close()
    }

    @Test("another process can read what a running database says, and only of a running one")
    func sharedFile() throws {
        let file = StatisticsFile(of: path)
        #expect(code { () throws(RedoubtError) in _ = try file.read() } == .notFound)
        let database = try open()
        try fill(database)
        let wanted = try database.statistics()[.checkpointLSN]
        #expect(try spin { try file.read()[.checkpointLSN] == wanted })
        let seen = try file.read()
        #expect(seen.processID == Int(getpid()) && seen.recoveryPhase == nil && seen.keyspaceCount == 1)
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/redoubt.stats")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        try database.close()
        #expect(code { () throws(RedoubtError) in _ = try file.read() } == .notOpen)
        #expect(!FileManager.default.fileExists(atPath: path + "/redoubt.stats"))
    }

    @Test("a file that a killed process left, or that was forged, is told as such")
    func leftFile() throws {
        try open().close()
        var forged = EngineStatistics()
        forged.processID = 4711
        func write(_ words: [UInt64]) throws {
            let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
            try Data(bytes).write(to: URL(fileURLWithPath: path + "/redoubt.stats"))
        }
        try write(StatisticsImage.encode(forged, sequence: 2))
        do throws(RedoubtError) {
            _ = try StatisticsFile(of: path).read()
            Issue.record("statistics of nobody")
        } catch {
            #expect(error.code == .notOpen && "\(error)".contains("4711"), "\(error)")
        }
        try write([UInt64](repeating: 0x4141_4141_4141_4142, count: 4096))
        #expect(code { () throws(RedoubtError) in _ = try StatisticsFile(of: path).read() } == .notADatabase)
        try write([1, 1, 1, 1])
        #expect(code { () throws(RedoubtError) in _ = try StatisticsFile(of: path).read() } == .notOpen)
        // Opening makes its own in their place.
        let database = try open()
        #expect(spin { code { () throws(RedoubtError) in _ = try StatisticsFile(of: path).read() } == nil })
        try database.close()
    }

    @Test("a pipe in place of the file keeps nobody waiting", .timeLimit(.minutes(20)))
    func pipe() throws {
        try open().close()
        #expect(unsafe mkfifo(path + "/redoubt.stats", 0o600) == 0)
        #expect(code { () throws(RedoubtError) in _ = try StatisticsFile(of: path).read() } == .readFailed)
    }

    @Test("every page written has one reason, every page read one cause, and dumps and loads are counted")
    func sums() throws {
        var configuration = Configuration()
        configuration.memory = .mebibytes(12)
        configuration.redoLog.capacity = .mebibytes(8)
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        configuration.bufferPool.dumpPercent = 100
        configuration.flushing.neighbours = .extent
        configuration.flushing.policy = .redoubt
        let first = try Database.open(at: path, configuration: configuration)
        try fill(first, rows: 30_000)
        let keyspace = try first.keyspace(named: "k")
        for number in 0..<5000 { try keyspace.put(Array("\(number * 6)".utf8), [1], durability: .deferred) }
        try first.checkpoint()
        try first.dumpPool()
        // Counts of what just ended may still be on their way.
        #expect(
            try spin {
                let now = try first.statistics()
                let reasons: [CounterName] = [
                    .pagesWrittenAdaptive, .pagesWrittenIdle, .pagesWrittenSync, .pagesWrittenLRU,
                    .pagesWrittenRequest, .pagesWrittenClose,
                ]
                return reasons.reduce(0) { $0 + now[$1] } == now[.pagesWritten]
            }
        )
        let before = try first.statistics()
        #expect(before[.pagesWritten] > 100 && before[.poolDumpsWritten] == 1 && before[.poolDumpsFailed] == 0)
        #expect(before[.doublewritePages] + before[.doublewriteSkips] == before[.pagesWritten])
        #expect(before[.doublewriteSkips] > 0 && before[.poolLoadsIgnored] == 1)
        #expect(before[.pagesRead] == before[.pagesMissed] + before[.pagesReadAhead] && before[.poolPagesLoaded] == 0)
        #expect(before[.pagesRead] * 16384 <= before[.dataReadBytes])
        try first.close()
        let second = try Database.open(at: path, configuration: configuration)
        #expect(spin { second.poolLoad.phase == .finished })
        let after = try second.statistics()
        #expect(after[.poolPagesLoaded] == UInt64(second.poolLoad.loadedPageCount) && after[.poolPagesLoaded] > 100)
        #expect(after[.pagesRead] == after[.pagesMissed] + after[.pagesReadAhead] + after[.poolPagesLoaded])
        #expect(after[.poolLoadsIgnored] == 0 && after[.stalls] == 0)
        try second.close()
    }

    @Test("the report has its sections in order, and rates since the report before")
    func report() throws {
        let database = try open()
        let first = try database.statusReport()
        try fill(database)
        let second = try database.statusReport()
        #expect(first.contains("since the opening") && second.contains("over the last"))
        var rest = second[...]
        let sections = [
            "REDOUBT STATUS", "BACKGROUND THREAD", "WAITS", "FILE I/O", "LOG", "PAGE CLEANER",
            "BUFFER POOL AND MEMORY", "INDIVIDUAL BUFFER POOL INFO", "END OF REDOUBT STATUS",
        ]
        for section in sections {
            let place = try #require(rest.range(of: "\n\(section)\n") ?? rest.range(of: section), "\(section)")
            rest = rest[place.upperBound...]
        }
        let current = try database.statistics()[.currentLSN]
        #expect(second.contains("Log sequence number              \(current)\n"), "\(second)")
        try database.close()
        #expect(code { () throws(RedoubtError) in _ = try database.statusReport() } == .closed)
    }

    @Test("events come in order, the opening's first, and end with the database")
    func events() async throws {
        let database = try open()
        let stream = database.events()
        try fill(database)
        let checkpoint = try database.statistics().checkpointLSN
        try database.close()
        var events: [DatabaseEvent] = []
        for await event in stream { events.append(event) }
        #expect(events.map(\.number) == Array(1...UInt64(events.count)))
        let kinds = events.map(\.kind)
        let expected: [DatabaseEvent.Kind] = [.recoveryBegan(.scanning), .recoveryBegan(.cleaning), .opened]
        #expect(Array(kinds.prefix(3)) == expected)
        #expect(kinds.contains(.checkpointAdvanced(checkpoint)))
        let positions = kinds.compactMap { kind -> LogSequenceNumber? in
            if case .checkpointAdvanced(let position) = kind { position } else { nil }
        }
        #expect(zip(positions, positions.dropFirst()).allSatisfy { $0 <= $1 })
        var late = 0
        for await _ in database.events() { late += 1 }
        #expect(late <= EventSink.openingCapacity)
    }

    @Test("a listener that falls behind gets the newest events, and the loss is counted")
    func slowListener() async throws {
        let database = try open()
        let stream = database.events(capacity: 2)
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        for number in 0..<20 {
            try keyspace.put(Array("\(number)".utf8), [1])
            try await database.checkpoint()
        }
        let dropped = try database.statistics()[.eventsDropped]
        try database.close()
        var events: [DatabaseEvent] = []
        for await event in stream { events.append(event) }
        #expect(events.count == 2 && dropped >= 20, "\(dropped) dropped")
        #expect((events.last?.number ?? 0) >= 22)
    }
}
