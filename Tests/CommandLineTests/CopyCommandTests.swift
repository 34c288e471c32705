import Foundation
import Testing

/// Goal: an operator copies, restores, looks at, salvages and upgrades a database, and is told what is wrong and what
/// to do. Method: the built program is run as a user would.
@Suite(.serialized, .timeLimit(.minutes(20))) struct CopyCommandTests {
    private func filled() throws -> World {
        let world = World()
        #expect(try world.run("create").code == 0)
        for number in 0..<20 { #expect(try world.run("put", "key \(number)", "value \(number)").code == 0) }
        return world
    }

    /// The bytes of every file of a folder, and when it was changed.
    private func fingerprint(_ folder: String) throws -> [String: Data] {
        var result: [String: Data] = [:]
        let walk = try #require(FileManager.default.enumerator(atPath: folder))
        for case let name as String in walk {
            let path = folder + "/" + name
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let time = "\(name) of \(attributes[.modificationDate] as? Date as Any)"
            let isFile = attributes[.type] as? FileAttributeType == .typeRegular
            result[time] = isFile ? try Data(contentsOf: URL(fileURLWithPath: path)) : Data()
        }
        return result
    }

    @Test func `a backup is restored, and a damaged one is refused`() throws {
        let world = try filled()
        let (backup, restored) = (world.folder + "/backup", world.folder + "/restored")
        let made = try world.run("backup", backup)
        #expect(made.code == 0 && made.output.contains("recovered and checked"), "\(made)")
        let again = try world.run("backup", backup)
        #expect(again.code == 2 && again.complaints.contains("not empty"), "\(again)")
        let back = try runProgram(["restore", backup, restored])
        #expect(back.code == 0 && back.output.contains("restored to"), "\(back)")
        let rows = try world.run("scan").output
        #expect(try runProgram(["scan", restored, "--memory", "32M"]).output == rows)
        let second = try runProgram(["restore", backup, restored])
        #expect(second.code == 2 && second.complaints.contains("not empty"), "\(second)")
        let file = backup + "/default-1024.ibd.copy"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[60_000] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        let refused = try runProgram(["restore", backup, world.folder + "/other"])
        #expect(refused.code == 4 && refused.complaints.contains("use another backup"), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: world.folder + "/other"))
        let none = try runProgram(["restore", world.folder + "/none", world.folder + "/other"])
        #expect(none.code == 2 && none.complaints.contains("no such folder"), "\(none)")
        let strange = try runProgram(["restore", restored, world.folder + "/other"])
        #expect(strange.code == 4 && strange.complaints.contains("no backup"), "\(strange)")
        let json = try world.run("backup", world.folder + "/second", "--json", "--no-verify")
        #expect(json.output.contains(#""verified":false"#), "\(json)")
    }

    @Test func `a database in use is backed up by the process that has it, while it goes on`() throws {
        let world = try filled()
        let holder = try Holder(world.path)
        try holder.write("during\tthe load\n")
        let made = try world.run("backup", world.folder + "/backup")
        #expect(made.code == 0 && made.output.contains("recovered and checked"), "\(made)")
        let again = try world.run("backup", world.folder + "/backup")
        #expect(again.code == 2 && again.complaints.contains("not empty"), "\(again)")
        #expect(try holder.end() == 0)
        let restored = world.folder + "/restored"
        #expect(try runProgram(["restore", world.folder + "/backup", restored]).code == 0)
        let rows = try runProgram(["scan", restored, "--memory", "32M"]).output
        #expect(rows.contains("key 7\tvalue 7\n"))
        let left = try FileManager.default.contentsOfDirectory(atPath: world.path)
        #expect(left.filter { $0.hasPrefix("backup") } == [])
    }

    @Test func `a database in use is not salvaged, looked at or upgraded from outside`() throws {
        let world = try filled()
        let holder = try Holder(world.path)
        let answers = [
            try world.run("salvage", world.folder + "/new"), try world.run("scan", "--read-only"),
            try runProgram(["upgrade", world.path]),
        ]
        for answer in answers { #expect(answer.code == 5 && answer.complaints.contains("open"), "\(answer)") }
        #expect(!FileManager.default.fileExists(atPath: world.folder + "/new"))
        holder.kill()
    }

    @Test func `what was killed is looked at without a byte changing`() throws {
        let world = try filled()
        let holder = try Holder(world.path)
        try holder.write("another\trow\n")
        usleep(300_000)
        holder.kill()
        let before = try fingerprint(world.path)
        let scan = try world.run("scan", "--read-only")
        #expect(scan.code == 0 && scan.output.contains("key 19\tvalue 19\n"), "\(scan)")
        #expect(try world.run("get", "key 3", "--read-only").output == "value 3\n")
        #expect(try world.run("check", "--read-only").code == 0)
        #expect(try world.run("stat", "--read-only", "--json").code == 0)
        #expect(try fingerprint(world.path) == before)
        let missing = try runProgram(["scan", world.folder + "/none", "--read-only"])
        #expect(missing.code == 2, "\(missing)")
        #expect(!FileManager.default.fileExists(atPath: world.folder + "/none"))
    }

    @Test func `a damaged database is salvaged, and what is lost is told`() throws {
        let world = try filled()
        #expect(try world.run("put", "rare", "one", "--keyspace", "other").code == 0)
        let file = world.path + "/default-1024.ibd"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[3 * 16384 + 8000] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        let before = try fingerprint(world.path)
        let target = world.folder + "/new"
        let result = try world.run("salvage", target)
        #expect(result.code == 1 && result.output.contains("lost: default, page 1024:3"), "\(result)")
        #expect(result.output.contains("keyspace other: 1 rows"), "\(result)")
        #expect(try fingerprint(world.path) == before)
        #expect(try runProgram(["get", target, "rare", "--keyspace", "other", "--memory", "32M"]).output == "one\n")
        #expect(try world.run("salvage", target).code == 2)
    }

    @Test func `there is nothing to be upgraded yet`() throws {
        let world = try filled()
        let result = try runProgram(["upgrade", world.path])
        #expect(
            result.code == 0 && result.output == "format version 1, which is the newest; nothing to do\n",
            "\(result)"
        )
        let none = try runProgram(["upgrade", world.folder + "/none"])
        #expect(none.code == 2 && none.complaints.contains("correct the path"), "\(none)")
    }
}
