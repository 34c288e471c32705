import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: nothing is called durable that no sync covered, and leftovers in the directory do not keep a log from opening.
/// Method: a disk that lets a test act in the middle of a write; stray files beside those of a log.
@Suite struct WrittenNoteTests {
    @Test func `redo written while an earlier sync runs needs a sync of its own`() throws {
        let storage = RoutedStorage(takesCachedWrites: false)
        let log = try storage.openLog()
        var group = LogFixture.group(1, byteCount: 40)
        let first = unsafe group.withUnsafeMutableBytes { unsafe log.append($0) }
        try log.waitUntilWritten(first.end)
        let second = unsafe group.withUnsafeMutableBytes { unsafe log.append($0) }
        // The flusher makes the first group durable just before the second one reaches the file.
        storage.beforeWrite.withLock { $0 = { _ in log.sync() } }
        try log.waitUntilWritten(second.end)
        storage.beforeWrite.withLock { $0 = nil }
        #expect(log.flushedLSN == first.end)
        let before = storage.disk.callCount(.sync)
        try log.waitUntilFlushed(second.end)
        #expect(storage.disk.callCount(.sync) > before)
        log.stop()
    }

    @Test func `a resize while the writer takes a file keeps the number of files`() throws {
        let storage = RoutedStorage(takesCachedWrites: false)
        let log = try storage.openLog()
        let resized = Atomic<Int>(0)
        // Offset 0 is the header: the file is no longer spare, and not yet in use.
        storage.beforeWrite.withLock {
            $0 = { offset in
                guard offset == 0, resized.exchange(1, ordering: .relaxed) == 0 else { return }
                do { try log.resize(to: .mebibytes(4)) } catch { Issue.record(error) }
            }
        }
        var group = LogFixture.group(1, byteCount: 60_000)
        while resized.load(ordering: .relaxed) == 0 {
            let range = unsafe group.withUnsafeMutableBytes { unsafe log.append($0) }
            log.close(range)
            try log.waitUntilFlushed(range.end)
        }
        storage.beforeWrite.withLock { $0 = nil }
        #expect(log.files.intendedCount == LogFixture.smallest.fileCount)
        #expect(log.files.count == LogFixture.smallest.fileCount)
        log.stop()
    }

    @Test func `checkpoints go on while a resize writes zeros`() throws {
        let storage = RoutedStorage(takesCachedWrites: false)
        let log = try storage.openLog()
        var group = LogFixture.group(1, byteCount: 40)
        let range = unsafe group.withUnsafeMutableBytes { unsafe log.append($0) }
        log.close(range)
        try log.waitUntilFlushed(range.end)
        let state = Atomic<Int>(0)
        // A device that grows the first file as long as it takes; in vain it waits only for who has to wait himself.
        storage.beforeExtension.withLock {
            $0 = {
                guard state.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged else { return }
                #expect(spin(within: 10) { state.load(ordering: .relaxed) == 2 }, "the checkpoint waits for zeros")
            }
        }
        try onThreads(2, within: 60) { thread in
            if thread == 0 { return try log.resize(to: .mebibytes(4)) }
            #expect(spin(within: 10) { state.load(ordering: .relaxed) == 1 })
            try log.writeCheckpoint(range.end)
            state.store(2, ordering: .relaxed)
        }
        #expect(log.checkpointLSN == range.end && log.files.target.fileSize == 1 << 20)
        log.stop()
    }

    @Test(arguments: [1, 40]) func `a log opens beside empty files that an interrupted growth left`(count: Int) throws {
        let fixture = try LogFixture()
        let end = fixture.append(1).end
        fixture.log.stop()
        for slot in 5..<5 + count {
            let path = LogFixture.directory + "/" + LogFileName.name(slot: slot)
            _ = try fixture.storage.open(path, role: .redo, creating: true, readOnly: false)
        }
        let again = try LogFixture(on: fixture.storage)
        #expect(again.log.currentLSN == end)
        #expect(again.log.files.count == 4)
        again.log.stop()
    }
}
