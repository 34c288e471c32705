import Redoubt
import RedoubtCommands
import RedoubtCore

/// The commands for keyspaces as a whole.
extension Command {
    /// `drop`.
    static let drop = Command(
        name: "drop",
        summary: "remove a keyspace with all of its rows",
        operands: [path, Operand(name: "KEYSPACE", text: "the keyspace; nothing brings it back")],
        options: [memory]
    ) { (arguments) throws(CommandFailure) in
        try withDatabase(arguments) { (database) throws(RedoubtError) in
            let name = arguments.operand("KEYSPACE")
            _ = try existingKeyspace(named: name, in: database)
            try database.dropKeyspace(name)
        }
        return .success
    }

    /// `rename`.
    static let rename = Command(
        name: "rename",
        summary: "give a keyspace another name",
        operands: [
            path, Operand(name: "KEYSPACE", text: "the keyspace"),
            Operand(name: "NAME", text: "its new name, which no keyspace has"),
        ],
        options: [memory]
    ) { (arguments) throws(CommandFailure) in
        try withDatabase(arguments) { (database) throws(RedoubtError) in
            let name = arguments.operand("KEYSPACE")
            _ = try existingKeyspace(named: name, in: database)
            try database.renameKeyspace(name, to: arguments.operand("NAME"))
        }
        return .success
    }
}
