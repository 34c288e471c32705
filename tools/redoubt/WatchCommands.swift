import Glibc
import Redoubt
import RedoubtCommands
import RedoubtCore

/// The commands that look at a database while another process has it open.
extension Command {
    /// The folder, of a database that is open elsewhere.
    private static let running = Operand(name: "PATH", text: "the folder of a database that a process has open")
    /// The time between looks.
    private static let interval = Option(
        name: "interval",
        value: "SECONDS",
        text: "the time between two looks, such as 0.5; 1 if not given"
    )

    /// `status`.
    static let status = Command(
        name: "status",
        summary: "print the status report of a running database",
        operands: [running],
        options: [interval, json]
    ) { (arguments) throws(CommandFailure) in
        let file = StatisticsFile(of: arguments.operand("PATH"))
        let before = try explaining { () throws(RedoubtError) in try file.read() }
        pause(try arguments.seconds("interval") ?? 1)
        let now = try explaining { () throws(RedoubtError) in try file.read() }
        if now.ageNanoseconds > Board.silenceNanoseconds {
            let age = PlainText.duration(Double(now.ageNanoseconds))
            Output.complain("process \(now.processID) has said nothing for \(age): it is stopped, or hangs")
        }
        if arguments.has("json") {
            Output.print(JSONObject(now).text)
        } else {
            Output.write(Array(now.statusReport(since: before).utf8))
        }
        return .success
    }

    /// `top`.
    static let top = Command(
        name: "top",
        summary: "watch a running database: rates, ages against their limits, waits; q ends it",
        operands: [running],
        options: [
            interval, Option(name: "once", value: nil, text: "print one board as plain text, and end"),
            Option(name: "json", value: nil, text: "print the numbers of each look as a JSON object in a line"),
        ]
    ) { (arguments) throws(CommandFailure) in
        var top = Top(
            path: arguments.operand("PATH"),
            interval: try arguments.seconds("interval") ?? 1,
            isOnce: arguments.has("once"),
            isJSON: arguments.has("json")
        )
        return try top.run()
    }

    /// `serve-metrics`.
    static let serveMetrics = Command(
        name: "serve-metrics",
        summary: "serve the numbers of a running database to Prometheus, on 127.0.0.1 only",
        operands: [running],
        options: [
            Option(name: "port", value: "N", text: "the port; 9273 if not given, 0 for one that is free")
        ]
    ) { (arguments) throws(CommandFailure) in
        let file = StatisticsFile(of: arguments.operand("PATH"))
        do throws(RedoubtError) {
            _ = try file.read()
        } catch  where error.code == .notFound {
            throw CommandFailure(code: ExitCode(error), message: error.description)
        } catch {
            // Whoever scrapes sees that it is not open, and when it is.
        }
        let server = try MetricsServer(port: try arguments.number("port", in: 0...65535) ?? 9273) {
            do throws(RedoubtError) {
                return .success(try file.read().metrics())
            } catch {
                return error.code == .notOpen ? .success(Statistics.metricsOfNone()) : .failure(error)
            }
        }
        Output.print("http://127.0.0.1:\(server.port)/metrics")
        try Output.flush()
        try server.run()
    }

    /// `counters`.
    static let counters = Command(
        name: "counters",
        summary: "list what is counted: name, unit, metric, InnoDB's name, meaning",
        operands: [],
        options: [json]
    ) { (arguments) throws(CommandFailure) in
        for name in CounterName.allCases {
            let entry = name.entry
            let kind = entry.kind == .counter ? "counter" : "gauge"
            if arguments.has("json") {
                var object = JSONObject()
                object.add("name", name.rawValue)
                object.add("kind", kind)
                object.add("unit", entry.unit.rawValue)
                object.add("metric", name.metricName)
                if let innodb = entry.innodbName { object.add("innodb", innodb) }
                object.add("help", entry.help)
                Output.print(object.text)
            } else {
                Output.print("\(name.rawValue)  (\(kind), \(entry.unit.rawValue))  \(name.metricName)")
                let innodb = entry.innodbName.map { " InnoDB: \($0)." } ?? ""
                Output.print("    \(entry.help)\(innodb)")
            }
        }
        return .success
    }

    /// Sleeps.
    private static func pause(_ seconds: Double) { usleep(UInt32(seconds * 1e6)) }
}

extension JSONObject {
    /// All numbers of `statistics`, and the waits that there were.
    init(_ statistics: Statistics) {
        self.init()
        add("processID", statistics.processID)
        add("wallNanoseconds", statistics.wallNanoseconds)
        for name in CounterName.allCases { add(name.rawValue, statistics[name]) }
        for reason in WaitReason.allCases where statistics[reason].count > 0 || statistics[reason].waitingCount > 0 {
            var waits = JSONObject()
            waits.add("count", statistics[reason].count)
            waits.add("nanoseconds", statistics[reason].nanoseconds)
            waits.add("longestNanoseconds", statistics[reason].longestNanoseconds)
            waits.add("waitingCount", statistics[reason].waitingCount)
            add("wait.\(reason)", waits)
        }
    }
}
