import Foundation
import Testing

/// The built program.
let program: String = {
    let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    if FileManager.default.fileExists(atPath: folder + "/redoubt") { return folder + "/redoubt" }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/.build/debug/redoubt"
}()

/// A folder with a database for one test.
final class World {
    let folder = FileManager.default.temporaryDirectory.path + "/redoubt-cli.\(UUID().uuidString)"
    var path: String { folder + "/database" }

    init() {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            Issue.record("no folder for the test: \(error)")
        }
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch {}
    }

    /// Runs a command on the database with little memory.
    func run(_ command: String, _ words: String...) throws -> (code: Int32, output: String, complaints: String) {
        try runProgram([command, path] + words + ["--memory", "32M"])
    }
}

/// Runs the program with `words` and waits for it.
func runProgram(_ words: [String]) throws -> (code: Int32, output: String, complaints: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = words
    // Files, not pipes: a full pipe would stop a program that nobody reads.
    let output = FileManager.default.temporaryDirectory.path + "/redoubt-out.\(UUID().uuidString)"
    let complaints = output + ".err"
    defer {
        for path in [output, complaints] { do { try FileManager.default.removeItem(atPath: path) } catch {} }
    }
    for path in [output, complaints] { try Data().write(to: URL(fileURLWithPath: path)) }
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: complaints))
    process.standardInput = FileHandle.nullDevice
    try process.run()
    if !process.hasEnded(within: 60) {
        kill(process.processIdentifier, SIGKILL)
        Issue.record("redoubt \(words.joined(separator: " ")) did not end within 60 s")
    }
    let code = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    return (
        code, String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self),
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: complaints)), as: UTF8.self)
    )
}

/// A process that has a database open until it is told to end: `redoubt load` with an open pipe.
final class Holder {
    let process = Process()
    private let rows = Pipe()

    /// Starts the process and waits until it holds the lock.
    init(_ path: String, memory: String = "32M") throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["load", path, "-", "--memory", memory]
        process.standardInput = rows
        process.standardError = FileHandle.nullDevice
        try process.run()
        let deadline = Date().addingTimeInterval(20)
        // Not by trying to open it: that might take the lock before the holder does.
        while try !isHolding(path), Date() < deadline { usleep(10_000) }
    }

    private func isHolding(_ path: String) throws -> Bool {
        try String(contentsOfFile: path + "/redoubt.lock", encoding: .utf8).contains("\(process.processIdentifier)")
    }

    deinit {
        if process.isRunning { kill() }
    }

    /// Has rows written.
    func write(_ text: String) throws { try rows.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    /// Lets it close the database; returns its exit code.
    func end() throws -> Int32 {
        try rows.fileHandleForWriting.close()
        _ = process.hasEnded(within: 60)
        return process.terminationStatus
    }

    /// Kills it.
    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        _ = process.hasEnded(within: 60)
    }
}

extension Process {
    /// Waits until the process has ended; false if it has not within `seconds`.
    ///
    /// Not `waitUntilExit()`, which has no deadline.
    func hasEnded(within seconds: Double) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while isRunning, Date() < deadline { usleep(2000) }
        return !isRunning
    }
}
