import RedoubtCommands

extension Command {
    /// The table.
    static let all: [Command] = [
        create, put, get, delete, scan, load, export, importTable, check, backup, restore, salvage, upgrade, stat,
        status, top, serveMetrics, counters,
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
        text: "write nothing: recover in memory if need be, also what is damaged or was not closed"
    )
    /// The form of keys and values.
    static let hex = Option(name: "hex", value: nil, text: "keys and values are hexadecimal, in arguments and output")
    /// What a write waits for.
    static let durability = Option(
        name: "durability",
        value: "LEVEL",
        text: "what a write waits for: flushed, written or deferred"
    )
}

extension Program {
    /// The command `redoubt`.
    static let redoubt = Program(
        name: "redoubt",
        summary: "an embedded storage engine; keyspaces of keys and values in a folder",
        version: "0.1",
        commands: Command.all,
        meanings: ExitCode.allCases.map { ($0, $0.meaning) }
    )
}
