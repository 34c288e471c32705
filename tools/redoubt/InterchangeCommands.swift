import Redoubt
import RedoubtCommands
import RedoubtCore

/// The commands that exchange tablespaces with MariaDB and MySQL servers.
extension Command {
    /// `export`.
    static let export = Command(
        name: "export",
        summary: "write a keyspace as files that MariaDB and MySQL import",
        operands: [
            path, Operand(name: "KEYSPACE", text: "the keyspace"),
            Operand(name: "DIR", text: "the folder for the files, made if it is missing"),
        ],
        options: [
            Option(
                name: "table",
                value: "NAME",
                text: "the name of the table and the files; the keyspace's if not given"
            ),
            json, memory,
        ]
    ) { (arguments) throws(CommandFailure) in
        var progress = Progress("exported")
        let exported = try withDatabase(arguments) { (database) throws(RedoubtError) in
            defer { progress.clear() }
            return try database.export(
                keyspace: arguments.operand("KEYSPACE"),
                to: arguments.operand("DIR"),
                table: arguments.option("table")
            ) { rows, bytes in
                if progress.isDue() { progress.show(rows: rows, bytes: bytes, share: nil) }
            }
        }
        if arguments.has("json") {
            var object = JSONObject()
            object.add("rows", exported.rowCount)
            object.add("bytes", exported.byteCount)
            object.add("files", [exported.dataPath, exported.definitionPath])
            object.add("statements", exported.preparingStatements + [exported.importStatement])
            Output.print(object.text)
            return .success
        }
        Output.print("-- \(exported.rowCount) rows in \(exported.dataPath) (\(exported.byteCount) bytes)")
        for statement in exported.preparingStatements { Output.print(statement) }
        Output.print("-- now copy \(exported.table).ibd and \(exported.table).cfg into the folder of the database")
        Output.print("-- of the server (SELECT @@datadir), and make them its user's")
        Output.print(exported.importStatement)
        return .success
    }

    /// `import`.
    static let importTable = Command(
        name: "import",
        summary: "make a keyspace of a tablespace of MariaDB or MySQL",
        operands: [path, Operand(name: "FILE", text: "the .ibd file; it is only read")],
        options: [
            Option(
                name: "cfg",
                value: "FILE",
                text: "the .cfg file of FLUSH TABLES ... FOR EXPORT; the one beside FILE if not given"
            ),
            Option(name: "keyspace", value: "NAME", text: "the new keyspace; named as the file if not given"),
            json, memory,
        ]
    ) { (arguments) throws(CommandFailure) in
        let file = arguments.operand("FILE")
        var name = file.split(separator: "/").last.map(String.init) ?? file
        if name.hasSuffix(".ibd") { name.removeLast(4) }
        name = arguments.option("keyspace") ?? name
        var progress = Progress("imported")
        let imported = try withDatabase(arguments) { (database) throws(RedoubtError) in
            defer { progress.clear() }
            return try database.importKeyspace(
                named: name,
                from: file,
                definition: arguments.option("cfg")
            ) { rows, bytes, total in
                if progress.isDue() {
                    progress.show(rows: rows, bytes: bytes, share: Double(rows) / Double(max(total, 1)))
                }
            }
        }
        if arguments.has("json") {
            var object = JSONObject()
            object.add("keyspace", name)
            object.add("rows", imported.rowCount)
            object.add("deleted", imported.deletedCount)
            Output.print(object.text)
            return .success
        }
        Output.print("\(imported.rowCount) rows are in the keyspace \"\(name)\"")
        if imported.deletedCount > 0 {
            Output.print(
                "\(imported.deletedCount) rows that the server had deleted and not yet purged were passed over"
            )
        }
        return .success
    }
}
