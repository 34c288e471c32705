import Foundation
import Testing

/// Goal: `page`, `log` and `check --page` show what is in the files of a database that is closed, open, or damaged, and
/// never change them. Method: the built program on a small database, and on copies of its files with bytes changed.
@Suite(.serialized, .timeLimit(.minutes(20))) struct InspectionCommandTests {
    /// A database of some pages, closed.
    private func filled() throws -> World {
        let world = World()
        #expect(try world.run("create").code == 0)
        var rows = ""
        for number in 1000..<3000 { rows += "key\(number)\tvalue \(number) \(String(repeating: "x", count: 60))\n" }
        rows += "long\t" + String(repeating: "y", count: 40_000) + "\n"
        let file = world.folder + "/rows.tsv"
        try rows.write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try world.run("load", file, "--keyspace", "orders").code == 0)
        return world
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// The contents of all files, to see that none changes.
    private func files(_ world: World) throws -> [String: Data] {
        var result: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: world.path) {
            let type = try FileManager.default.attributesOfItem(atPath: world.path + "/" + name)[.type]
            if type as? FileAttributeType == .typeDirectory { continue }
            result[name] = try Data(contentsOf: URL(fileURLWithPath: world.path + "/" + name))
        }
        return result
    }

    @Test("every kind of page is shown, as text and as JSON, and no file changes")
    func pages() throws {
        let world = try filled()
        let before = try files(world)
        let expected: [(Int, String, [String])] = [
            (0, "space header", ["free limit", "extent", "#", "record of Redoubt"]),
            (1, "change buffer bitmap", []), (2, "segment inodes", ["97937874", "fragments of segment 2"]),
            (3, "index", ["level", "child", "directory", "infimum", "minimum"]),
        ]
        for (number, type, parts) in expected {
            let text = try runProgram(["page", world.path, "orders", "\(number)"])
            #expect(text.code == 0, "\(text)")
            for part in [type] + parts { #expect(text.output.contains(part), "page \(number): \(part)") }
            let object = try json(runProgram(["page", world.path, "orders", "\(number)", "--json"]).output)
            #expect(object["type"] as? String == type)
        }
        // A leaf: its rows are those that are there.
        let root = try json(runProgram(["page", world.path, "orders", "3", "--json"]).output)
        let nodes = try #require(root["records"] as? [[String: Any]])
        let child = try #require(nodes.first?["child"] as? Int)
        let leaf = try json(runProgram(["page", world.path + "/orders-1024.ibd", "\(child)", "--json"]).output)
        let first = try #require((leaf["records"] as? [[String: Any]])?.first)
        #expect(first["key"] as? String == "key1000")
        #expect((first["value"] as? String)?.hasPrefix("value 1000 xxx") == true)
        let bytes = try runProgram(["page", world.path, "orders", "\(child)", "--bytes"])
        #expect(bytes.output.contains("infimum"))
        #expect(try runProgram(["page", world.path, "catalog", "3"]).output.contains("orders"))
        #expect(try files(world) == before)
    }

    @Test("the map shows every page, and check --page judges one")
    func map() throws {
        let world = try filled()
        let map = try runProgram(["page", world.path, "orders", "--map"])
        #expect(map.code == 0 && map.output.contains("HBI"), "\(map.output)")
        #expect(map.output.contains("fill: ") && map.output.contains("age: ") && map.output.contains("leaf, "))
        let lines = try runProgram(["page", world.path, "orders", "--map", "--json"]).output.split(separator: "\n")
        #expect(lines.count % 64 == 0 && lines.count > 0)
        let check = try runProgram(["check", world.path, "--keyspace", "orders", "--page", "3"])
        #expect(check.code == 0 && check.output.contains("page 1024:3 (index) checked: ok"), "\(check)")
        let path = world.path + "/orders-1024.ibd"
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: 3 * 16384 + 54)
        try handle.write(contentsOf: Data([9, 9]))
        try handle.close()
        for words in [["check", world.path, "--keyspace", "orders", "--page", "3"], ["page", path, "3"]] {
            let damaged = try runProgram(words)
            #expect(damaged.code == 1 && damaged.output.contains("checksum"), "\(damaged)")
            #expect(damaged.output.contains("number of records is 2313"), "\(damaged)")
        }
        #expect(try runProgram(["page", path, "--map"]).output.contains("HBI!"))
    }

    @Test("the log of a closed and of an open database is shown, and followed")
    func log() throws {
        let world = try filled()
        let all = try runProgram(["log", world.path, "--all", "--limit", "40"])
        #expect(all.code == 0, "\(all.complaints)")
        for part in ["checkpoint ", "closed in order", "createFile", "insertRecord"] {
            #expect(all.output.contains(part), "\(part) is missing: \(all.output.prefix(2000))")
        }
        let end = try runProgram(["log", world.path, "--json"])
        #expect(end.code == 0 && end.output.contains("\"reason\""), "\(end)")
        let page = try runProgram(["log", world.path, "--all", "--page", "1024:3", "--limit", "2", "--json"])
        let lines = page.output.split(separator: "\n")
        #expect(lines.count == 2)
        let group = try json(String(lines[0]))
        let records = try #require(group["records"] as? [[String: Any]])
        #expect(records.contains { $0["page"] as? Int == 3 && $0["space"] as? Int == 1024 })
        #expect(try runProgram(["log", world.path, "--files"]).output.contains("checkpoint in slot"))
        let holder = try Holder(world.path)
        let follower = try Follower(world.path)
        for round in 0..<5 {
            try holder.write("followed\(round)\tx\n")
            for row in 0..<300 { try holder.write("filler\(round)-\(row)\t\(String(repeating: "z", count: 200))\n") }
        }
        #expect(follower.sees("followed0", within: 20))
        #expect(try holder.end() == 0)
        #expect(follower.sees("followed4", within: 20))
    }

    @Test("damaged redo is shown up to the damage, and told from an ordinary end")
    func damagedLog() throws {
        let world = try filled()
        let listing = try runProgram(["log", world.path, "--all", "--limit", "30", "--json"]).output.split(
            separator: "\n"
        )
        let start = try #require(try json(String(listing[20]))["start"] as? Int)
        let path = world.path + "/redo/redo_1.log"
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        // The first file begins at LSN 8192.
        let offset = UInt64(12288 + start - 8192 + 20)
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data([1, 2, 3]))
        try handle.close()
        let result = try runProgram(["log", world.path, "--all"])
        #expect(result.code == 4, "\(result.complaints)")
        #expect(result.output.contains("is not whole"), "\(result.output.suffix(300))")
        #expect(result.complaints.contains("damaged; restore"), "\(result.complaints)")
        #expect(result.complaints.contains("`redoubt salvage`"), "\(result.complaints)")
    }

    @Test("what --read-only refuses did not name salvage")
    func unrecoverable() throws {
        let damages: [(String, (String) throws -> Void)] = [
            ("redo", { try FileManager.default.removeItem(atPath: $0) }),
            (
                "valid checkpoint",
                { path in
                    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                    try handle.write(contentsOf: Data(repeating: 1, count: 12288))
                    try handle.close()
                }
            ),
            (
                "its header says",
                { path in
                    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                    try handle.truncate(atOffset: handle.seekToEnd() / 2)
                    try handle.close()
                }
            ),
        ]
        for (text, damage) in damages {
            let world = World()
            #expect(try world.run("create").code == 0)
            #expect(try world.run("put", "a", "1").code == 0)
            for name in try FileManager.default.contentsOfDirectory(atPath: world.path + "/redo") {
                try damage(world.path + "/redo/" + name)
            }
            for words in [["get", "a", "--read-only"], ["get", "a"]] {
                let result = try runProgram([words[0], world.path] + words[1...])
                #expect(result.code == 4 && result.complaints.contains(text), "\(result)")
                #expect(result.complaints.contains("`redoubt salvage`"), "\(result)")
            }
            let salvaged = try runProgram(["salvage", world.path, world.folder + "/new"])
            #expect(salvaged.output.contains("default"), "\(text): \(salvaged)")
        }
        for name in ["catalog.ibd", "default-1024.ibd"] {
            let world = World()
            #expect(try world.run("create").code == 0)
            #expect(try world.run("put", "a", "1").code == 0)
            try FileManager.default.removeItem(atPath: world.path + "/" + name)
            let result = try world.run("get", "a", "--read-only")
            #expect(result.code == 4 && result.complaints.contains("is missing"), "\(result)")
            #expect(result.complaints.contains("`redoubt salvage`"), "\(result)")
        }
    }

    @Test func `a piece of a page is a fault, and holes of a file take no time`() throws {
        let world = World()
        let piece = world.folder + "/piece.ibd"
        try Data(count: 100).write(to: URL(fileURLWithPath: piece))
        let result = try runProgram(["page", piece, "0"])
        #expect(result.code == 1 && result.output.contains("only 100 of its 16384 bytes"), "\(result)")
        let sparse = world.folder + "/sparse.ibd"
        try Data(count: 3 * 16384).write(to: URL(fileURLWithPath: sparse))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: sparse))
        try handle.truncate(atOffset: 200 << 30)
        try handle.close()
        let start = Date()
        let map = try runProgram(["page", sparse, "--map"])
        #expect(map.code == 0 && map.output.contains("13107200  never written"), "\(map)")
        #expect(Date().timeIntervalSince(start) < 50)
    }

    @Test func `a place before or behind the log is no damage`() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        let rows = (1...500).map { "key\($0)\tvalue \($0)\n" }
        try rows.joined().write(toFile: world.folder + "/rows.tsv", atomically: true, encoding: .utf8)
        #expect(try world.run("load", world.folder + "/rows.tsv").code == 0)
        let lines = try runProgram(["log", world.path, "--all", "--json"]).output.split(separator: "\n")
        func number(_ line: Substring, _ name: String) throws -> Int {
            let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(fields?[name] as? Int)
        }
        let oldest = try number(#require(lines.first), "start")
        let end = try number(#require(lines.last), "end")
        for from in [0, 1, oldest - 20] {
            let result = try runProgram(["log", world.path, "--from", "\(from)"])
            #expect(result.code == 2 && result.complaints.contains("the oldest redo is at LSN \(oldest)"), "\(result)")
            #expect(result.complaints.contains("--all"), "\(result)")
        }
        for from in [end + 1, end + 600, 1 << 50] {
            let result = try runProgram(["log", world.path, "--from", "\(from)"])
            #expect(result.code == 2 && result.complaints.contains("the redo ends at LSN \(end)"), "\(from): \(result)")
        }
        let last = try runProgram(["log", world.path, "--from", "\(end)", "--json"])
        #expect(last.code == 0 && last.output.hasPrefix("{\"end\":\(end)"), "\(last)")
        let whole = try runProgram(["log", world.path, "--from", "\(oldest)", "--json"]).output.split(separator: "\n")
        #expect(whole == lines)
        let start = try number(lines[lines.count / 2], "start")
        let half = try runProgram(["log", world.path, "--from", "\(start)", "--json"]).output.split(separator: "\n")
        #expect(half.first == lines[lines.count / 2])
    }
}

/// A running `redoubt log --follow`.
private final class Follower {
    private let process = Process()
    private let output = Pipe()
    private var text = ""

    init(_ path: String) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["log", path, "--follow"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        process.terminate()
        if !process.hasEnded(within: 10) { kill(process.processIdentifier, SIGKILL) }
    }

    /// Whether `part` is printed in time.
    func sees(_ part: String, within seconds: Double) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        let descriptor = output.fileHandleForReading.fileDescriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        while !text.contains(part), Date() < deadline {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count > 0 { text += String(decoding: buffer[..<count], as: UTF8.self) } else { usleep(20_000) }
        }
        return text.contains(part)
    }
}
