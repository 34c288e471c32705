import Foundation
import Redoubt
import Testing

/// A folder for one test, removed with it.
final class Fixture {
    /// The folder.
    let folder: String

    /// The path of the database in it.
    var path: String { folder + "/database" }

    init() {
        folder = FileManager.default.temporaryDirectory.path + "/redoubt-test.\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            Issue.record("no folder for the test: \(error)")
        }
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch {}
    }

    /// Small options, so that a test opens quickly.
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(32)
        configuration.redoLog.capacity = .mebibytes(8)
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        return configuration
    }

    /// Opens the database.
    func open() throws -> Database { try Database.open(at: path, configuration: Self.configuration) }
}

/// The result of a command.
struct CommandResult {
    /// The exit code; 128 and the signal if a signal ended it.
    let code: Int32
    /// Standard output.
    let output: String
    /// Standard error.
    let complaints: String
}

/// Runs `words` as a command and waits for it, at most `seconds`.
func runCommand(_ words: [String], seconds: Double = 120) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    let folder = FileManager.default.temporaryDirectory.appending(path: "redoubt-out.\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { do { try FileManager.default.removeItem(at: folder) } catch {} }
    // Files, not pipes: a full pipe would stop a command that nobody reads.
    let output = folder.appending(path: "out")
    let complaints = folder.appending(path: "err")
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    _ = FileManager.default.createFile(atPath: complaints.path, contents: nil)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: complaints)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let deadline = Date().addingTimeInterval(seconds)
    while process.isRunning, Date() < deadline { usleep(2000) }
    if process.isRunning {
        kill(process.processIdentifier, SIGKILL)
        Issue.record("\(words.joined(separator: " ")) did not end within \(seconds) s")
    }
    process.waitUntilExit()
    return CommandResult(
        code: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
        output: try String(contentsOf: output, encoding: .utf8),
        complaints: try String(contentsOf: complaints, encoding: .utf8)
    )
}

/// The root of the repository.
let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// The folder that this build's programs and modules are in.
var buildFolder: String {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    return FileManager.default.fileExists(atPath: program + "/Modules") ? program : repositoryRoot + "/.build/debug"
}
