import Foundation
import Testing

/// Goal: the command `redoubt` does what its help says, with the exit codes it documents. Method: the built program is
/// run as a user would.
@Suite(.serialized) struct CommandLineTests {
    @Test("rows are put, got, scanned and deleted")
    func rows() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        #expect(try world.run("put", "apple", "red").code == 0)
        #expect(try world.run("put", "banana", "yellow").code == 0)
        let got = try world.run("get", "apple")
        #expect(got.code == 0 && got.output == "red\n")
        #expect(try world.run("get", "cherry").code == 1)
        #expect(try world.run("scan").output == "apple\tred\nbanana\tyellow\n")
        #expect(try world.run("scan", "--reverse", "--limit", "1", "--keys").output == "banana\n")
        #expect(try world.run("scan", "--prefix=b").output == "banana\tyellow\n")
        #expect(
            try world.run("scan", "--from", "apple", "--to", "b", "--json").output == #"{"key":"apple","value":"red"}"#
                + "\n"
        )
        #expect(try world.run("get", "apple", "--json").output == #"{"key":"apple","found":true,"value":"red"}"# + "\n")
        #expect(try world.run("delete", "apple").code == 0)
        #expect(try world.run("delete", "apple").code == 1)
        #expect(try world.run("delete", "--from", "a").output == "1 removed\n")
    }

    @Test("a keyspace is renamed and dropped")
    func keyspaces() throws {
        let world = World()
        #expect(try world.run("create", "--keyspace", "a").code == 0)
        #expect(try world.run("put", "k", "v", "--keyspace", "a").code == 0)
        #expect(try world.run("rename", "a", "b").code == 0)
        #expect(try world.run("get", "k", "--keyspace", "b").output == "v\n")
        #expect(try world.run("get", "k", "--keyspace", "a").code == 2)
        #expect(try world.run("drop", "b").code == 0)
        #expect(try world.run("get", "k", "--keyspace", "b").complaints.contains("there is none yet"))
        #expect(try world.run("put", "", "v").code == 2)
    }

    @Test("bytes that are no text go in and out as hexadecimal")
    func hexadecimal() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        #expect(try world.run("put", "00ff", "0a", "--hex").code == 0)
        #expect(try world.run("get", "00ff", "--hex").output == "0a\n")
        #expect(try world.run("scan").output == #"\x00\xff"# + "\t" + #"\x0a"# + "\n")
        #expect(try world.run("put", "0", "0a", "--hex").code == 2)
    }

    @Test("TSV and CSV files are loaded")
    func load() throws {
        let world = World()
        let tsv = world.folder + "/rows.tsv"
        try "b\t2\tx\na\t1\ty\n".write(toFile: tsv, atomically: true, encoding: .utf8)
        #expect(try world.run("create").code == 0)
        #expect(try world.run("load", tsv).code == 0)
        #expect(try world.run("scan").output == "a\t1\\x09y\nb\t2\\x09x\n")
        let csv = world.folder + "/rows.csv"
        try "name,id\r\n\"Doe, \"\"J\"\"\",7\r\n\"two\nlines\",8\r\n".write(
            toFile: csv,
            atomically: true,
            encoding: .utf8
        )
        #expect(try world.run("load", csv, "--header", "--key", "2", "--keyspace", "people").code == 0)
        #expect(try world.run("get", "7", "--keyspace", "people").output == "Doe, \"J\"\n")
        #expect(try world.run("get", "8", "--keyspace", "people").output == "two\nlines\n")
        #expect(try world.run("load", csv, "--key", "5").code == 2)
        #expect(try world.run("load", world.folder + "/none").code == 2)
        #expect(try world.run("check").code == 0)
        let stat = try world.run("stat", "--json")
        #expect(stat.code == 0 && stat.output.contains(#""keyspaces":["default","people"]"#))
    }

    @Test("every command has help, and wrong usage is told apart")
    func usage() throws {
        let world = World()
        let commands = [
            "create", "put", "get", "delete", "scan", "dump", "load", "export", "import", "check", "page", "log",
            "backup",
            "restore", "salvage", "upgrade", "stat", "status", "top", "serve-metrics", "counters", "man", "completion",
        ]
        for command in commands {
            let help = try runProgram([command, "--help"])
            #expect(help.code == 0)
            #expect(help.output.contains("usage: redoubt \(command)"))
        }
        #expect(try runProgram([]).code == 2)
        #expect(try runProgram(["--help"]).code == 0)
        #expect(try runProgram(["burn"]).code == 2)
        #expect(try world.run("get", "a").code == 2)
        #expect(try world.run("get", "a").complaints.contains("no database"))
        #expect(try world.run("create").code == 0)
        #expect(try world.run("get", "a", "--keyspace", "none").code == 2)
        #expect(try world.run("get").code == 2)
        #expect(try world.run("scan", "--limit", "many").code == 2)
        #expect(try world.run("scan", "--colour").code == 2)
    }

    @Test("behind two dashes stand operands, whatever they look like")
    func operands() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        #expect(try runProgram(["put", world.path, "--", "--help", "-h"]).code == 0)
        let got = try runProgram(["get", world.path, "--", "--help"])
        #expect(got.code == 0 && got.output == "-h\n", "\(got.output)")
    }

    @Test("memory that is too little, or beyond what can be numbered, is refused, and nothing is made for it")
    func memory() throws {
        let world = World()
        for memory in ["1K", "8M", "33000G", "99999G", "1073741823G"] {
            let result = try runProgram(["create", world.path, "--memory", memory])
            #expect(result.code == 2 && result.complaints.contains("memory"), "\(memory): \(result)")
            #expect(!FileManager.default.fileExists(atPath: world.path), "\(memory)")
        }
    }

    @Test("a damaged file is told as such")
    func damage() throws {
        let world = World()
        #expect(try world.run("create", "--keyspace", "default").code == 0)
        #expect(try world.run("put", "a", "b").code == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: world.path)
        where name.hasSuffix(".ibd") && !name.hasPrefix("catalog") {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: world.path + "/" + name))
            try handle.seek(toOffset: 3 * 16384 + 200)
            try handle.write(contentsOf: Data([1, 2, 3, 4, 5]))
            try handle.close()
        }
        let got = try world.run("get", "a")
        #expect(got.code == 4, "\(got.complaints)")
        #expect(got.complaints.contains("3"), "\(got.complaints)")
        let check = try world.run("check")
        #expect(check.code == 1 || check.code == 4)
    }

    @Test("a database that is open elsewhere names its holder")
    func locked() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        let holder = try Holder(world.path)
        let number = "\(holder.process.processIdentifier)"
        let result = try world.run("get", "a")
        #expect(result.code == 5, "\(result.complaints)")
        #expect(result.complaints.contains(number), "\(result.complaints)")
        #expect(try holder.end() == 0)
    }
}
