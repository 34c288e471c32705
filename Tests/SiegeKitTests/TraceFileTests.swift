import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import TestSupport
import Testing

/// Goal: a trace that was written and read again is the same run: same disk, same events, same crash.
///
/// Method: runs of a small store and of a database, through bytes and through a file; the lines are compared with those
/// that a person would write down.
@Suite(.timeLimit(.minutes(20))) struct TraceFileTests {
    private static func expectEqual(_ found: TraceFile, _ written: TraceFile) {
        #expect(found.seed == written.seed && found.text == written.text && found.crash == written.crash)
        #expect(found.start.paths == written.start.paths)
        for path in written.start.paths { #expect(found.start.bytes(of: path) == written.start.bytes(of: path)) }
        #expect(found.events.map(\.description) == written.events.map(\.description))
        #expect(found.encoded() == written.encoded())
        // The bytes of the writes as well: what may be left of them is the same, state by state.
        let states = [found, written].map { trace in
            var options = CrashExplorer.Options()
            options.statesPerPoint = 2
            return CrashExplorer(start: trace.start, trace: trace.events, options: options)
        }
        #expect(states[0].stateCount == states[1].stateCount && states[0].listedCount == states[1].listedCount)
        let end = CrashCut(point: written.events.count, model: .keepAll, .lose)
        let disks = [found, written].compactMap { end.disk(start: $0.start, trace: $0.events) }
        for path in disks[1].paths { #expect(disks[0].bytes(of: path) == disks[1].bytes(of: path)) }
    }

    @Test(arguments: LogStore.Mistake.allCases) func `a trace of a store is the same after reading it`(
        _ mistake: LogStore.Mistake
    ) throws {
        let trace = try RecordedWorlds.failedStore(mistake, seed: 0xFFFF_FFFF_FFFF_FFF1)
        let isVisible = mistake != .none && mistake != .ignoredError
        #expect((trace.crash != nil) == isVisible)
        Self.expectEqual(try TraceFile(decoding: trace.encoded()), trace)
    }

    @Test func `a trace of a database is the same after reading it, and equal sectors are there once`() throws {
        let trace = TraceFile(try RecordedWorlds.database(), seed: 3, text: "a database, \u{e9}")
        let bytes = trace.encoded()
        Self.expectEqual(try TraceFile(decoding: bytes), trace)
        let written = trace.events.reduce(0) { sum, event in
            guard case .change(.write(_, _, let bytes)) = event else { return sum }
            return sum + bytes.count
        }
        let held = trace.start.paths.reduce(0) { $0 + Int(trace.start.size(of: $1) ?? 0) }
        let figures = "\(bytes.count) bytes in the file, \(written) written on a disk of \(held)"
        print("trace of a database: \(trace.events.count) events, \(figures)")
        #expect(bytes.count < (written + held) / 2)
    }

    @Test func `every kind of event is kept`() throws {
        let write = StorageChange.write(file: 0, offset: 700, bytes: Array(repeating: 7, count: 900))
        var start = DiskImage()
        start.apply(.createDirectory(path: "/a"))
        start.apply(.create(path: "/a/old", file: 0))
        start.apply(.extend(file: 0, size: 70_000))
        start.apply(.write(file: 0, offset: 69_990, bytes: Array(1...10)))
        let events: [SimulatedEvent] = [
            .change(write), .start(write), .finish(sequence: 1), .sync(file: 0), .syncFailed(file: 0),
            .change(.atomicWrite(file: 0, offset: 16384, bytes: Array(repeating: 1, count: 16384))),
            .change(.create(path: "/new", file: 1)), .change(.extend(file: 1, size: 5)),
            .change(.truncate(file: 1, size: 2)), .change(.rename(source: "/new", target: "/newer", file: 1)),
            .change(.createDirectory(path: "/b")), .change(.remove(path: "/newer")), .syncDirectory(path: "/"),
            .change(.write(file: 0, offset: 0, bytes: [])), .mark(.issued(1)), .mark(.acknowledged(1)),
            .mark(.note("so \"it\" goes")), .syncAbandoned(file: 0, .reverted), .syncDirectoryFailed(path: "/b"),
        ]
        let cut = CrashCut(point: 3, model: .posix, .lose, [CrashCut.Change(event: 0, parts: [0...1, 3...3])])
        let crash = TraceFile.Crash(cut: cut, finding: "nothing", allowed: 0...7)
        let trace = TraceFile(seed: 1, start: start, events: events, crash: crash)
        let found = try TraceFile(decoding: trace.encoded())
        Self.expectEqual(found, trace)
        #expect(found.start.bytes(of: "/a/old")?.suffix(11) == [0] + Array(1...10))
    }

    @Test func `a trace goes to a file and comes back, over an older one too`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("run.trace")
        try TraceFile(seed: 1, start: DiskImage(), events: []).write(to: path)
        let trace = try RecordedWorlds.failedStore(.missingSync)
        try trace.write(to: path)
        Self.expectEqual(try TraceFile.read(path), trace)
        #expect(throws: TraceFileError.self) { try TraceFile.read(directory.file("none")) }
    }

    @Test func `a trace is told in lines that say what the crash left`() throws {
        let storage = SimulatedStorage()
        let file = try storage.open("/log", role: .control, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        storage.mark(.issued(1))
        _ = try unsafe [UInt8](repeating: 5, count: 1024).withUnsafeBytes { try unsafe file.write($0, at: 512) }
        storage.mark(.acknowledged(1))
        try file.sync()
        let cut = CrashCut(point: 4, .keep, [CrashCut.Change(event: 3, parts: [0...0])])
        let crash = TraceFile.Crash(cut: cut, finding: "row 1 is missing", allowed: 1...1)
        let trace = TraceFile(storage, seed: 9, text: "by hand", crash: crash)
        let lines = TraceListing(trace) { path, offset, bytes in "\(path) \(offset): \(bytes.count / 512) blocks" }
            .lines
        #expect(
            lines == [
                "siege trace of seed 9, 6 events (4 of I/O, 2 marks)",
                "by hand",
                "crash 4 paranoid keep 3:0",
                "found row 1 is missing",
                "allowed commits 1...1",
                "     0                     /log  create",
                "     1                     /     sync",
                "     2                     -     issued                                commit 1",
                "     3  torn, 1 of 3 kept  /log  write                  512      1024  /log 512: 2 blocks",
                "------  power cut " + String(repeating: "-", count: 60),
                "     4                     -     acknowledged                          commit 1",
                "     5                     /log  sync",
            ],
            "\(lines.joined(separator: "\n"))"
        )
    }
}
