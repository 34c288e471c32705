import Redoubt
import RedoubtCommands
import RedoubtCore

/// The command `dump`.
extension Command {
    /// `dump`.
    static let dump = Command(
        name: "dump",
        summary: "write rows as text that `load`, db_load or mdb_load takes",
        operands: [
            path,
            Operand(name: "FILE", text: "a new file; standard output if not given, or -", isOptional: true),
        ],
        options: [keyspace, Option(name: "all", value: nil, text: "every keyspace, each under its name (db only)")]
            + RowWriter.options + range
            + [Option(name: "hex", value: nil, text: "the keys of --from, --to and --prefix are hexadecimal"), memory]
    ) { (arguments) throws(CommandFailure) in
        let writer = try RowWriter(arguments)
        let range = try arguments.keyRange()
        if arguments.has("all") {
            guard writer.format == .db else {
                throw .usage("--all goes with --format db; \(writer.format.rawValue) has no names of keyspaces")
            }
            guard !arguments.has("keyspace") else { throw .usage("--all takes every keyspace; leave --keyspace out") }
        }
        // Before anything is made: whether there is something to write.
        var dumper: Dumper?
        try withDatabase(arguments) { (database) throws(CommandFailure) in
            let names = try explaining { () throws(RedoubtError) in
                arguments.has("all") ? try database.keyspaceNames() : [arguments.option("keyspace") ?? "default"]
            }
            let keyspaces = try explaining { () throws(RedoubtError) in
                var keyspaces: [Keyspace] = []
                for name in names { keyspaces.append(try existingKeyspace(named: name, in: database)) }
                return keyspaces
            }
            for name in names where arguments.has("all") && name.utf8.contains(10) {
                throw .usage(
                    "the name of keyspace \"\(name)\" has two lines; dump it with --keyspace, without its name"
                )
            }
            var work = Dumper(writer, try OutputFile(arguments.operand("FILE")))
            for keyspace in keyspaces { try work.dump(keyspace, range, isNamed: arguments.has("all")) }
            try work.finish()
            dumper = work
        }
        dumper?.tell()
        return .success
    }
}

/// A dump: writes the rows of keyspaces, and shows how far it is.
private struct Dumper {
    private let writer: RowWriter
    private let file: OutputFile
    private var progress: Progress
    private var rowCount = 0

    init(_ writer: RowWriter, _ file: OutputFile) {
        self.writer = writer
        self.file = file
        progress = Progress("dumped", isShown: !file.isTerminal)
    }

    /// Writes the rows of `keyspace` that are in `range`.
    mutating func dump(_ keyspace: Keyspace, _ range: KeyRange, isNamed: Bool) throws(CommandFailure) {
        try file.write { writer.begin(isNamed ? keyspace.name : nil, to: &$0) }
        let ends = KeyProgress(
            separators: Inspection(of: keyspace.database.path).separators(of: keyspace.name),
            from: range.lower,
            to: range.upper
        )
        var failure: CommandFailure?
        try explaining { () throws(RedoubtError) in
            try keyspace.scan(range) { (key, value) throws(RedoubtError) in
                do throws(CommandFailure) {
                    try file.write { (text) throws(CommandFailure) in try writer.write(key, value, to: &text) }
                } catch {
                    failure = error
                    return false
                }
                rowCount += 1
                if rowCount % 64 == 0, progress.isDue() {
                    progress.show(rows: rowCount, bytes: file.byteCount, share: ends.share(at: key))
                }
                return true
            }
        }
        if let failure { throw failure }
        try file.write { writer.end(to: &$0) }
    }

    func finish() throws(CommandFailure) { try file.finish() }

    /// Tells the figures, unless the rows are on the same screen.
    func tell() {
        if !file.isTerminal { progress.end(rows: rowCount, bytes: file.byteCount) }
    }
}
