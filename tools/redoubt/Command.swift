import Redoubt
import RedoubtCommands

extension Command {
    /// The table.
    static let all: [Command] = [
        create, drop, rename, put, get, delete, scan, dump, load, export, importTable, check, page, log, backup,
        restore, salvage,
        upgrade, stat, status, top, serveMetrics, counters,
    ]

    /// The folder of the database.
    static let path = Operand(name: "PATH", text: "the folder of the database")
    /// The keyspace.
    static let keyspace = Option(name: "keyspace", value: "NAME", text: "the keyspace; \"default\" if not given")
    /// The memory.
    static let memory = Option(
        name: "memory",
        value: "SIZE",
        text: "memory to use, such as 64M or 2G; 256M if not given"
    )
    /// The form of the output.
    static let json = Option(name: "json", value: nil, text: "print JSON, one object a line")
    /// Whether the folder must stay as it is.
    static let readOnly = Option(
        name: "read-only",
        value: nil,
        text: "write nothing: recover in memory what was not closed; what cannot be recovered, `salvage` reads"
    )
    /// The form of keys and values.
    static let hex = Option(name: "hex", value: nil, text: "keys and values are hexadecimal, in arguments and output")
    /// What a write waits for.
    static let durability = Option(
        name: "durability",
        value: "LEVEL",
        text: "what a write waits for: flushed, written or deferred",
        choices: ["flushed", "written", "deferred"]
    )
}

extension Command {
    /// Which keys.
    static let range = [
        Option(name: "from", value: "KEY", text: "begin at this key"),
        Option(name: "to", value: "KEY", text: "end before this key"),
        Option(name: "prefix", value: "KEY", text: "only keys that begin so"),
    ]
}

extension Arguments {
    /// The keys that the options "from", "to" and "prefix" say; all of them if there are none.
    func keyRange() throws(CommandFailure) -> KeyRange {
        if let prefix = option("prefix") {
            guard !has("from"), !has("to") else {
                throw .usage("--prefix says where to begin and end; leave --from and --to out")
            }
            return KeyRange(prefix: try bytes(prefix))
        }
        var range = KeyRange()
        if let from = option("from") { range.lower = try bytes(from) }
        if let end = option("to") { range.upper = try bytes(end) }
        if let lower = range.lower, let upper = range.upper, upper.lexicographicallyPrecedes(lower) {
            throw .usage("no key is from --from on and before --to; exchange them: keys ascend byte by byte")
        }
        return range
    }
}

extension Program {
    private static let version = "0.1"

    /// The command `redoubt`.
    static let redoubt = Program(
        name: "redoubt",
        summary: "an embedded storage engine; keyspaces of keys and values in a folder",
        about:
            "Works on databases of the storage engine Redoubt from the command line. A database is a folder; it holds "
            + "keyspaces, and a keyspace holds keys of 1 to 3072 bytes in order, each with a value of up to 4 GiB. One "
            + "process at a time can open a database. `page`, `log`, `check --page`, `status`, `top`, `serve-metrics` "
            + "look at one that is open or damaged as well, and change nothing.",
        version: version,
        commands: Command.all,
        meanings: ExitCode.allCases.map { ($0, $0.meaning) },
        otherManuals: [.format(version: version)]
    )
}
