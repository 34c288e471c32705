import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: who looks at redo finds each group that is still there from wherever it begins, and is told where there is
/// none. Method: groups of many lengths whose places are known, in logs that have gone round or not.
@Suite(.timeLimit(.minutes(20))) struct LogViewTests {
    /// A log with groups of up to five blocks; the places of all of them.
    private func filled(_ count: Int) throws -> (LogFixture, [LogRange]) {
        let fixture = try LogFixture()
        var ranges: [LogRange] = []
        for number in 0..<count {
            ranges.append(fixture.append(UInt64(number), byteCount: 12 + number * 131 % 2500))
            if number % 50 == 49 {
                try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
                try fixture.log.writeCheckpoint(fixture.log.currentLSN)
            }
        }
        try fixture.log.waitUntilFlushed(fixture.log.currentLSN)
        return (fixture, ranges)
    }

    private func view(_ fixture: LogFixture) throws -> LogView {
        try LogView(storage: fixture.storage, directory: LogFixture.directory)
    }

    private func start(_ step: LogView.Step) -> LogSequenceNumber? {
        if case .group(let range, _) = step { range.start } else { nil }
    }

    @Test func `each group is found at its place, and from the place behind its first byte the next one`() throws {
        let (fixture, ranges) = try filled(120)
        let view = try view(fixture)
        for (number, range) in ranges.enumerated() {
            view.seek(range.start)
            #expect(view.position == range.start, "group \(number)")
            #expect(start(view.step()) == range.start, "group \(number)")
            guard range.start.rawValue % 512 < 500 else { continue }
            view.seek(LogSequenceNumber(rawValue: range.start.rawValue + 1))
            #expect(
                start(view.step()) == (number + 1 < ranges.count ? ranges[number + 1].start : nil),
                "group \(number)"
            )
        }
        fixture.log.stop()
    }

    @Test func `any group can be gone to after any other, and the end`() throws {
        let (fixture, ranges) = try filled(120)
        let view = try view(fixture)
        for number in stride(from: 119, through: 0, by: -7) {
            try view.go(to: ranges[number].start, isOpen: false)
            #expect(start(view.step()) == ranges[number].start, "group \(number)")
        }
        try view.go(to: fixture.log.currentLSN, isOpen: false)
        #expect(start(view.step()) == nil)
        let behind = LogSequenceNumber(rawValue: fixture.log.currentLSN.rawValue + 4096)
        let error = #expect(throws: RedoubtError.self) { try view.go(to: behind, isOpen: false) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("\(fixture.log.currentLSN)") == true)
        fixture.log.stop()
    }

    @Test func `redo that was overwritten is told, and the oldest that is left is found`() throws {
        let (fixture, ranges) = try filled(2500)
        let view = try view(fixture)
        let error = #expect(throws: RedoubtError.self) { try view.go(to: ranges[0].start, isOpen: false) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("oldest") == true)
        view.seekOldest()
        let oldest = try #require(ranges.firstIndex { $0.start == view.position })
        #expect(oldest > 0)
        for range in ranges[oldest...] { #expect(start(view.step()) == range.start) }
        #expect(start(view.step()) == nil)
        fixture.log.stop()
    }

    @Test func `who looks again sees the newest checkpoint and the groups since`() throws {
        let (fixture, _) = try filled(100)
        let view = try view(fixture)
        #expect(view.checkpoint == fixture.log.checkpointLSN)
        while case .group = view.step() {}
        let range = fixture.append(7, byteCount: 3000)
        try fixture.log.waitUntilFlushed(range.end)
        try view.refresh()
        #expect(start(view.step()) == range.start)
        try fixture.log.writeCheckpoint(range.end)
        try view.refresh()
        #expect(view.checkpoint == range.end && fixture.log.checkpointLSN == range.end)
        fixture.log.stop()
    }
}
