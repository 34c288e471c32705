import Foundation
import Testing

/// Goal: who uses a command wrongly is told what is wrong and what to do. Method: twenty and more mistakes that people
/// make, each run as they would; the exit code, one line of complaint, what it must name, and what it must advise.
@Suite(.serialized, .timeLimit(.minutes(20))) struct WrongUseTests {
    struct Mistake: CustomTestStringConvertible, Sendable {
        /// The words; "DB" is a database with one row, "NONE" a path where nothing is, "FILE" a text file.
        let words: [String]
        let code: Int32
        /// What is wrong.
        let says: String
        /// What to do.
        let advises: String

        init(_ words: String, _ code: Int32, _ says: String, _ advises: String) {
            self.words = words.split(separator: " ").map(String.init)
            self.code = code
            self.says = says
            self.advises = advises
        }

        var testDescription: String { words.joined(separator: " ") }
    }

    static let mistakes: [Mistake] = [
        Mistake("lod DB FILE", 2, "no command \"lod\"", "did you mean \"load\"?"),
        Mistake("--verbose", 2, "no command \"--verbose\"", "`redoubt --help`"),
        Mistake("get DB", 2, "needs KEY", "`redoubt get --help`"),
        Mistake("get NONE a", 2, "no database here", "create one, or correct the path"),
        Mistake("get FILE a", 2, "is a file", "name the folder"),
        Mistake("get DB a --keyspace oders", 2, "no keyspace \"oders\"", "there are: default"),
        Mistake("scan DB --limt 5", 2, "no option \"--limt\"", "did you mean --limit?"),
        Mistake("scan DB --limit", 2, "--limit needs N", "at most N rows"),
        Mistake("scan DB --limit five", 2, "--limit is \"five\"", "a number from 0"),
        Mistake("scan DB --limit -1", 2, "--limit is \"-1\"", "a number from 0"),
        Mistake("scan DB --prefix a --from b", 2, "--prefix says", "leave --from and --to out"),
        Mistake("scan DB --from z --to a", 2, "no key is from --from on", "exchange them"),
        Mistake("scan DB --from z --to a --reverse", 2, "no key is from --from on", "exchange them"),
        Mistake("delete DB --from z --to a", 2, "no key is from --from on", "exchange them"),
        Mistake("dump DB --from z --to a", 2, "no key is from --from on", "exchange them"),
        Mistake("scan DB --from ff --to 0a --hex", 2, "no key is from --from on", "exchange them"),
        Mistake("scan DB -r", 2, "\"-r\" is one word too many", "options begin with two dashes"),
        Mistake("scan DB --keys=yes", 2, "--keys takes no value", "leave the equals sign out"),
        Mistake("scan DB --keyspace --json", 2, "--keyspace needs NAME", "--keyspace=--json"),
        Mistake("put DB a two words", 2, "\"words\" is one word too many", "quote words"),
        Mistake("put DB zz 00 --hex", 2, "\"zz\" is not hexadecimal", "0-9 and a-f"),
        Mistake("put DB a b --durability safe", 2, "--durability is \"safe\"", "flushed, written or deferred"),
        Mistake("put DB a b --memory lots", 2, "--memory is \"lots\"", "such as 64M"),
        Mistake("create DB --memory 1M", 2, "memory is 1048576", "must be in 8388608"),
        Mistake("create /proc/none", 3, "no directory can be made here", "[/proc/none]"),
        Mistake("drop DB", 2, "needs KEYSPACE", "`redoubt drop --help`"),
        Mistake("drop DB oders", 2, "no keyspace \"oders\"", "there are: default"),
        Mistake("rename DB oders orders", 2, "no keyspace \"oders\"", "there are: default"),
        Mistake("delete DB", 2, "needs a KEY", "--from and --to"),
        Mistake("load DB NONE", 2, "cannot be opened", "correct the path"),
        Mistake("load DB DB", 2, "is a folder", "name a file"),
        Mistake("load DB FILE --key 7", 2, "line 1 has 2 columns", "see --key"),
        Mistake("load DB FILE --format xml", 2, "--format is \"xml\"", "tsv, csv, json or db"),
        Mistake("load DB FILE --format json", 2, "line 1 has \"k\"", "an object"),
        Mistake("load DB FILE --format db", 2, "VERSION=3", "as db_dump"),
        Mistake("dump DB FILE", 2, "is there already", "choose another name"),
        Mistake("dump DB --format csv --all", 2, "--all goes with", "--format db"),
        Mistake("page DB", 2, "needs a KEYSPACE", "`redoubt page --help`"),
        Mistake("page DB oders 3", 2, "no keyspace \"oders\"", "there are: catalog"),
        Mistake("page DB default 999999", 2, "the page is \"999999\"", "from 0 to"),
        Mistake("page DB default 3 --bytes --json", 2, "--bytes prints text", "leave --json out"),
        Mistake("page DB default --map --bytes", 2, "--bytes shows one page", "leave --map out"),
        Mistake("page DB default --map --full", 2, "--map prints no keys", "leave --full out"),
        Mistake("page DB default 3 --bytes --full", 2, "--bytes prints the whole page", "leave --full out"),
        Mistake("check DB --page 3 --memory 64M", 2, "--page does not open", "leave --memory out"),
        Mistake("check DB --page x", 2, "the page is \"x\"", "from 0 to"),
        Mistake("log DB --page 3", 2, "--page is \"3\"", "such as 1024:3"),
        Mistake("log DB --files --follow", 2, "--files shows files", "leave --follow out"),
        Mistake("log DB --files --limit 3", 2, "--files shows files", "leave --limit out"),
        Mistake("log NONE", 2, "no database here", "correct the path"),
        Mistake("status DB", 1, "no process has the database open", "running one"),
        Mistake("top DB --interval 0", 2, "--interval is \"0\"", "seconds from 0.1"),
        Mistake("man printf", 2, "no page \"printf\"", "there are \"redoubt\""),
        Mistake("completion fish", 2, "\"fish\" is not a shell", "only bash"),
    ]

    private static func world() throws -> World {
        let world = World()
        #expect(try world.run("create").code == 0)
        #expect(try world.run("put", "a", "1").code == 0)
        try "k\tv\n".write(toFile: world.folder + "/rows.tsv", atomically: true, encoding: .utf8)
        return world
    }

    @Test("a mistake is told with its remedy", arguments: mistakes)
    func told(_ mistake: Mistake) throws {
        let world = try Self.world()
        let places = ["DB": world.path, "NONE": world.folder + "/none", "FILE": world.folder + "/rows.tsv"]
        let result = try runProgram(mistake.words.map { places[$0] ?? $0 })
        #expect(result.code == mistake.code, "\(result)")
        #expect(result.output.isEmpty, "\(result.output)")
        let lines = result.complaints.split(separator: "\n")
        #expect(lines.count == 1 && lines[0].hasPrefix("redoubt: "), "\(result.complaints)")
        #expect(result.complaints.contains(mistake.says), "\(result.complaints)")
        #expect(result.complaints.contains(mistake.advises), "\(result.complaints)")
        // Nothing came of it.
        #expect(try world.run("scan").output == "a\t1\n")
    }

    @Test("keys that are not UTF-8 were one key")
    func wrongEncoding() throws {
        let world = try Self.world()
        /// Runs the program with a word whose bytes printf makes of `escape`.
        func put(_ escape: String, _ words: String) throws -> (code: Int32, complaints: String) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "exec \"$0\" put \"$1\" \(words)", program, world.path]
            process.environment = ProcessInfo.processInfo.environment.merging(["WORD": escape]) { $1 }
            let complaints = Pipe()
            process.standardError = complaints
            process.standardInput = FileHandle.nullDevice
            try process.run()
            #expect(process.hasEnded(within: 60))
            let text = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            return (process.terminationStatus, text)
        }
        for (words, number) in [("\"$(printf \"$WORD\")\" 1", 3), ("a \"$(printf \"$WORD\")\"", 4)] {
            for escape in ["\\350", "\\351", "caf\\303"] {
                let result = try put(escape, words)
                #expect(result.code == 2 && result.complaints.contains("argument \(number) is not UTF-8"), "\(result)")
                #expect(result.complaints.contains("--hex"), "\(result)")
            }
        }
        #expect(try world.run("scan").output == "a\t1\n")
        // Every key can be written all the same.
        for key in ["e8", "e9"] { #expect(try world.run("put", key, "31", "--hex").code == 0) }
        #expect(try world.run("scan", "--keys", "--hex").output == "61\ne8\ne9\n")
        #expect(try put("caf\\303\\251", "\"$(printf \"$WORD\")\" 1").code == 0)
        #expect(try world.run("get", "caf\u{e9}").output == "1\n")
    }

    @Test("output that cannot be written is told, however much of it there is")
    func fullOutput() throws {
        let world = try Self.world()
        let rows = (0..<4000).map { "key\($0)\t\(String(repeating: "x", count: 50))\n" }.joined()
        try rows.write(toFile: world.folder + "/many.tsv", atomically: true, encoding: .utf8)
        #expect(try world.run("load", world.folder + "/many.tsv").code == 0)
        for command in ["scan", "dump"] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = [command, world.path]
            process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: "/dev/full"))
            let complaints = Pipe()
            process.standardError = complaints
            try process.run()
            #expect(process.hasEnded(within: 60))
            let text = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(process.terminationStatus == 3 && text.contains("could not be written"), "\(command): \(text)")
        }
    }
}
