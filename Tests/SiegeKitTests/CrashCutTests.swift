import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Synchronization
import Testing

/// Goal: a crash state that is written down is the same disk again.
///
/// Method: every state of small runs is written down, read again and built again, and compared byte by byte; then text
/// that is no cut.
@Suite(.timeLimit(.minutes(20))) struct CrashCutTests {
    private struct Wanted: Error {}

    /// Writes to the same sectors again and again, grows, cuts, renames: what makes versions and orders.
    private static func storage() throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let file = try storage.open("/a", role: .control, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        for number in 1...3 {
            let bytes = [UInt8](repeating: UInt8(number), count: 900)
            try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: UInt64(300 * number)) }
        }
        try file.sync()
        try unsafe [UInt8](repeating: 9, count: 600).withUnsafeBytes { try unsafe file.write($0, at: 0) }
        try unsafe [UInt8](repeating: 0, count: 600).withUnsafeBytes { try unsafe file.write($0, at: 0) }
        try file.extend(to: 5000)
        try file.truncate(to: 700)
        try storage.rename("/a", to: "/b")
        return storage
    }

    @Test(arguments: PersistenceModel.allCases) func `every state can be written down and built again`(
        _ model: PersistenceModel
    ) throws {
        for storage in [try Self.storage(), try RecordedWorlds.store(.missingSync)] {
            var options = CrashExplorer.Options()
            options.model = model
            options.statesPerPoint = 60
            let explorer = CrashExplorer(storage, options: options)
            let disks = Mutex<[UInt64: DiskImage]>([:])
            let report = explorer.judge(threadCount: 1) { state in
                disks.withLock { $0[state.key] = state.storage.image }
                throw Wanted()
            }
            #expect(report.failureCount == explorer.stateCount && explorer.stateCount >= 2)
            for failure in report.failures {
                #expect(CrashCut(failure.cut.description) == failure.cut)
                let disk = try #require(failure.cut.disk(start: storage.startImage, trace: storage.trace))
                let wanted = try #require(disks.withLock { $0[failure.key] })
                #expect(disk.paths == wanted.paths, "\(failure.cut)")
                for path in wanted.paths { #expect(disk.bytes(of: path) == wanted.bytes(of: path), "\(failure.cut)") }
            }
        }
    }

    @Test func `a scene says what became of each change`() throws {
        let storage = try Self.storage()
        let start = storage.startImage
        let trace = storage.trace
        // create, directory, three writes, sync; then 9s at event 6, zeros at event 7, growth, cut, rename.
        let cut = CrashCut(point: 8, .keep, [CrashCut.Change(event: 7)])
        let scene = try #require(cut.scene(start: start, trace: trace))
        #expect(scene.changes.map(\.event) == [6, 7])
        #expect(scene.changes.map(\.outcome) == ["replaced", "kept"])
        let torn = try #require(CrashCut("8 paranoid keep 6:0")?.scene(start: start, trace: trace))
        #expect(torn.changes.map(\.outcome) == ["torn, 1 of 2 kept", "lost"])
        #expect(torn.changes[0].parts.map(\.bytes) == [0..<512, 512..<1024])
        // What is kept can be said anew.
        let again = torn.cut { event, part in event == 6 && part == 0 }
        #expect(again == torn.cut)
    }

    @Test func `a cut that does not fit the trace is none`() throws {
        let storage = try Self.storage()
        for text in ["99 paranoid keep nothing", "8 paranoid keep 2", "8 paranoid keep 6:2", "8 paranoid keep 70"] {
            let cut = try #require(CrashCut(text))
            #expect(cut.disk(start: storage.startImage, trace: storage.trace) == nil, "\(text)")
            #expect(cut.scene(start: storage.startImage, trace: storage.trace) == nil, "\(text)")
        }
    }

    @Test func `text that is no cut is refused`() {
        let wrong = [
            "", "8", "8 paranoid", "8 paranoid keep", "8 paranoid drop 3", "8 other keep 3", "-1 paranoid keep 3",
            "8 paranoid keep 3:", "8 paranoid keep 3:4-2", "8 paranoid keep 3:1,1", "8 paranoid keep 4 3",
            "8 paranoid keep 3:1-2-3", "8 paranoid keep 99999999999999999999", "8 paranoid keep 3:0-99999999999",
            "8 paranoid keep nothing 3", "8 paranoid keep +3",
        ]
        for text in wrong { #expect(CrashCut(text) == nil, "\(text)") }
        for text in ["8 paranoid keep nothing", "41 ext4Ordered lose 38:0-2,5 40", "0 dropAll keep 1:2"] {
            #expect(CrashCut(text)?.description == text)
        }
    }
}
