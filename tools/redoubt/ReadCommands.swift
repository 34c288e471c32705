import Redoubt
import RedoubtCommands
import RedoubtCore

/// The commands that read much.
extension Command {
    /// `scan`.
    static let scan = Command(
        name: "scan",
        summary: "print rows in the order of their keys",
        operands: [path],
        options: [keyspace] + range + [
            Option(name: "limit", value: "N", text: "at most N rows"),
            Option(name: "reverse", value: nil, text: "from the last to the first"),
            Option(name: "keys", value: nil, text: "print no values"),
            json, hex, memory, readOnly,
        ]
    ) { (arguments) throws(CommandFailure) in
        let range = try arguments.keyRange()
        let limit = try arguments.number("limit", in: 0...Int.max) ?? Int.max
        let hex = arguments.has("hex")
        try withKeyspace(arguments) { (_, keyspace) throws(RedoubtError) in
            var left = limit
            if left == 0 { return }
            try keyspace.scan(range, reverse: arguments.has("reverse")) { (key, value) throws(RedoubtError) in
                printRow(key, value, arguments, hex: hex)
                left -= 1
                return left > 0 && !Output.isBroken
            }
        }
        return .success
    }

    /// `check`.
    static let check = Command(
        name: "check",
        summary: "read every page and say what is wrong",
        operands: [path],
        options: [
            Option(
                name: "page",
                value: "N",
                text: "only page N of the keyspace, as its file is, without opening the database"
            ),
            Option(name: "keyspace", value: "NAME", text: "with --page: the keyspace; \"default\" if not given"),
            json, memory, readOnly,
        ]
    ) { (arguments) throws(CommandFailure) in
        if arguments.has("page") {
            guard !arguments.has("memory") else {
                throw .usage("--page does not open the database and needs no memory; leave --memory out")
            }
            return try checkPage(arguments)
        }
        guard !arguments.has("keyspace") else {
            throw .usage("check looks at every keyspace; --keyspace goes with --page N")
        }
        let (findings, names) = try withDatabase(arguments) { (database) throws(RedoubtError) in
            (try database.check(), try database.keyspaceNames())
        }
        if arguments.has("json") {
            var object = JSONObject()
            object.add("ok", findings.isEmpty)
            object.add("keyspaces", names.count)
            object.add("findings", findings.map(\.description))
            Output.print(object.text)
        } else {
            for finding in findings { Output.print(finding.description) }
            let verdict = findings.isEmpty ? "ok" : "\(findings.count) findings"
            Output.print("\(names.count) keyspaces checked: \(verdict)")
        }
        return findings.isEmpty ? .success : .negative
    }

    /// `stat`.
    static let stat = Command(
        name: "stat",
        summary: "print what the database holds and how full it is",
        operands: [path],
        options: [json, memory, readOnly]
    ) { (arguments) throws(CommandFailure) in
        let (statistics, names) = try withDatabase(arguments) { (database) throws(RedoubtError) in
            (try database.statistics(), try database.keyspaceNames())
        }
        let numbers: [(String, UInt64)] = [
            ("keyspaceCount", UInt64(statistics.keyspaceCount)),
            ("filePageCount", statistics.filePageCount),
            ("fileBytes", statistics.filePageCount * 16384),
            ("currentLSN", statistics.currentLSN.rawValue),
            ("flushedLSN", statistics.flushedLSN.rawValue),
            ("checkpointLSN", statistics.checkpointLSN.rawValue),
            ("redoCapacityBytes", UInt64(statistics.redoCapacity.rawValue)),
            ("frameCount", UInt64(statistics.frameCount)),
            ("freeFrameCount", UInt64(statistics.freeFrameCount)),
            ("dirtyPageCount", UInt64(statistics.dirtyPageCount)),
            ("pagesRead", statistics.pagesRead),
            ("pagesWritten", statistics.pagesWritten),
        ]
        if arguments.has("json") {
            var object = JSONObject()
            for (name, number) in numbers { object.add(name, number) }
            object.add("isFenced", statistics.isFenced)
            object.add("keyspaces", names)
            Output.print(object.text)
        } else {
            for (name, number) in numbers {
                Output.print(name + String(repeating: " ", count: 20 - name.count) + "\(number)")
            }
            for name in names { Output.print("keyspace            \(VisibleText.of(name))") }
        }
        return .success
    }

    private static func printRow(_ key: [UInt8], _ value: [UInt8], _ arguments: Arguments, hex: Bool) {
        let onlyKeys = arguments.has("keys")
        guard arguments.has("json") else {
            let text = Output.text(key, hex: hex)
            return Output.print(onlyKeys ? text : "\(text)\t\(Output.text(value, hex: hex))")
        }
        var object = JSONObject()
        object.add("key", bytes: key, hex: hex)
        if !onlyKeys { object.add("value", bytes: value, hex: hex) }
        Output.print(object.text)
    }
}
