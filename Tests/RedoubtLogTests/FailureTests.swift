import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: a failed write or sync fences the log for good and wakes everybody; credit is never exceeded and never lost;
/// the log changes size while in use. Method: injected faults and real threads on a simulated disk; each wait has a
/// deadline.
@Suite struct FailureTests {
    @Test(
        arguments: Configuration.RedoLog.Shape.allCases,
        [SimulatedFault.Operation.write, SimulatedFault.Operation.sync]
    )
    func `a failed write or sync fences, wakes all, and is never tried again`(
        shape: Configuration.RedoLog.Shape,
        operation: SimulatedFault.Operation
    ) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        let fixture = try LogFixture(configuration, starts: true)
        let first = fixture.append(0)
        try fixture.log.waitUntilFlushed(first.end)
        fixture.storage.inject(SimulatedFault(operation, role: .redo, skipping: 3))
        let fencedCount = Atomic<Int>(0)
        let told = Atomic<Int>(0)
        try onThreads(4) { thread in
            for number in 1..<1000 {
                let range = fixture.append(UInt64(thread * 1000 + number), byteCount: 100)
                fixture.log.whenFlushed(range.end) { if $0 != nil { told.wrappingAdd(1, ordering: .relaxed) } }
                do throws(RedoubtError) {
                    try fixture.log.waitUntilFlushed(range.end)
                } catch {
                    #expect(error.code == .fenced)
                    fencedCount.wrappingAdd(1, ordering: .relaxed)
                    return
                }
            }
        }
        #expect(fencedCount.load(ordering: .relaxed) == 4)
        #expect(spin { told.load(ordering: .relaxed) >= 1 })
        let syncCount = fixture.storage.callCount(.sync)
        let flushed = fixture.log.flushedLSN
        // Appends go on, far beyond the buffer, and are dropped.
        for number in 0..<20 { fixture.append(UInt64(number), byteCount: 100_000) }
        #expect(throws: RedoubtError.self) { try fixture.log.waitUntilFlushed(first.end) }
        #expect(throws: RedoubtError.self) { try fixture.log.waitUntilWritten(fixture.log.currentLSN) }
        #expect(throws: RedoubtError.self) { try fixture.log.acquireCapacity(bytes: 100) }
        #expect(throws: RedoubtError.self) { try fixture.log.writeCheckpoint(first.end) }
        fixture.log.stop()
        #expect(fixture.storage.callCount(.sync) == syncCount)
        #expect(fixture.log.flushedLSN == flushed)
        #expect(fixture.log.checkpointLSN == .firstUser)
    }

    @Test func `a fence from elsewhere wakes who waits for credit`() throws {
        let fixture = try LogFixture(starts: true)
        let most = fixture.log.groupByteCountMaximum
        while fixture.log.tryAcquireCapacity(bytes: most) {}
        try onThreads(2) { thread in
            if thread == 0 {
                #expect(throws: RedoubtError.self) { try fixture.log.acquireCapacity(bytes: most) }
            } else {
                fixture.health.fence(RedoubtError(.systemCallFailed, "a page could not be written"))
                fixture.log.wakeAll()
            }
        }
        fixture.log.stop()
    }

    @Test func `age and credit never exceed the capacity, and big requests get their turn`() throws {
        let fixture = try LogFixture(starts: true)
        let log = fixture.log
        let most = UInt64(log.limits.freeCheckCapacity)
        let isDone = Atomic<Bool>(false)
        let finished = Atomic<Int>(0)
        try onThreads(4) { thread in
            if thread == 3 {
                // The checkpointer: everything that is closed counts as flushed.
                while !isDone.load(ordering: .relaxed) {
                    let ticket = log.checkpointNeeded.ticket
                    let closed = log.closedLSN
                    try log.waitUntilFlushed(closed)
                    try log.writeCheckpoint(closed)
                    log.checkpointNeeded.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 5))
                }
                return
            }
            for index in 0..<(thread == 0 ? 12 : 300) {
                let byteCount = thread == 0 ? log.groupByteCountMaximum : 3000
                try log.acquireCapacity(bytes: byteCount)
                fixture.append(UInt64(index), byteCount: byteCount)
                // The checkpoint may pass what was the end a moment ago.
                let end = log.currentLSN.rawValue
                #expect(end - min(end, log.checkpointLSN.rawValue) <= most)
                log.releaseCapacity(bytes: byteCount)
            }
            if finished.wrappingAdd(1, ordering: .relaxed).newValue == 3 { isDone.store(true, ordering: .relaxed) }
        }
        log.stop()
        #expect(log.files.count == 4, "no file was made in need")
        #expect(throws: RedoubtError.self) { try log.acquireCapacity(bytes: Int(most)) }
    }

    @Test func `the log grows and shrinks while in use`() throws {
        let fixture = try LogFixture()
        var number: UInt64 = 0
        func fill(_ turns: Int) throws {
            for _ in 0..<turns {
                for _ in 0..<8 {
                    fixture.append(number, byteCount: 20_000)
                    number += 1
                }
                try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
                try fixture.log.writeCheckpoint(fixture.log.currentLSN)
            }
        }
        let small = fixture.log.limits
        try fixture.log.resize(to: .mebibytes(4))
        #expect(fixture.log.limits.fileSize == 768 << 10, "the file in use still has the old size")
        try fill(40)
        #expect(fixture.log.limits == LogLimits(capacity: .mebibytes(4), fileCount: 4))
        try fixture.log.resize(to: .mebibytes(2))
        #expect(fixture.log.limits.freeCheckCapacity == small.freeCheckCapacity, "a smaller limit holds at once")
        try fill(40)
        for path in fixture.storage.image.paths { #expect(fixture.storage.image.size(of: path) == 524_288) }
        let last = fixture.append(number)
        try fixture.log.waitUntilFlushed(last.end)
        #expect(try LogFixture.scan(fixture.storage.powerCut(.none)).numbers == [number])
        #expect(throws: RedoubtError.self) { try fixture.log.resize(to: .mebibytes(1)) }
    }

    @Test func `a full disk leaves the old size`() throws {
        let fixture = try LogFixture()
        fixture.storage.setQuota(3 << 20)
        #expect(throws: RedoubtError.self) { try fixture.log.resize(to: .mebibytes(64)) }
        let range = fixture.append(1)
        try fixture.log.waitUntilFlushed(range.end)
        try fixture.log.writeCheckpoint(range.end)
        #expect(fixture.log.limits.fileSize == 524_288)
    }

    @Test func `a resize that finds no space keeps the one before it on its way`() throws {
        let fixture = try LogFixture()
        try fixture.log.resize(to: .mebibytes(4))
        // Half of the zeros find space.
        let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
        fixture.storage.inject(SimulatedFault(.extend, role: .redo, isPermanent: true, effect: full))
        #expect(throws: RedoubtError.self) { try fixture.log.resize(to: .mebibytes(64)) }
        let image = fixture.storage.image
        #expect(image.paths.allSatisfy { image.size(of: $0) ?? 0 <= 1 << 20 }, "what was begun is given back")
        func fill(_ numbers: Range<UInt64>) throws {
            for number in numbers {
                let range = fixture.append(number, byteCount: 60_000)
                try fixture.log.waitUntilFlushed(range.end)
                try fixture.log.writeCheckpoint(range.end)
            }
        }
        let start = Scheduling.now()
        let fired = fixture.storage.firedFaultCount
        try fill(0..<40)
        let seconds = Int(Scheduling.now().nanoseconds(since: start) / 1_000_000_000)
        let tries = fixture.storage.firedFaultCount - fired
        #expect(tries > 0 && tries <= 2 + seconds, "zeros that find no space are not written at each checkpoint")
        #expect(fixture.log.limits.fileSize == 768 << 10)
        fixture.storage.removeFaults()
        Scheduling.sleep(microseconds: 1_100_000)
        try fill(40..<80)
        #expect(fixture.log.limits == LogLimits(capacity: .mebibytes(4), fileCount: 4))
        fixture.log.stop()
    }

    @Test func `a checkpoint writes no more zeros than it may when files grow`() throws {
        let fixture = try LogFixture()
        fixture.log.files.stepByteCount = 64 << 10
        try fixture.log.resize(to: .mebibytes(4))
        func sizes() -> [UInt64] {
            let image = fixture.storage.image
            return image.paths.compactMap { image.size(of: $0) }
        }
        var greatest: UInt64 = 0
        for number: UInt64 in 0..<80 {
            let range = fixture.append(number, byteCount: 60_000)
            try fixture.log.waitUntilFlushed(range.end)
            let before = sizes().reduce(0, +)
            try fixture.log.writeCheckpoint(range.end)
            greatest = max(greatest, sizes().reduce(0, +) - before)
        }
        #expect(greatest == 64 << 10 && sizes().allSatisfy { $0 == 1 << 20 }, "\(greatest), \(sizes())")
        #expect(fixture.log.limits == LogLimits(capacity: .mebibytes(4), fileCount: 4))
        fixture.log.stop()
    }

    @Test func `what fails while files grow fences, at a checkpoint too`() throws {
        for isResize in [true, false] {
            let fixture = try LogFixture()
            if !isResize { try fixture.log.resize(to: .mebibytes(4)) }
            let range = fixture.append(1, byteCount: 60_000)
            try fixture.log.waitUntilFlushed(range.end)
            fixture.storage.inject(SimulatedFault(.extend, role: .redo, isPermanent: true, effect: .failure(errno: 5)))
            if isResize {
                #expect(throws: RedoubtError.self) { try fixture.log.resize(to: .mebibytes(4)) }
            } else {
                for number: UInt64 in 2..<40 where !fixture.health.isFenced {
                    let range = fixture.append(number, byteCount: 60_000)
                    try? fixture.log.waitUntilFlushed(range.end)
                    try? fixture.log.writeCheckpoint(range.end)
                }
            }
            #expect(fixture.health.isFenced)
            fixture.log.stop()
        }
    }

    @Test func `a file that was begun before a power cut may become smaller`() throws {
        var configuration = LogFixture.smallest
        configuration.capacity = .mebibytes(4)
        let fixture = try LogFixture(configuration)
        let range = fixture.append(1)
        try fixture.log.waitUntilFlushed(range.end)
        // Its header is durable, and nothing else of it.
        _ = try fixture.log.files.activateNext()
        configuration.capacity = .mebibytes(2)
        var storage = fixture.storage
        for _ in 0..<3 {
            storage = storage.powerCut(.none)
            let again = try LogFixture(configuration, on: storage)
            #expect(try LogFixture.scan(storage.powerCut(.none)).numbers == [1])
            again.log.stop()
        }
    }

    @Test func `another number and size of files is taken on at the next opening`() throws {
        let fixture = try LogFixture()
        let range = fixture.append(1)
        try fixture.log.waitUntilFlushed(range.end)
        var configuration = LogFixture.smallest
        var storage = fixture.storage
        for (count, size) in [(7, 4), (4, 2), (32, 8), (5, 3)] {
            configuration.fileCount = count
            configuration.capacity = .mebibytes(size)
            storage = storage.powerCut(.none)
            let again = try LogFixture(configuration, on: storage)
            #expect(again.log.files.count == count)
            #expect(try LogFixture.scan(storage.powerCut(.none)).numbers == [1])
        }
    }
}
