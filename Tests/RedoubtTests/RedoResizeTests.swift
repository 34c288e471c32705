import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

/// Goal: the redo log changes its size while writers go on, and nothing is lost. Method: two threads write through
/// several rounds of the log while it grows and shrinks; then the database is reopened and every row compared.
@Suite struct RedoResizeTests {
    private static let keyCount = 400

    @Test("the log grows and shrinks under two writers, and lasts as configured", .timeLimit(.minutes(20)))
    func resizeUnderLoad() throws {
        let fixture = Fixture()
        var configuration = Fixture.configuration
        configuration.redoLog.checkpointIntervalMilliseconds = 50
        let database = try Database.open(at: fixture.path, configuration: configuration)
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        let isOver = Flag()
        let expected = Mutex<[[UInt8]: Int]>([:])
        try onThreads(3, within: 400) { thread in
            if thread == 2 {
                defer { isOver.set() }
                for mebibytes in [16, 8, 24, 10] { try Self.resize(database, .mebibytes(mebibytes)) }
                return
            }
            var versions: [[UInt8]: Int] = [:]
            var version = 0
            while !isOver.isSet {
                let key = Array("\(thread)-\(version % Self.keyCount)".utf8)
                try keyspace.put(key, Self.value(version), durability: .deferred)
                versions[key] = version
                version += 1
            }
            expected.withLock { $0.merge(versions) { $1 } }
        }
        #expect(try database.statistics().redoCapacity == .mebibytes(10))
        try database.close()

        let reopened = try Database.open(at: fixture.path, configuration: configuration)
        #expect(try reopened.statistics().redoCapacity == configuration.redoLog.capacity)
        let rows = try reopened.keyspace(named: "k")
        let versions = expected.withLock { $0 }
        #expect(versions.count == 2 * Self.keyCount)
        #expect(try rows.count() == versions.count)
        for (key, version) in versions { #expect(try rows.get(key) == Self.value(version)) }
        #expect(try reopened.check().isEmpty)
        try reopened.close()
    }

    @Test("a size that is not possible is refused, and the old one holds")
    func impossibleSizes() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        for capacity: ByteCount in [.mebibytes(1), .gibibytes(129)] {
            do throws(RedoubtError) {
                try database.setRedoCapacity(capacity)
                Issue.record("\(capacity) was accepted")
            } catch {
                #expect(error.code == .invalidConfiguration)
            }
        }
        #expect(try database.statistics().redoCapacity == .mebibytes(8))
        try database.close()
        #expect(throws: RedoubtError.self) { try database.setRedoCapacity(.mebibytes(8)) }
    }

    @Test("sizes that many ask for at once, while the database is closed, end in one of them or in an error")
    func resizesAndClose() async throws {
        for round in 0..<8 {
            let fixture = Fixture()
            let database = try fixture.open()
            let keyspace = try database.keyspace(named: "k", createIfMissing: true)
            let task = Task { () -> RedoubtError.Code? in
                do throws(RedoubtError) {
                    for turn in 0..<1000 { try await database.setRedoCapacity(.mebibytes(8 + turn % 3)) }
                } catch {
                    return error.code
                }
                return nil
            }
            let codes = Mutex<[RedoubtError.Code]>([])
            try onThreads(4, within: 60) { thread in
                if thread == 3 {
                    Scheduling.sleep(microseconds: 20_000 * round)
                    return try database.close()
                }
                do throws(RedoubtError) {
                    for turn in 0..<1_000_000 {
                        if thread == 2 {
                            try keyspace.put(Array("\(turn % 100)".utf8), Self.value(turn), durability: .deferred)
                        } else {
                            try database.setRedoCapacity(.mebibytes(thread == 0 ? 8 + turn % 9 : 24 - turn % 5))
                        }
                    }
                } catch {
                    codes.withLock { $0.append(error.code) }
                }
            }
            #expect(codes.withLock { $0 } == [.closed, .closed, .closed], "round \(round)")
            let code = await task.value
            #expect(code == .closed, "round \(round)")
            let reopened = try fixture.open()
            let findings = try await reopened.check()
            #expect(findings.isEmpty, "round \(round)")
            try reopened.close()
        }
    }

    /// Sets the size, and waits until it counts and the writers have filled the log once more.
    private static func resize(_ database: Database, _ capacity: ByteCount) throws {
        let start = try database.statistics().currentLSN.rawValue
        try database.setRedoCapacity(capacity)
        let counts = try spin(within: 90) {
            let statistics = try database.statistics()
            return statistics.redoCapacity == capacity
                && statistics.currentLSN.rawValue > start + UInt64(capacity.rawValue)
        }
        let statistics = try database.statistics()
        // Not four times the patience.
        try #require(counts, "capacity \(statistics.redoCapacity), \(statistics.currentLSN) after \(start)")
    }

    private static func value(_ version: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: version), count: 1000 + version % 2000)
    }

    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }
}
