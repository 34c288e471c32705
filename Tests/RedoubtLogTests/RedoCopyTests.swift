import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: a copy of the redo is a log of its own that ends where it was told to, however often the log went round
/// meanwhile, and the checkpoint never passes what is still to be copied.
///
/// Method: a small log without threads; the copy is scanned as recovery does.
@Suite(.timeLimit(.minutes(20))) struct RedoCopyTests {
    private static let path = "/copy/redo_1.log"

    private func target(_ fixture: LogFixture) throws -> any StorageFile {
        try fixture.storage.createDirectory("/copy")
        return try fixture.storage.open(Self.path, role: .redo, creating: true, readOnly: false)
    }

    /// The numbers of the groups that recovery of the copy finds, and where it ends.
    private func found(_ fixture: LogFixture) throws -> (numbers: [UInt64], end: LogSequenceNumber) {
        var scanner = try LogScanner.open(storage: fixture.storage, directory: "/copy", readOnly: true)
        defer { scanner.close() }
        var numbers: [UInt64] = []
        while unsafe try scanner.next({ (_, payload) throws(RedoubtError) in
            numbers.append(unsafe payload.loadUnaligned(as: UInt64.self))
        }) {}
        return (numbers, try scanner.finish().endLSN)
    }

    @Test func `a copy has every group from the checkpoint to its end, while the log goes round three times`() throws {
        let fixture = try LogFixture()
        let log = fixture.log
        try log.waitUntilFlushed(fixture.append(0).end)
        try log.writeCheckpoint(log.flushedLSN)
        let file = try target(fixture)
        let copy = try RedoCopy(log, to: file)
        #expect(copy.checkpointLSN == log.checkpointLSN)
        var number: UInt64 = 1
        while log.currentLSN.rawValue - copy.checkpointLSN.rawValue < 6 << 20 {
            for _ in 0..<20 {
                fixture.append(number, byteCount: 12 + Int(number) * 131 % 5000)
                number += 1
            }
            try log.waitUntilFlushed(log.currentLSN)
            let before = log.checkpointMaximum
            try log.writeCheckpoint(log.flushedLSN)
            #expect(log.checkpointLSN == before)
            try copy.follow()
            // All but the granule that the next group goes to.
            #expect(log.flushedLSN.rawValue - log.checkpointMaximum.rawValue < 4096)
        }
        let end = log.flushedLSN
        let last = number
        // What is behind the end is not of the copy.
        try log.waitUntilFlushed(fixture.append(number, byteCount: 9000).end)
        let size = try copy.finish(at: end)
        copy.end()
        #expect(try file.size() == size)
        file.close()
        let (numbers, foundEnd) = try found(fixture)
        #expect(numbers == Array(1..<last) && foundEnd == end)
        try log.writeCheckpoint(log.flushedLSN)
        #expect(log.checkpointLSN == log.flushedLSN)
        log.stop()
    }

    @Test func `an empty copy ends where it begins`() throws {
        let fixture = try LogFixture()
        try fixture.log.waitUntilFlushed(fixture.append(0).end)
        try fixture.log.writeCheckpoint(fixture.log.flushedLSN)
        let file = try target(fixture)
        let copy = try RedoCopy(fixture.log, to: file)
        _ = try copy.finish(at: fixture.log.flushedLSN)
        file.close()
        let (numbers, end) = try found(fixture)
        #expect(numbers.isEmpty && end == fixture.log.flushedLSN)
        fixture.log.stop()
    }

    @Test func `one copy is made at a time, and one that is given up lets the checkpoint go`() throws {
        let fixture = try LogFixture()
        let file = try target(fixture)
        defer { file.close() }
        do {
            let copy = try RedoCopy(fixture.log, to: file)
            let error = #expect(throws: RedoubtError.self) { try RedoCopy(fixture.log, to: file) }
            #expect(error?.code == .busy)
            try fixture.log.waitUntilFlushed(fixture.append(1).end)
            try fixture.log.writeCheckpoint(fixture.log.flushedLSN)
            #expect(fixture.log.checkpointLSN == copy.checkpointLSN)
        }
        try fixture.log.writeCheckpoint(fixture.log.flushedLSN)
        #expect(fixture.log.checkpointLSN == fixture.log.flushedLSN)
        #expect(fixture.log.checkpointMaximum.rawValue == .max)
        fixture.log.stop()
    }
}
