import Foundation
import Testing

@testable import SiegeDisks

/// Goal: after power cuts on a real file system Redoubt keeps what it acknowledged, and a mode that promises nothing is
/// caught. Method: a few states of the siege, on ext4, where the machine has what that needs.
@Suite(.serialized) struct PowerCutTests {
    @Test(.timeLimit(.minutes(20)))
    func `redoubt survives power cuts on ext4, and sqlite without syncs is caught`() throws {
        if let reason = DiskSiege.missingForAll() {
            print("SKIPPED: disks: \(reason)")
            return
        }
        var options = DiskOptions(program: [Self.program, DiskSiege.processCommand])
        options.peers = Self.root + "/tools/siege/peers"
        options.fileSystems = [.ext4]
        options.targets = ["redoubt:flushed", "sqlite:delete-off"]
        options.states = 12
        options.commits = 12
        options.seconds = 60
        let figures = DiskSiege.run(options)
        print(figures.table)
        for row in figures.rows { #expect(row.isGood, "\(row.result): \(row.firstText ?? "")") }
        let isRedoubtThere = figures.rows.contains { $0.target == "redoubt" }
        #expect(isRedoubtThere || !figures.skipped.isEmpty)
    }

    @Test func `an agent that cannot be started is an error and leaves nothing behind`() {
        if let reason = DiskSiege.missingForAll() {
            print("SKIPPED: disks: \(reason)")
            return
        }
        #expect(throws: DiskFailure.self) { _ = try DiskBench(size: 1 << 20, program: ["/bin/false"]) }
        #expect(throws: DiskFailure.self) { _ = try DiskBench(size: 1 << 20, program: ["no such program"]) }
    }

    private static var root: String {
        let file = URL(fileURLWithPath: #filePath)
        return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    }

    /// The program beside the tests: the one that runs them, or the package's.
    private static var program: String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let beside = own + "/siege"
        return FileManager.default.fileExists(atPath: beside) ? beside : root + "/.build/debug/siege"
    }
}
