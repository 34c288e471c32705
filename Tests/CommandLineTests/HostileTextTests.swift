import Foundation
import RedoubtCommands
import Testing

/// Goal: nothing that is in a file commands the terminal on which it is shown. Method: names and lines with characters
/// that terminals obey.
@Suite(.serialized, .timeLimit(.minutes(20))) struct HostileTextTests {
    @Test func `names and lines from files cannot command a terminal`() {
        let hostile = "a\u{1B}[2J\u{7}\u{7F}\u{9B}31m\u{202E}b\r\nc\td\u{E4}\u{2014}"
        let shown = VisibleText.of(hostile)
        #expect(shown == "a\\x1b[2J\\x07\\x7f\\u{9b}31m\\u{202e}b\\x0d\\nc\\x09d\u{E4}\u{2014}")
        #expect(VisibleText.of("a\tb\nc\u{1B}", keeping: "\t\n") == "a\tb\nc\\x1b")
        var object = JSONObject()
        object.add("x\u{7F}", "\u{9B}\u{1}\u{202E}\u{E4}")
        #expect(object.text == #"{"x\u007f":"\u009b\u0001\u202e"# + "\u{E4}\"}")
    }

    @Test func `names of keyspaces have no control characters, and what is shown of files has none`() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        let name = "a\u{1B}[31m"
        #expect(try world.run("create", "--keyspace", name).code == 2)
        let head = "VERSION=3\nformat=print\ndatabase=\(name)\ntype=btree\nHEADER=END\n"
        let files = [
            head + " a\n b\nDATA=END\n", "VERSION=3\nx\u{1B}[31m\n", head.replacing(name, with: "a") + "\u{1B}[31m\n",
        ]
        for text in files {
            try text.write(toFile: world.folder + "/x.dump", atomically: true, encoding: .utf8)
            let result = try world.run("load", world.folder + "/x.dump")
            #expect(result.code == 2 && !result.complaints.contains("\u{1B}"), "\(result)")
            #expect(result.complaints.contains("x1b"), "\(result)")
        }
        let none = try world.run("get", "a", "--keyspace", name)
        #expect(none.code == 2 && none.complaints.contains("\\x1b[31m"), "\(none)")
    }
}
