import Foundation
import RedoubtCommands
import RedoubtCore
import TestSupport
import Testing

/// Goal: what `dump` writes `load` puts again, byte for byte; Berkeley DB and LMDB read our dumps and we read theirs.
/// Method: the built program, and db5.3-util and lmdb-utils where they are installed.
@Suite(.serialized, .timeLimit(.minutes(20))) struct DumpTests {
    /// Rows of every kind as a file of JSON lines: all bytes, empty values, line ends, long keys and values.
    private func rows(_ count: Int, keyByteCountMaximum: Int) -> String {
        var random = SeededRandom(seed: testSeed())
        var text = ""
        for number in 0..<count {
            var object = JSONObject()
            let tail = (0..<random.below(number % 50 == 0 ? keyByteCountMaximum - 5 : 20)).map { _ in
                UInt8(random.below(256))
            }
            let length = number % 97 == 0 ? 20_000 : number % 3 == 0 ? 0 : random.below(60)
            object.add("key", bytes: Array("k\(1000 + number)".utf8) + tail, hex: true)
            object.add("value", bytes: (0..<length).map { _ in UInt8(random.below(256)) }, hex: true)
            text += object.text + "\n"
        }
        return text
    }

    private func loaded(_ count: Int, keyByteCountMaximum: Int = 3072) throws -> World {
        let world = World()
        #expect(try world.run("create").code == 0)
        let file = world.folder + "/rows.json"
        try rows(count, keyByteCountMaximum: keyByteCountMaximum).write(toFile: file, atomically: true, encoding: .utf8)
        let result = try world.run("load", file)
        #expect(result.code == 0 && result.complaints.contains("loaded \(count) rows"), "\(result.complaints)")
        return world
    }

    /// A dump of a keyspace.
    private func dump(_ world: World, _ keyspace: String) throws -> Data {
        let file = world.folder + "/\(UUID().uuidString).dump"
        #expect(try world.run("dump", file, "--keyspace", keyspace).code == 0)
        return try bytes(file)
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    @Test(
        "every form is loaded again as the same rows",
        arguments: [
            ["--format", "tsv"], ["--format", "csv", "--header"], ["--format", "json"], ["--format", "db"],
            ["--format", "db", "--print"],
        ]
    )
    func again(_ words: [String]) throws {
        let world = try loaded(300)
        let file = world.folder + "/dump"
        let reference = world.folder + "/reference.json"
        let dumped = try runProgram(["dump", world.path, file, "--memory", "32M"] + words)
        #expect(dumped.code == 0 && dumped.output.isEmpty, "\(dumped.complaints)")
        #expect(dumped.complaints.hasPrefix("redoubt: dumped 300 rows, "), "\(dumped.complaints)")
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try world.run("dump", reference).code == 0)
        let load = words.filter { $0 != "--print" }
        let put = try runProgram(["load", world.path, file, "--memory", "32M", "--keyspace", "copy"] + load)
        #expect(put.code == 0, "\(put.complaints)")
        #expect(try world.run("dump", world.folder + "/copy.json", "--keyspace", "copy").code == 0)
        #expect(try bytes(reference) == bytes(world.folder + "/copy.json"))
        // Nothing is written over.
        #expect(try world.run("dump", file).code == 2)
    }

    @Test("all keyspaces go into one dump, and come back under their names")
    func all() throws {
        let world = try loaded(20)
        #expect(try world.run("put", "b", "2", "--keyspace", "other one").code == 0)
        let file = world.folder + "/all.dump"
        #expect(try world.run("dump", file, "--all").code == 0)
        let second = World()
        #expect(try second.run("create").code == 0)
        #expect(try second.run("load", file).code == 0)
        #expect(try second.run("get", "b", "--keyspace", "other one").output == "2\n")
        #expect(try dump(second, "default") == dump(world, "default"))
        let one = try second.run("load", file, "--keyspace", "x")
        #expect(one.code == 2 && one.complaints.contains("leave --keyspace out"), "\(one.complaints)")
    }

    @Test("a range is dumped, and what comes is said when a file is wrong in the middle")
    func parts() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        for key in ["a1", "a2", "b1"] { #expect(try world.run("put", key, "v").code == 0) }
        #expect(try world.run("dump", "--format", "tsv", "--prefix", "a").output == "a1\tv\na2\tv\n")
        #expect(try world.run("dump", "--format", "csv", "--from", "a2").output == "a2,v\nb1,v\n")
        let file = world.folder + "/half.dump"
        let head = "VERSION=3\nformat=print\ntype=btree\nHEADER=END\n c1\n x\n c2\n"
        try head.write(toFile: file, atomically: true, encoding: .utf8)
        let result = try world.run("load", file)
        #expect(result.code == 2 && result.complaints.contains("cut off"), "\(result.complaints)")
        #expect(result.complaints.contains("1 rows are loaded"), "\(result.complaints)")
        #expect(try world.run("get", "c1").output == "x\n")
    }

    @Test func `a dump that is interrupted leaves no file under its name`() throws {
        let long = String(repeating: "x", count: 60_000)
        let world = World()
        #expect(try world.run("create").code == 0)
        let rows = (1...40).map { "k\($0)\t\(long)\n" }
        try rows.joined().write(toFile: world.folder + "/rows.tsv", atomically: true, encoding: .utf8)
        #expect(try world.run("load", world.folder + "/rows.tsv").code == 0)
        let file = world.folder + "/all.tsv"
        // A limit on the size of files ends the program by a signal in the middle.
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "ulimit -f 1024; exec \"$0\" dump \"$1\" \"$2\"", program, world.path, file]
        process.standardError = FileHandle.nullDevice
        try process.run()
        #expect(process.hasEnded(within: 60) && process.terminationStatus != 0)
        #expect(!FileManager.default.fileExists(atPath: file))
        let partial = file + ".partial"
        if !FileManager.default.fileExists(atPath: partial) {
            // The system told the program instead, which then cleans up.
            try "k\tv".write(toFile: partial, atomically: true, encoding: .utf8)
        }
        let again = try world.run("dump", file)
        #expect(again.code == 2 && again.complaints.contains(".partial"), "\(again)")
        #expect(FileManager.default.fileExists(atPath: partial), "what somebody else may be writing stays")
        try FileManager.default.removeItem(atPath: partial)
        #expect(try world.run("dump", file).code == 0)
        #expect(!FileManager.default.fileExists(atPath: partial))
        #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix("k1\tx"))
    }

    @Test func `a batch that cannot be written is told by its lines`() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        let long = String(repeating: "k", count: 3072)
        let rows = ["a\tb\n", "\n", "\(long)\t\(long)\n", "\tvalue\n"]
        try rows.joined().write(toFile: world.folder + "/rows.tsv", atomically: true, encoding: .utf8)
        let result = try world.run("load", world.folder + "/rows.tsv")
        #expect(result.code == 2 && result.complaints.contains("line 4 has a key of 0 bytes"), "\(result)")
        #expect(result.complaints.contains("2 rows are loaded"), "\(result)")
    }

    // MARK: Others

    /// Runs a tool of another database; nil if it is not installed, which is printed.
    private func tool(_ name: String, _ words: [String]) throws -> (code: Int32, complaints: String)? {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/" + name) else {
            print("SKIPPED: \(name) is not installed (apt-get install db5.3-util lmdb-utils)")
            return nil
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/" + name)
        process.arguments = words
        process.standardInput = FileHandle.nullDevice
        let complaints = Pipe()
        process.standardError = complaints
        try process.run()
        if !process.hasEnded(within: 60) { kill(process.processIdentifier, SIGKILL) }
        let text = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return (process.terminationStatus, text)
    }

    @Test("Berkeley DB loads our dump, and its own dump is loaded as the same rows", arguments: [false, true])
    func berkeley(isPrint: Bool) throws {
        let world = try loaded(300)
        let ours = world.folder + "/ours.dump"
        let foreign = world.folder + "/foreign.db"
        let theirs = world.folder + "/theirs.dump"
        let options = isPrint ? ["--print"] : []
        #expect(try runProgram(["dump", world.path, ours, "--memory", "32M"] + options).code == 0)
        guard let put = try tool("db5.3_load", ["-f", ours, foreign]) else { return }
        #expect(put.code == 0, "\(put.complaints)")
        let got = try tool("db5.3_dump", (isPrint ? ["-p"] : []) + ["-f", theirs, foreign])
        #expect(got?.code == 0, "\(got?.complaints ?? "")")
        #expect(try world.run("load", theirs, "--keyspace", "copy").code == 0)
        #expect(try dump(world, "copy") == dump(world, "default"))
    }

    @Test("LMDB loads our dump, and its own dump is loaded as the same rows", arguments: [false, true])
    func lmdb(isPrint: Bool) throws {
        // The longest key of LMDB.
        let world = try loaded(300, keyByteCountMaximum: 511)
        let ours = world.folder + "/ours.dump"
        let foreign = world.folder + "/foreign.mdb"
        let theirs = world.folder + "/theirs.dump"
        let options = ["--map-size", "64M"] + (isPrint ? ["--print"] : [])
        #expect(try runProgram(["dump", world.path, ours, "--memory", "32M"] + options).code == 0)
        guard let put = try tool("mdb_load", ["-n", "-f", ours, foreign]) else { return }
        #expect(put.code == 0, "\(put.complaints)")
        // Not -p: up to 0.9.24 that does not double backslashes, so what it writes cannot be read again.
        let got = try tool("mdb_dump", ["-n", "-f", theirs, foreign])
        #expect(got?.code == 0, "\(got?.complaints ?? "")")
        #expect(try world.run("load", theirs, "--keyspace", "copy").code == 0)
        #expect(try dump(world, "copy") == dump(world, "default"))
    }
}
