import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: a power cut at any moment of a resize, and of the opening after it, leaves a log that opens with any size, and
/// loses no group that was durable. Method: every cut point of recorded runs, with seeded choices over what was not
/// synced; what is left is scanned, then opened with other sizes, appended to, and cut again.
@Suite(.timeLimit(.minutes(20))) struct ResizeCrashTests {
    /// A run that was recorded.
    private final class Run: Sendable {
        let storage: SimulatedStorage
        let ends: [LogSequenceNumber]

        init(_ storage: SimulatedStorage, _ ends: [LogSequenceNumber]) {
            self.storage = storage
            self.ends = ends
        }
    }

    /// A log that is being recorded.
    private struct Recording {
        let storage: SimulatedStorage
        let fixture: LogFixture
        var ends: [LogSequenceNumber]

        init(_ image: DiskImage, mebibytes: Int, files: Int = 4, ends: [LogSequenceNumber] = []) throws {
            storage = SimulatedStorage(image)
            self.ends = ends
            storage.mark(.issued(ends.count))
            storage.mark(.acknowledged(ends.count))
            fixture = try LogFixture(ResizeCrashTests.configuration(mebibytes, files: files), on: storage)
            fixture.log.files.stepByteCount = 192 << 10
        }

        mutating func fill(_ count: Int) throws {
            for index in 0..<count {
                storage.mark(.issued(ends.count + 1))
                ends.append(fixture.append(UInt64(ends.count), byteCount: 60_000).end)
                try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
                storage.mark(.acknowledged(ends.count))
                if index % 3 == 2 { try fixture.log.writeCheckpoint(ends[ends.count - 2]) }
            }
        }
    }

    private static func configuration(_ mebibytes: Int, files: Int = 4) -> Configuration.RedoLog {
        var configuration = LogFixture.smallest
        configuration.capacity = .mebibytes(mebibytes)
        configuration.fileCount = files
        return configuration
    }

    @Test func `every power cut while the log grows and shrinks is recovered from`() throws {
        var recording = try Recording(try LogFixture().storage.image, mebibytes: 2)
        try recording.fill(10)
        try recording.fixture.log.resize(to: .mebibytes(3))
        try recording.fill(24)
        try recording.fixture.log.resize(to: .mebibytes(2))
        try recording.fill(12)
        let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
        recording.storage.inject(SimulatedFault(.extend, role: .redo, skipping: 1, effect: full))
        #expect(throws: RedoubtError.self) { try recording.fixture.log.resize(to: .mebibytes(4)) }
        try recording.fill(12)
        try judge(Run(recording.storage, recording.ends), seconds: 30)
    }

    @Test func `every power cut of an opening that takes back a file begun is recovered from`() throws {
        let fixture = try LogFixture(Self.configuration(4))
        let ends = (0..<UInt64(3)).map { fixture.append($0, byteCount: 60_000).end }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        // Their headers are durable, and nothing else of them.
        for _ in 0..<2 { _ = try fixture.log.files.activateNext() }
        let image = fixture.storage.powerCut(.none).image
        for (mebibytes, files) in [(2, 4), (2, 6), (8, 4), (3, 5)] {
            var recording = try Recording(image, mebibytes: mebibytes, files: files, ends: ends)
            try recording.fill(2)
            try judge(Run(recording.storage, recording.ends), seconds: 10)
        }
    }

    private func judge(_ run: Run, seconds: Double) throws {
        var options = CrashExplorer.Options()
        options.seededSubsetCount = 4
        options.statesPerPoint = 8
        let explorer = CrashExplorer(run.storage, options: options)
        let report = explorer.judge(seconds: seconds) { state in
            try Self.recover(state, run.ends)
        }
        print("resize: \(report)")
        for failure in report.failures.prefix(2) { print(explorer.excerpt(around: failure.point)) }
        #expect(report.failureCount == 0 && report.judgedCount > 0)
    }

    private struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    /// Returns the number of groups that `state` has kept, after it was opened with two other sizes.
    private static func recover(_ state: CrashState, _ ends: [LogSequenceNumber]) throws -> [Int] {
        var options = SimulatedStorage.Options.judging
        options.tracksDurability = true
        var storage = SimulatedStorage(state.storage.image, options: options)
        let found = try LogFixture.scan(storage, checksContent: false)
        let count = UInt64((ends.firstIndex(of: found.end) ?? -1) + 1)
        guard found.isIntact, found.numbers == Array(count - UInt64(found.numbers.count)..<count),
            count > 0 || found.end == .firstUser
        else { throw Wrong(description: "\(found.numbers), up to \(found.end)") }
        for turn: UInt64 in 0..<2 {
            let draw = Int(state.key >> (8 * turn) & 0xFF)
            let again = try LogFixture(configuration([2, 3, 4, 8][draw % 4], files: 4 + draw / 4 % 3), on: storage)
            let range = again.append(count + turn, byteCount: 30_000)
            try again.log.waitUntilFlushed(range.end)
            storage = storage.powerCut(PowerCut(.seeded(state.key)))
            again.log.stop()
            let after = try LogFixture.scan(storage, checksContent: false)
            guard after.isIntact, after.end == range.end, after.numbers.last == count + turn else {
                throw Wrong(description: "\(count) groups, turn \(turn): then \(after.numbers) up to \(after.end)")
            }
        }
        return [Int(count)]
    }
}
