import Foundation
import Testing

/// Goal: the manual and the completion know every command and every option, and work in the programs that they are
/// for. Method: the help of the built program says what there is; groff and bash try what is written.
@Suite(.serialized, .timeLimit(.minutes(20))) struct ManualTests {
    /// The commands with their options, as the help lists them.
    private func table() throws -> [String: [String]] {
        let help = try runProgram(["--help"]).output
        let names = help.split(separator: "\n").filter { $0.hasPrefix("  redoubt ") }.map {
            $0.split(separator: " ")[1]
        }
        #expect(names.count > 14)
        var table: [String: [String]] = [:]
        for name in names {
            let page = try runProgram([String(name), "--help"]).output
            let lines = page.split(separator: "\n").filter { $0.hasPrefix("  --") }
            table[String(name)] = lines.map { String($0.split(separator: " ")[0]) }
        }
        return table
    }

    /// Runs another program, with `input`.
    private func run(_ path: String, _ words: [String], _ input: String = "") throws -> (
        code: Int32, output: String, complaints: String
    )? {
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("SKIPPED: \(path) is not installed")
            return nil
        }
        let folder = FileManager.default.temporaryDirectory.path + "/redoubt-man.\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(atPath: folder) } catch {} }
        for name in ["in", "out", "err"] { try Data(input.utf8).write(to: URL(fileURLWithPath: folder + "/" + name)) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = words
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder + "/in"))
        for name in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: folder + "/" + name)) }
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/out"))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/err"))
        try process.run()
        if !process.hasEnded(within: 60) { kill(process.processIdentifier, SIGKILL) }
        return (
            process.terminationStatus, try String(contentsOfFile: folder + "/out", encoding: .utf8),
            try String(contentsOfFile: folder + "/err", encoding: .utf8)
        )
    }

    @Test("the manual has every command and every option")
    func complete() throws {
        let page = try runProgram(["man"]).output.replacingOccurrences(of: "\\-", with: "-")
        let sections = page.components(separatedBy: ".SS ").dropFirst()
        for (name, options) in try table() {
            let section = sections.first { $0.hasPrefix("\"\(name) ") || $0.hasPrefix("\"\(name)\"") }
            #expect(section != nil, "\(name)")
            for option in options { #expect(section?.contains("\\fB\(option)") == true, "\(name) \(option)") }
        }
    }

    @Test("groff shows both pages and warns of nothing", arguments: ["redoubt", "redoubt-format"])
    func groff(_ name: String) throws {
        let page = try runProgram(["man", name])
        #expect(page.code == 0)
        guard let shown = try run("/usr/bin/groff", ["-man", "-Tutf8", "-ww", "-P-cbou"], page.output) else { return }
        #expect(shown.code == 0 && shown.complaints.isEmpty, "\(shown.complaints.prefix(1000))")
        for title in ["NAME", "DESCRIPTION", "SEE ALSO"] { #expect(shown.output.contains(title)) }
        if name == "redoubt-format" {
            for part in ["HEADER=END", "clean shutdown", "heap top", "97937874", "redo/redo_N.log", "\\xNN"] {
                #expect(shown.output.contains(part), "\(part)")
            }
        }
    }

    @Test("files that stood in a folder were not in the manual")
    func files() throws {
        let world = World()
        #expect(try world.run("create", "--keyspace", "orders").code == 0)
        let copy = world.folder + "/copy"
        #expect(try runProgram(["backup", world.path, copy]).code == 0)
        let page = try runProgram(["man", "redoubt-format"]).output.replacingOccurrences(of: "\\-", with: "-")
        let names = try [world.path, copy].flatMap { try FileManager.default.subpathsOfDirectory(atPath: $0) }
        #expect(names.count > 8, "\(names)")
        for name in names where name != "redo" && name != "doublewrite" {
            let form = name.replacingOccurrences(of: "orders-1024", with: "NAME-N")
                .replacing(/(redo|dw)_[0-9]+/) { "\($0.1)_N" }
            #expect(page.contains(form), "\(name)")
        }
        for name in ["upgrade.journal", "backup.request.lock", "backup.result.TOKEN", "catalog.restored"] {
            #expect(page.contains(name), "\(name)")
        }
    }

    @Test("bash completes commands, the options of each, and their values")
    func completion() throws {
        let script = try runProgram(["completion", "bash"]).output
        guard let checked = try run("/usr/bin/bash", ["-n"], script) else { return }
        #expect(checked.code == 0 && checked.complaints.isEmpty, "\(checked.complaints)")
        let table = try table()
        var lines = script + "\n"
        // What readline does: the words, the place, and then the function.
        lines +=
            "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(( $# - 1 )); compopt() { :; }; COMPREPLY=(); _redoubt;"
            + " echo \"${COMPREPLY[*]}\"; }\n"
        let names = table.keys.sorted()
        lines += "try redoubt ''\n" + names.map { "try redoubt \($0) --\n" }.joined()
        lines += "try redoubt load x --format ''\ntry redoubt load x --format = c\ntry redoubt put --durability fl\n"
        lines += "try redoubt sc\ntry redoubt put -- --\ntry redoubt load x\n"
        let answers = try #require(try run("/usr/bin/bash", [], lines))
        #expect(answers.complaints.isEmpty, "\(answers.complaints)")
        let rows = answers.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        try #require(rows.count >= names.count + 7)
        for name in names { #expect(rows[0].split(separator: " ").contains { $0 == name }, "\(name)") }
        for (name, row) in zip(names, rows.dropFirst()) {
            let offered = Set(row.split(separator: " ").map(String.init))
            #expect(offered == Set((table[name] ?? []) + ["--help"]), "\(name): \(row)")
        }
        #expect(rows[(names.count + 1)...].prefix(6) == ["tsv csv json db", "csv", "flushed", "scan", "", ""])
    }
}
