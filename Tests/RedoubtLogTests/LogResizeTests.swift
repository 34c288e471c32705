import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: while files change their sizes, limits promise no more than the files hold, nobody writes for longer than need
/// be, and what fails is noticed. Method: small steps of zeros, injected faults, and threads of a simulated schedule
/// where the moment matters.
@Suite(.timeLimit(.minutes(20))) struct LogResizeTests {
    private static let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)

    private static func configuration(_ mebibytes: Int, files: Int = 4) -> Configuration.RedoLog {
        var configuration = LogFixture.smallest
        configuration.capacity = .mebibytes(mebibytes)
        configuration.fileCount = files
        return configuration
    }

    private static func sizes(_ storage: SimulatedStorage) -> [UInt64] {
        let image = storage.image
        return image.paths.compactMap { image.size(of: $0) }
    }

    @Test func `what fails while the size before comes back fences`() throws {
        for operation in [SimulatedFault.Operation.truncate, .sync] {
            let fixture = try LogFixture()
            // The second file finds no space; the first is cut again, and that fails.
            fixture.storage.inject(SimulatedFault(.extend, role: .redo, skipping: 1, effect: Self.full))
            let skipCount = operation == .sync ? 1 : 0
            fixture.storage.inject(SimulatedFault(operation, role: .redo, skipping: skipCount, isPermanent: true))
            #expect(throws: RedoubtError.self) { try fixture.log.resize(to: .mebibytes(4)) }
            #expect(fixture.health.isFenced, "\(operation)")
            fixture.log.stop()
        }
    }

    @Test func `a file that is still growing is taken into use after those that are whole`() throws {
        let fixture = try LogFixture()
        let log = fixture.log
        log.files.stepByteCount = 64 << 10
        try log.resize(to: .mebibytes(4))
        for number: UInt64 in 0..<10 { try log.waitUntilFlushed(fixture.append(number, byteCount: 60_000).end) }
        // The file in use at the resize becomes spare, and grows a bit.
        try log.writeCheckpoint(log.currentLSN)
        #expect(Self.sizes(fixture.storage).contains(524_288 + 65_536))
        for number: UInt64 in 10..<50 { try log.waitUntilFlushed(fixture.append(number, byteCount: 60_000).end) }
        let active = log.files.activeFiles
        #expect(active.count == 3 && active.allSatisfy { $0.size == 1 << 20 }, "\(active.map(\.size))")
        log.stop()
    }

    @Test func `a resize ends when the engine is fenced`() throws {
        let storage = Self.slowStorage()
        let written = try SimulatedScheduler(seed: 1).run { () -> Result<UInt64, any Error> in
            Result {
                let fixture = try LogFixture(Self.newLog(2, on: storage), on: storage)
                fixture.log.files.stepByteCount = 64 << 10
                let thread = try Scheduling.start("fence") {
                    Scheduling.sleep(microseconds: 5000)
                    fixture.health.fence(RedoubtError(.systemCallFailed, "a page could not be written"))
                }
                let code = code { () throws(RedoubtError) in try fixture.log.resize(to: .mebibytes(64)) }
                Scheduling.join(thread)
                fixture.log.stop()
                return code == .fenced ? Self.sizes(storage).reduce(0, +) : .max
            }
        }.get()
        #expect(written < 16 << 20, "\(written) bytes")
    }

    @Test func `a smaller limit holds before the first file is cut`() throws {
        let storage = Self.slowStorage()
        let seen = try SimulatedScheduler(seed: 1).run { () -> Result<Int, any Error> in
            Result {
                let fixture = try LogFixture(Self.newLog(16, files: 32, on: storage), on: storage)
                let isOver = Atomic<Bool>(false)
                let thread = try Scheduling.start("resize") {
                    #expect(throws: Never.self) { try fixture.log.resize(to: .mebibytes(8)) }
                    isOver.store(true, ordering: .releasing)
                }
                var seen = 0
                while !isOver.load(ordering: .acquiring) {
                    if Self.sizes(storage).contains(262_144) {
                        seen += 1
                        if fixture.log.limits.fileSize != 262_144 { return -1 }
                    }
                    Scheduling.sleep(microseconds: 20)
                }
                Scheduling.join(thread)
                fixture.log.stop()
                return seen
            }
        }.get()
        #expect(seen > 10)
    }

    private static func slowStorage() -> SimulatedStorage {
        var options = SimulatedStorage.Options()
        options.isRecording = false
        options.latencyMicroseconds = 50
        return SimulatedStorage(options: options)
    }

    private static func newLog(_ mebibytes: Int, files: Int = 4, on storage: SimulatedStorage) throws
        -> Configuration.RedoLog
    {
        let configuration = configuration(mebibytes, files: files)
        try RedoLog.create(
            storage: storage,
            directory: LogFixture.directory,
            configuration: configuration,
            database: LogFixture.database
        )
        return configuration
    }

    @Test func `an orderly close leaves files that are to grow to the next opening`() throws {
        let fixture = try LogFixture()
        try fixture.log.resize(to: .mebibytes(4))
        for number: UInt64 in 0..<10 { fixture.append(number, byteCount: 60_000) }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        let count = fixture.storage.callCount(.extend)
        try fixture.log.writeCheckpoint(fixture.log.currentLSN, isCleanShutdown: true)
        #expect(fixture.storage.callCount(.extend) == count)
        fixture.log.stop()
    }

    @Test func `a file that cannot be removed is left for the next opening`() throws {
        let fixture = try LogFixture(Self.configuration(4, files: 8))
        fixture.storage.inject(SimulatedFault(.entry, isPermanent: true))
        let again = try LogFixture(Self.configuration(4, files: 5), on: fixture.storage)
        #expect(again.log.files.count == 5 && Self.sizes(fixture.storage).count == 8)
        again.log.stop()
        fixture.storage.removeFaults()
        let last = try LogFixture(Self.configuration(4, files: 5), on: fixture.storage)
        #expect(last.log.files.count == 5 && Self.sizes(fixture.storage).count == 5)
        last.log.stop()
    }

    @Test func `an opening that finds no space for larger files gives back what it took`() throws {
        let fixture = try LogFixture()
        fixture.storage.setQuota(3 << 20)
        #expect(throws: RedoubtError.self) { try LogFixture(Self.configuration(4), on: fixture.storage) }
        #expect(Self.sizes(fixture.storage) == [524_288, 524_288, 524_288, 524_288])
    }

    @Test func `an opening that finds no space for more files gives back what it took`() throws {
        let fixture = try LogFixture()
        fixture.storage.setQuota(4_700_000)
        #expect(throws: RedoubtError.self) { try LogFixture(Self.configuration(8, files: 8), on: fixture.storage) }
        #expect(Self.sizes(fixture.storage) == [524_288, 524_288, 524_288, 524_288])
    }

    @Test func `a log that is opened smaller than it was has the window of the smaller one`() throws {
        let fixture = try LogFixture(Self.configuration(64))
        fixture.log.stop()
        let log = try LogFixture(Self.configuration(2), on: fixture.storage).log
        #expect(log.limits.capacity == .mebibytes(2))
        #expect(Int(log.relaxedOrderWindow) <= log.limits.freeCheckCapacity / 4, "\(log.relaxedOrderWindow)")
        log.stop()
    }

    @Test func `a larger size counts in part at once, and no file is made in need at any mix of sizes`() throws {
        let fixture = try LogFixture()
        let log = fixture.log
        try log.resize(to: .mebibytes(4))
        // One file has half of the size still: of all but the two largest that is the mean.
        #expect(log.limits.capacity == .mebibytes(3))
        var random = SeededRandom(seed: testSeed())
        var number: UInt64 = 0
        for turn in 0..<60 {
            if turn % 20 == 0 {
                log.files.stepByteCount = UInt64(16 << random.below(8)) << 10
                try log.resize(to: .mebibytes(2 + random.below(5)))
            }
            let byteCount = 1000 + random.below(60_000)
            while log.tryAcquireCapacity(bytes: byteCount) {
                fixture.append(number, byteCount: byteCount)
                number += 1
                log.releaseCapacity(bytes: byteCount)
            }
            try log.waitUntilFlushed(log.currentLSN)
            let age = Int(log.currentLSN.rawValue - log.checkpointLSN.rawValue)
            let lsn = log.checkpointLSN.rawValue + UInt64(1 + random.below(max(1, age)))
            try log.writeCheckpoint(LogSequenceNumber(rawValue: min(lsn, log.currentLSN.rawValue)))
            #expect(log.files.count == 4, "turn \(turn)")
        }
        try log.resize(to: .mebibytes(7))
        for _ in 0..<400 where log.limits.capacity != .mebibytes(7) {
            try log.waitUntilFlushed(fixture.append(number, byteCount: 60_000).end)
            try log.writeCheckpoint(log.currentLSN)
            number += 1
        }
        #expect(log.limits == LogLimits(capacity: .mebibytes(7), fileCount: 4))
        log.stop()
    }

    private static func files(_ sizes: [UInt64]) throws -> LogFileSet {
        let storage = LogFixture.newStorage()
        let file = try storage.open("/file", role: .redo, creating: true, readOnly: false)
        return LogFileSet(
            storage: storage,
            directory: "/",
            database: LogFixture.database,
            active: [],
            spares: sizes.enumerated().map { LogFile(file: file, slot: $0.offset, size: $0.element, header: nil) },
            nextNumber: 1
        )
    }

    private static func sizes(_ random: inout SeededRandom) -> [UInt64] {
        (0..<4 + random.below(29)).map { _ in
            UInt64(32 + random.below(1 << (2 + random.below(12)))) * UInt64(LogLimits.fileSizeUnit)
        }
    }

    @Test func `limits of any mix of sizes fit the files without the two largest`() throws {
        var random = SeededRandom(seed: testSeed())
        for turn in 0..<2000 {
            let sizes = Self.sizes(&random)
            let files = try Self.files(sizes)
            files.setTarget(fileSize: sizes.max() ?? 0, count: sizes.count)
            let limits = RedoLog.limits(of: files, capacity: .mebibytes(8))
            let room = sizes.sorted().dropLast(2).reduce(0) { $0 + $1 - UInt64(LogFileHeader.dataOffset) }
            #expect(limits.freeCheckCapacity <= Int(room), "turn \(turn): \(sizes)")
            let smallest = LogLimits(capacity: .bytes(Int(sizes.min() ?? 0) * sizes.count), fileCount: sizes.count)
            #expect(limits.freeCheckCapacity >= smallest.freeCheckCapacity, "turn \(turn): \(sizes)")
        }
    }

    @Test func `limits of any mix of sizes hold before the files are cut as after`() throws {
        var random = SeededRandom(seed: testSeed())
        for turn in 0..<2000 {
            let sizes = Self.sizes(&random)
            let target = sizes[random.below(sizes.count)]
            let limits = try [sizes, sizes.map { min($0, target) }].map { sizes in
                let files = try Self.files(sizes)
                files.setTarget(fileSize: target, count: sizes.count)
                return RedoLog.limits(of: files, capacity: .mebibytes(8))
            }
            #expect(limits[0] == limits[1], "turn \(turn): \(sizes) are to be \(target)")
        }
    }
}
