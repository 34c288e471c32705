import Foundation
import Testing

/// Goal: `export` and `import` do what their help says, and tell a stranger what was wrong. Method: the built
/// program is run as a user would.
@Suite(.serialized, .timeLimit(.minutes(20))) struct InterchangeTests {
    @Test func `a keyspace goes out as files and comes in under another name`() throws {
        let world = World()
        let out = world.folder + "/out"
        #expect(try world.run("create").code == 0)
        #expect(try world.run("put", "a", "1", "--keyspace", "my-rows").code == 0)
        #expect(try world.run("put", "b", "2", "--keyspace", "my-rows").code == 0)
        let exported = try world.run("export", "my-rows", out)
        #expect(exported.code == 0, "\(exported.complaints)")
        let lines = exported.output.split(separator: "\n")
        #expect(lines.first?.contains("2 rows in \(out)/my_rows.ibd") == true)
        #expect(
            lines.filter { !$0.hasPrefix("--") }.map { $0.prefix(12) } == [
                "CREATE TABLE", "ALTER TABLE ", "ALTER TABLE ",
            ]
        )
        #expect(lines.last == "ALTER TABLE `my_rows` IMPORT TABLESPACE;")
        let imported = try world.run("import", out + "/my_rows.ibd", "--cfg", out + "/my_rows.cfg")
        #expect(imported.code == 0 && imported.output == "2 rows are in the keyspace \"my_rows\"\n", "\(imported)")
        #expect(try world.run("scan", "--keyspace", "my_rows").output == "a\t1\nb\t2\n")
        let json = try world.run("import", out + "/my_rows.ibd", "--keyspace", "x", "--json")
        #expect(json.output == #"{"keyspace":"x","rows":2,"deleted":0}"# + "\n")
        let again = try world.run("export", "my-rows", out, "--table", "t2", "--json")
        #expect(again.code == 0 && again.output.hasPrefix(#"{"rows":2,"bytes":1048576,"files":["#), "\(again)")
    }

    @Test func `wrong uses say what is wrong and what to do`() throws {
        let world = World()
        let out = world.folder + "/out"
        #expect(try world.run("create", "--keyspace", "k").code == 0)
        #expect(try world.run("export", "k", out).code == 0)
        let file = out + "/k.ibd"
        let uses: [(words: [String], code: Int32, text: String)] = [
            (["export", world.path, "none", out], 2, "none"),
            (["export", world.path, "k", out], 2, "move it away"),
            (["export", world.path, "k", out, "--table", "a b"], 2, "letters, digits"),
            (["export", world.path, "k"], 2, "DIR"),
            (["export", world.folder + "/other", "k", out], 2, "no database"),
            (["import", world.path, file], 2, "choose another name"),
            (["import", world.path, world.folder + "/none.ibd"], 2, "no file"),
            (["import", world.path, out + "/k.cfg", "--keyspace", "n"], 4, "no tablespace"),
            (["import", world.path, file, "--cfg", file, "--keyspace", "n"], 4, ".cfg"),
            (["import", world.path, file, "--cfg", out + "/none", "--keyspace", "n"], 2, "no .cfg file here"),
            (["import", world.path], 2, "FILE"),
        ]
        for use in uses {
            let result = try runProgram(use.words)
            #expect(result.code == use.code && result.complaints.contains(use.text), "\(use.words): \(result)")
            #expect(result.complaints.split(separator: "\n").count == 1)
        }
        #expect(try world.run("stat").output.contains("keyspaceCount       1"))
    }
}
