import Glibc
import Redoubt
import RedoubtCommands
import RedoubtCore
import RedoubtEngine
import RedoubtLog

/// The command `log`.
extension Command {
    /// `log`.
    static let log = Command(
        name: "log",
        summary: "show the redo log, record by record; reads the files without opening the database",
        operands: [path],
        options: [
            Option(name: "from", value: "LSN", text: "begin at this position; the newest checkpoint if not given"),
            Option(name: "all", value: nil, text: "begin at the oldest redo that is still there"),
            Option(name: "limit", value: "N", text: "at most N groups"),
            Option(name: "page", value: "SPACE:N", text: "only groups that change this page, such as 1024:3"),
            Option(name: "files", value: nil, text: "show the heads of the files and the checkpoints instead"),
            Option(name: "follow", value: nil, text: "go on as the log grows, until interrupted"),
            Option(name: "full", value: nil, text: "print keys and values whole"),
            json,
        ],
        examples: ["redoubt log /var/lib/shop --all --limit 10", "redoubt log /var/lib/shop --follow --page 1024:3"]
    ) { (arguments) throws(CommandFailure) in
        if arguments.has("files"),
            let other = ["from", "all", "limit", "page", "follow"].first(where: { arguments.has($0) })
        {
            throw .usage("--files shows files, and no groups; leave --\(other) out")
        }
        var listing = try LogListing(arguments)
        if arguments.has("files") { return listing.printFiles() }
        return try listing.run()
    }
}

/// A walk over the redo log that prints it.
private struct LogListing {
    private let arguments: Arguments
    private let inspection: Inspection
    private let view: LogView
    private let wantedPage: PageID?
    private var left: Int

    init(_ arguments: Arguments) throws(CommandFailure) {
        self.arguments = arguments
        left = try arguments.number("limit", in: 0...Int.max) ?? Int.max
        wantedPage = try Self.page(arguments)
        let inspection = Inspection(of: arguments.operand("PATH"))
        self.inspection = inspection
        let from = try arguments.number("from", in: 0...1 << 60)
        guard from == nil || !arguments.has("all") else {
            throw .usage("--from and --all both say where to begin; leave one out")
        }
        view = try explaining { () throws(RedoubtError) in try inspection.redo() }
        if arguments.has("all") { view.seekOldest() }
        if let from {
            try explaining { () throws(RedoubtError) in
                try view.go(to: LogSequenceNumber(rawValue: UInt64(from)), isOpen: inspection.isOpen)
            }
        }
    }

    private static func page(_ arguments: Arguments) throws(CommandFailure) -> PageID? {
        guard let text = arguments.option("page") else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let space = UInt32(parts[0]), let number = UInt32(parts[1]) else {
            throw .usage("--page is \"\(text)\"; it must be the number of a space and that of a page, such as 1024:3")
        }
        return PageID(space: SpaceID(rawValue: space), number: PageNumber(rawValue: number))
    }

    mutating func run() throws(CommandFailure) -> ExitCode {
        printHead()
        while left > 0 {
            switch view.step() {
            case .group(let range, let payload): show(range, payload)
            case .end(let reason):
                guard arguments.has("follow") else { return finish(reason) }
                try Output.flush()
                usleep(100_000)
                try catchUp()
            }
        }
        return .success
    }

    /// Looks for files that were taken into use, and goes on where there is redo.
    private func catchUp() throws(CommandFailure) {
        try explaining { () throws(RedoubtError) in try view.refresh() }
        guard view.isOvertaken else { return }
        let lost = view.position
        view.seekOldest()
        Output.complain("the log was used again while it was read: \(lost) to \(view.position) is missing")
    }

    /// Says how the log ends.
    private func finish(_ reason: String) -> ExitCode {
        let damage = inspection.isOpen ? nil : view.damageBehindEnd()
        if arguments.has("json") {
            var object = JSONObject()
            object.add("end", view.position.rawValue)
            object.add("reason", reason)
            if let damage { object.add("damage", damage) }
            Output.print(object.text)
        } else {
            Output.print("\(view.position)  end: \(reason)")
        }
        if let damage { Output.complain(damage) }
        return damage == nil ? .success : .damaged
    }

    private func printHead() {
        guard !arguments.has("json"), !arguments.has("follow") else { return }
        if inspection.isOpen { Output.print("a process has the database open and may be writing") }
        guard let checkpoint = view.checkpoint else {
            return Output.print("no redo file has a valid checkpoint; begins at \(view.position)")
        }
        let state = view.wasClosed ? "closed in order" : "recovery would start here"
        Output.print("checkpoint \(checkpoint): \(state)")
    }

    private mutating func show(_ range: LogRange, _ payload: [UInt8]) {
        let (records, error) = InspectedRedo.records(payload)
        if let wantedPage, !records.contains(where: { $0.page == wantedPage }) { return }
        left -= 1
        if arguments.has("json") { return printJSON(range, payload.count + 4, records, error) }
        Output.print(
            "\(range.start)  \(payload.count + 4) bytes, \(records.count) record\(records.count == 1 ? "" : "s"), "
                + "to \(range.end)"
        )
        for record in records {
            let fields = record.fields.map { name, value in
                let text = Tables.text(value, full: arguments.has("full"))
                if case .bytes = value { return "\(name) \"\(text)\"" }
                return "\(name) \(text)"
            }
            Output.print(
                "    " + PlainText.left("\(record.page)", 12) + " " + PlainText.left(record.kind, 16) + " "
                    + PlainText.right("\(record.byteCount)", 6) + " B  " + fields.joined(separator: ", ")
            )
        }
        if let error { Output.print("    DAMAGED: \(error)") }
    }

    private func printJSON(_ range: LogRange, _ byteCount: Int, _ records: [InspectedRedo], _ error: String?) {
        var object = JSONObject()
        object.add("start", range.start.rawValue)
        object.add("end", range.end.rawValue)
        object.add("bytes", byteCount)
        let list = records.map { record in
            var entry = JSONObject()
            entry.add("kind", record.kind)
            entry.add("number", record.number)
            entry.add("space", record.page.space.rawValue)
            entry.add("page", record.page.number.rawValue)
            entry.add("bodyBytes", record.byteCount)
            for (name, value) in record.fields { Tables.add(value, named: Tables.camel(name), to: &entry) }
            return entry
        }
        object.add("records", list)
        if let error { object.add("damage", error) }
        Output.print(object.text)
    }

    /// Prints the heads of the files.
    func printFiles() -> ExitCode {
        let used = view.files.filter { $0.state != "never used" }
        for file in arguments.has("json") ? view.files : used {
            if arguments.has("json") {
                var object = JSONObject()
                object.add("file", file.name)
                object.add("bytes", file.byteCount)
                object.add("state", file.state)
                object.add("start", file.start)
                object.add("end", file.end)
                for table in file.tables { Tables.add(table, to: &object) }
                Output.print(object.text)
            } else {
                let range = file.start > 0 ? ", LSN \(file.start) to \(file.end)" : ""
                Output.print("\(file.name): \(file.byteCount) bytes, \(file.state)\(range)")
                for table in file.tables { Tables.print(table, full: arguments.has("full")) }
                Output.print("")
            }
        }
        let unused = view.files.count - used.count
        if unused > 0, !arguments.has("json") { Output.print("\(unused) more files, never used") }
        return .success
    }
}
