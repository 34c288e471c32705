import Redoubt
import RedoubtCommands
import RedoubtCore

/// The commands for single rows.
extension Command {
    /// `create`.
    static let create = Command(
        name: "create",
        summary: "make a database, or a keyspace in one",
        operands: [path],
        options: [keyspace, memory]
    ) { (arguments) throws(CommandFailure) in
        try withDatabase(arguments, creating: true) { (database) throws(RedoubtError) in
            if let name = arguments.option("keyspace") { _ = try database.createKeyspace(name) }
        }
        return .success
    }

    /// `put`.
    static let put = Command(
        name: "put",
        summary: "give a key a value",
        operands: [
            path, Operand(name: "KEY", text: "the key"),
            Operand(name: "VALUE", text: "the value; standard input if not given", isOptional: true),
        ],
        options: [keyspace, durability, hex, memory]
    ) { (arguments) throws(CommandFailure) in
        let key = try arguments.bytes(arguments.operand("KEY"))
        let value =
            arguments.has(operand: "VALUE")
            ? try arguments.bytes(arguments.operand("VALUE")) : try InputFile.standardInput.bytes.readAll()
        let level = try durabilityLevel(arguments)
        try withKeyspace(arguments, creating: true) { (_, keyspace) throws(RedoubtError) in
            try keyspace.put(key, value, durability: level)
        }
        return .success
    }

    /// `get`.
    static let get = Command(
        name: "get",
        summary: "print the value of a key",
        operands: [path, Operand(name: "KEY", text: "the key")],
        options: [keyspace, json, hex, memory, readOnly]
    ) { (arguments) throws(CommandFailure) in
        let key = try arguments.bytes(arguments.operand("KEY"))
        let value = try withKeyspace(arguments) { (_, keyspace) throws(RedoubtError) in try keyspace.get(key) }
        if arguments.has("json") {
            var object = JSONObject()
            object.add("key", bytes: key, hex: arguments.has("hex"))
            object.add("found", value != nil)
            if let value { object.add("value", bytes: value, hex: arguments.has("hex")) }
            Output.print(object.text)
        } else if let value {
            // A value alone is printed as it is, so that it can be piped.
            if arguments.has("hex") { Output.print(Hexadecimal.text(value)) } else { Output.write(value + [10]) }
        }
        return value == nil ? .negative : .success
    }

    /// `delete`.
    static let delete = Command(
        name: "delete",
        summary: "remove a key, or a range of keys",
        operands: [path, Operand(name: "KEY", text: "the key", isOptional: true)],
        options: [
            keyspace, durability, hex, memory,
            Option(name: "from", value: "KEY", text: "remove every key from this one on"),
            Option(name: "to", value: "KEY", text: "up to this one, which stays"),
        ]
    ) { (arguments) throws(CommandFailure) in
        let level = try durabilityLevel(arguments)
        let isRange = arguments.has("from") || arguments.has("to")
        guard isRange != arguments.has(operand: "KEY") else { throw .usage("delete needs a KEY, or --from and --to") }
        if isRange {
            let range = try arguments.keyRange()
            let count = try withKeyspace(arguments) { (_, keyspace) throws(RedoubtError) in
                try keyspace.deleteRange(range, durability: level)
            }
            Output.print("\(count) removed")
            return .success
        }
        let key = try arguments.bytes(arguments.operand("KEY"))
        let existed = try withKeyspace(arguments) { (_, keyspace) throws(RedoubtError) in
            try keyspace.delete(key, durability: level)
        }
        return existed ? .success : .negative
    }
}

/// Opens the database that `arguments` name, runs `body`, and closes it.
func withDatabase<Result>(
    _ arguments: Arguments,
    creating: Bool = false,
    _ body: (Database) throws(RedoubtError) -> Result
) throws(CommandFailure) -> Result {
    try withDatabase(arguments, creating: creating) { (database) throws(CommandFailure) in
        try explaining { () throws(RedoubtError) in try body(database) }
    }
}

/// The same, for what fails in other ways too.
func withDatabase<Result>(
    _ arguments: Arguments,
    creating: Bool = false,
    _ body: (Database) throws(CommandFailure) -> Result
) throws(CommandFailure) -> Result {
    var configuration = Configuration()
    configuration.createIfMissing = creating
    if let memory = try arguments.size("memory") { configuration.memory = memory }
    let path = arguments.operand("PATH")
    guard fileKind(path) != .file else {
        throw .usage("\"\(path)\" is a file, and a database is a folder; name the folder")
    }
    let isReadOnly = arguments.has("read-only")
    let database = try explaining { () throws(RedoubtError) in
        try isReadOnly
            ? Database.openReadOnly(at: path, configuration: configuration)
            : Database.open(at: path, configuration: configuration)
    }
    let result: Result
    do throws(CommandFailure) {
        result = try body(database)
    } catch {
        // The first error is the one to tell.
        do throws(RedoubtError) { try database.close() } catch {}
        throw error
    }
    try explaining { () throws(RedoubtError) in try database.close() }
    return result
}

/// Opens the database and the keyspace that `arguments` name, runs `body`, and closes them.
func withKeyspace<Result>(
    _ arguments: Arguments,
    creating: Bool = false,
    _ body: (Database, Keyspace) throws(RedoubtError) -> Result
) throws(CommandFailure) -> Result {
    let name = arguments.option("keyspace") ?? "default"
    return try withDatabase(arguments) { (database) throws(RedoubtError) in
        if creating { return try body(database, try database.keyspace(named: name, createIfMissing: true)) }
        return try body(database, try existingKeyspace(named: name, in: database))
    }
}

/// The keyspace called `name`; the error names those that there are.
func existingKeyspace(named name: String, in database: Database) throws(RedoubtError) -> Keyspace {
    do throws(RedoubtError) {
        return try database.keyspace(named: name)
    } catch  where error.code == .keyspaceNotFound {
        let names = try database.keyspaceNames()
        let list = names.isEmpty ? "there is none yet" : "there are: \(names.joined(separator: ", "))"
        throw RedoubtError(
            .keyspaceNotFound,
            "there is no keyspace \"\(name)\"; \(list); `redoubt create PATH --keyspace NAME` makes one",
            path: database.path
        )
    }
}

/// The durability that `arguments` ask for.
func durabilityLevel(_ arguments: Arguments) throws(CommandFailure) -> Durability? {
    switch arguments.option("durability") {
    case nil: return nil
    case "flushed": return .flushed
    case "written": return .written
    case "deferred": return .deferred
    case let other?: throw .usage("--durability is \"\(other)\"; it must be flushed, written or deferred")
    }
}
