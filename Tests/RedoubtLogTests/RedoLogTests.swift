import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: what was appended comes back from a scan, whole, in order, exactly once, in each shape and however often the
/// log wraps. Method: groups that carry their number, on a simulated disk; each wait has a deadline.
@Suite struct RedoLogTests {
    @Test func `a new log is empty and was closed in order`() throws {
        let fixture = try LogFixture()
        #expect(fixture.log.currentLSN == .firstUser)
        #expect(fixture.log.flushedLSN == .firstUser)
        #expect(fixture.log.checkpointLSN == .firstUser)
        var scanner = try LogScanner.open(storage: fixture.storage, directory: LogFixture.directory)
        let scan = try scanner.finish()
        #expect(scan.wasCleanShutdown && scan.groupCount == 0 && scan.endLSN == .firstUser)
        #expect(throws: RedoubtError.self) {
            try RedoLog.create(
                storage: fixture.storage,
                directory: LogFixture.directory,
                configuration: fixture.configuration,
                database: LogFixture.database
            )
        }
    }

    @Test func `groups of every length come back, with and without a sync between them`() throws {
        let fixture = try LogFixture()
        var ranges: [LogRange] = []
        for number in 0..<700 {
            ranges.append(fixture.append(UInt64(number), byteCount: 12 + number * 7 % 1500))
            if number % 3 == 0 { try fixture.log.waitUntilFlushed(fixture.log.currentLSN) }
            if number % 5 == 0 { try fixture.log.waitUntilWritten(fixture.log.currentLSN) }
        }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        let found = try LogFixture.scan(fixture.storage.powerCut(.none))
        #expect(found.isIntact)
        #expect(found.numbers == (0..<700).map { UInt64($0) })
        #expect(found.ranges == ranges)
        #expect(found.end == fixture.log.currentLSN)
    }

    @Test func `a group that ends at the very end of a block is found`() throws {
        for last in [494, 495, 496, 497, 991, 992, 993] {
            let fixture = try LogFixture()
            fixture.append(1, byteCount: 496)
            fixture.append(2, byteCount: last)
            try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
            #expect(try LogFixture.scan(fixture.storage.powerCut(.none)).numbers == [1, 2], "\(last) bytes")
            let again = try LogFixture(on: fixture.storage.powerCut(.none))
            again.append(3, byteCount: 496)
            again.append(4, byteCount: 20)
            try again.log.waitUntilFlushed(again.log.currentLSN)
            #expect(try LogFixture.scan(again.storage.powerCut(.none)).numbers == [1, 2, 3, 4], "\(last) bytes")
        }
    }

    @Test(arguments: [1, 512, 4096], [512, 4096, 16384])
    func `every alignment and write-ahead size works, across reopening`(alignment: Int, writeAhead: Int) throws {
        var options = SimulatedStorage.Options()
        options.alignment = alignment
        var storage = SimulatedStorage(options: options)
        var configuration = LogFixture.smallest
        configuration.writeAheadSize = .bytes(writeAhead)
        try RedoLog.create(
            storage: storage,
            directory: LogFixture.directory,
            configuration: configuration,
            database: LogFixture.database
        )
        var count: UInt64 = 0
        for _ in 0..<12 {
            let fixture = try LogFixture(configuration, on: storage)
            for _ in 0..<5 {
                fixture.append(count, byteCount: 12 + Int(count * 37 % 900))
                count += 1
                try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
            }
            storage = storage.powerCut(.none)
        }
        #expect(try LogFixture.scan(storage).numbers == Array(0..<count))
    }

    @Test func `the log wraps many times while checkpoints follow`() throws {
        let fixture = try LogFixture()
        var kept: [LogRange] = []
        var number: UInt64 = 0
        for _ in 0..<120 {
            kept = []
            for _ in 0..<40 {
                kept.append(fixture.append(number, byteCount: 1000 + Int(number % 5000)))
                number += 1
            }
            try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
            let first = try #require(kept.first)
            try fixture.log.writeCheckpoint(first.start)
        }
        #expect(fixture.log.currentLSN.rawValue > 6 * (2 << 20))
        #expect(fixture.log.files.count == 4, "credit was not honoured, yet there is always a spare file")
        let found = try LogFixture.scan(fixture.storage.powerCut(.none))
        #expect(found.isIntact && found.ranges == kept)
    }

    @Test(arguments: Configuration.RedoLog.Shape.allCases)
    func `threads append, wait and find everything again`(shape: Configuration.RedoLog.Shape) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        configuration.capacity = .mebibytes(8)
        let fixture = try LogFixture(configuration, starts: true)
        let callbacks = Atomic<Int>(0)
        let perThread: UInt64 = 150
        try onThreads(4) { thread in
            for index in 0..<perThread {
                let number = UInt64(thread) * perThread + index
                let range = fixture.append(number, byteCount: 20 + Int(number % 700))
                switch index % 4 {
                case 0:
                    try fixture.log.waitUntilFlushed(range.end)
                    #expect(fixture.log.flushedLSN >= range.end)
                case 1:
                    try fixture.log.waitUntilWritten(range.end)
                    #expect(fixture.log.writtenLSN >= range.end)
                case 2:
                    fixture.log.whenFlushed(range.end) { error in
                        if error == nil { callbacks.wrappingAdd(1, ordering: .relaxed) }
                    }
                default: fixture.log.requestFlush(range.end)
                }
            }
        }
        fixture.log.stop()
        // Of each thread's 150, those with index 2, 6, ... 146.
        #expect(callbacks.load(ordering: .relaxed) == 4 * 37)
        let found = try LogFixture.scan(fixture.storage.powerCut(.none))
        #expect(found.isIntact && found.numbers.sorted() == Array(0..<4 * perThread))
        #expect(fixture.log.closedLSN == fixture.log.currentLSN)
    }

    @Test(arguments: Configuration.RedoLog.Shape.allCases)
    func `a deferred commit becomes durable on its own`(shape: Configuration.RedoLog.Shape) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        configuration.deferredFlushMilliseconds = 20
        let fixture = try LogFixture(configuration, starts: true)
        let range = fixture.append(1)
        #expect(spin { fixture.log.isFlushed(range.end) })
        fixture.log.stop()
    }

    @Test(arguments: Configuration.RedoLog.Shape.allCases)
    func `appends that outrun the buffer wait for room`(shape: Configuration.RedoLog.Shape) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        configuration.capacity = .mebibytes(16)
        let fixture = try LogFixture(configuration, starts: true)
        try onThreads(3) { thread in
            for index in 0..<30 { fixture.append(UInt64(thread * 30 + index), byteCount: 100_000) }
        }
        fixture.log.stop()
        #expect(try LogFixture.scan(fixture.storage.powerCut(.none)).numbers.count == 90)
    }

    @Test func `a clean shutdown is known, and forgotten with the next group`() throws {
        let fixture = try LogFixture()
        fixture.append(1)
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        try fixture.log.writeCheckpoint(fixture.log.currentLSN, isCleanShutdown: true)
        var scanner = try LogScanner.open(storage: fixture.storage, directory: LogFixture.directory)
        let scan = try scanner.finish()
        #expect(scan.wasCleanShutdown && scan.groupCount == 0)
        let again = try LogFixture(on: fixture.storage)
        again.append(2)
        try again.log.waitUntilFlushed(again.log.currentLSN)
        var second = try LogScanner.open(storage: again.storage, directory: LogFixture.directory)
        #expect(try !second.finish().wasCleanShutdown)
    }

    @Test func `a checkpoint anywhere between two groups, or within one, starts at the next group`() throws {
        let fixture = try LogFixture()
        let ranges = (0..<60).map { fixture.append(UInt64($0), byteCount: 12 + $0 * 53 % 1300) }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        var position = LogSequenceNumber.firstUser.rawValue
        while position < fixture.log.currentLSN.rawValue {
            try fixture.log.writeCheckpoint(LogSequenceNumber(rawValue: position))
            let found = try LogFixture.scan(fixture.storage)
            #expect(found.ranges == ranges.filter { $0.start.rawValue >= position }, "checkpoint at \(position)")
            #expect(found.end == fixture.log.currentLSN)
            position += 97
        }
    }
}
