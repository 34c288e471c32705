import Foundation
import Glibc
import Testing

/// Goal: the commands that watch show what a running database does, tell what is not running, and cannot be made to
/// misbehave. Method: one process that holds a database open and writes; the commands beside it, and a client that
/// sends what no browser would.
@Suite(.serialized) struct WatchTests {
    @Test("status and top show a running database")
    func watch() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        let holder = try Holder(world.path)
        var rows = ""
        for number in 0..<20_000 { rows += "key\(number)\t\(String(repeating: "x", count: 200))\n" }
        try holder.write(rows)
        let status = try runProgram(["status", world.path, "--interval", "0.3"])
        #expect(status.code == 0, "\(status.complaints)")
        for part in ["process \(holder.process.processIdentifier)", "BUFFER POOL AND MEMORY", "over the last 0."] {
            #expect(status.output.contains(part), "\(part) is missing: \(status.output)")
        }
        let json = try runProgram(["status", world.path, "--interval", "0.1", "--json"])
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect((object?["currentLSN"] as? Int ?? 0) > 1_000_000, "\(json.output)")
        let top = try runProgram(["top", world.path, "--once", "--interval", "0.3"])
        #expect(top.code == 0, "\(top.complaints)")
        #expect(!top.output.contains("\u{1B}"), "control sequences without a terminal")
        for part in ["redoubt top", "redo age [", "dirty    [", "free     [", "pages/s", "waits"] {
            #expect(top.output.contains(part), "\(part) is missing: \(top.output)")
        }
        let numbers = try runProgram(["top", world.path, "--once", "--json", "--interval", "0.1"])
        let looked = try JSONSerialization.jsonObject(with: Data(numbers.output.utf8)) as? [String: Any]
        #expect((looked?["currentLSN"] as? Int ?? 0) > 1_000_000, "\(numbers.output)")
        // It reads only: the database is as open as it was.
        #expect(try world.run("get", "key1").code == 5)
        #expect(try holder.end() == 0)
    }

    @Test("what is not running is told apart: no folder, not open, killed, forged")
    func wrong() throws {
        let world = World()
        let watching = [["top", "--once"], ["status"]]
        for words in watching { #expect(try runProgram([words[0], world.path] + words.dropFirst()).code == 2) }
        #expect(try runProgram(["serve-metrics", world.path, "--port", "0"]).code == 2)
        #expect(try world.run("create").code == 0)
        for words in watching {
            let result = try runProgram([words[0], world.path] + words.dropFirst())
            #expect(result.code == 1 && result.complaints.contains("no process"), "\(result.complaints)")
        }
        let holder = try Holder(world.path)
        let file = world.path + "/redoubt.stats"
        let deadline = Date().addingTimeInterval(20)
        while try runProgram(["top", world.path, "--once", "--interval", "0.1"]).code != 0, Date() < deadline {}
        holder.kill()
        #expect(FileManager.default.fileExists(atPath: file))
        for words in watching {
            let result = try runProgram([words[0], world.path] + words.dropFirst())
            #expect(result.code == 1, "\(result.output)")
            #expect(result.complaints.contains("process \(holder.process.processIdentifier)"), "\(result.complaints)")
        }
        try Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 3 & 254) }).write(to: URL(fileURLWithPath: file))
        for words in watching {
            let result = try runProgram([words[0], world.path] + words.dropFirst())
            #expect([1, 4].contains(result.code), "\(result.code)")
        }
        #expect(try runProgram(["top", world.path, "--interval", "0"]).code == 2)
        #expect(try runProgram(["serve-metrics", world.path, "--port", "65536"]).code == 2)
        #expect(try world.run("check").code == 0)
    }

    @Test("a process that is stopped shows as silent, not as a database at rest")
    func silent() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        let holder = try Holder(world.path)
        let deadline = Date().addingTimeInterval(20)
        while try runProgram(["top", world.path, "--once", "--interval", "0.1"]).code != 0, Date() < deadline {}
        let top = try runProgram(["top", world.path, "--once", "--interval", "0.1"])
        #expect(!top.output.contains("SILENT"), "\(top.output)")
        kill(holder.process.processIdentifier, SIGSTOP)
        defer { kill(holder.process.processIdentifier, SIGCONT) }
        let stopped = try runProgram(["top", world.path, "--once", "--interval", "3"])
        #expect(stopped.output.contains("SILENT for "), "\(stopped.output)")
        let status = try runProgram(["status", world.path, "--interval", "0.1"])
        #expect(status.code == 0 && status.complaints.contains("has said nothing for "), "\(status.complaints)")
        kill(holder.process.processIdentifier, SIGCONT)
        #expect(try holder.end() == 0)
    }

    @Test("metrics are served to who asks properly, on loopback only")
    func serve() throws {
        let world = World()
        #expect(try world.run("create").code == 0)
        let server = try Server(world.path)
        let closed = server.fetch("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(closed.hasPrefix("HTTP/1.1 200 OK\r\n") && closed.hasSuffix("\nredoubt_up 0\n"), "\(closed)")
        let holder = try Holder(world.path)
        let deadline = Date().addingTimeInterval(20)
        var page = ""
        while !page.contains("\nredoubt_up 1\n"), Date() < deadline {
            page = server.fetch("GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        #expect(page.contains("Content-Type: text/plain; version=0.0.4"))
        #expect(page.contains("\n# TYPE redoubt_pages_written_total counter\nredoubt_pages_written_total "))
        #expect(server.fetch("HEAD /metrics HTTP/1.1\r\n\r\n").hasSuffix("\r\n\r\n"))
        #expect(server.fetch("GET / HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
        #expect(server.fetch("GET /metrics/../x HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
        #expect(server.fetch("POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").hasPrefix("HTTP/1.1 405 "))
        #expect(server.fetch("metrics\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
        #expect(server.fetch("\u{0}\u{1}\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
        #expect(server.fetch("GET /" + String(repeating: "x", count: 9000)).hasPrefix("HTTP/1.1 431 "))
        // A client that says nothing keeps nobody waiting, and is let go.
        let silent = server.connect()
        let start = Date()
        #expect(server.fetch("GET /metrics HTTP/1.0\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
        #expect(Date().timeIntervalSince(start) < 4)
        #expect(server.rest(of: silent) == "")
        #expect(!server.listens(atLastByte: 2), "reached by an address that is not 127.0.0.1")
        #expect(try holder.end() == 0)
    }
}

/// A running `redoubt serve-metrics`, and a client of it.
private final class Server {
    private let process = Process()
    private var port: UInt16 = 0

    init(_ path: String) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["serve-metrics", path, "--port", "0"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let parts = line.split(separator: "/").first { $0.contains(":") && $0.contains(".") }
        port = parts.flatMap { UInt16($0.split(separator: ":")[1]) } ?? 0
        #expect(line.hasPrefix("http://127.0.0.1:") && port > 0, "\(line)")
    }

    deinit {
        process.terminate()
        if !process.hasEnded(within: 10) {
            Issue.record("serve-metrics did not end when it was told to")
            kill(process.processIdentifier, SIGKILL)
        }
    }

    /// A connection.
    func connect(_ host: UInt32 = 0x7F00_0001) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bigEndian
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    /// What comes before the server ends the connection; ends it here too.
    func rest(of descriptor: Int32) -> String {
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// The answer to `request`.
    func fetch(_ request: String) -> String {
        let descriptor = connect()
        guard descriptor >= 0 else { return "no connection" }
        let bytes = Array(request.utf8)
        _ = unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        return rest(of: descriptor)
    }

    /// Whether the server listens at 127.0.0.`last`, as it would if it listened everywhere.
    func listens(atLastByte last: UInt32) -> Bool {
        let descriptor = connect(0x7F00_0000 | last)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }
}
