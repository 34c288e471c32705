import Glibc
import Redoubt
import RedoubtCommands
import RedoubtCore

/// The commands that copy a database and make one of a copy.
extension Command {
    /// The folder of a backup.
    private static let backupFolder = Operand(name: "DIR", text: "the folder of the backup")

    /// `backup`.
    static let backup = Command(
        name: "backup",
        summary: "copy a database, also one in use, into a folder, and see that the copy can be recovered",
        operands: [path, Operand(name: "DIR", text: "the folder of the backup; it must be empty or missing")],
        options: [
            Option(name: "no-verify", value: nil, text: "do not recover and check the copy"),
            json, memory,
        ]
    ) { (arguments) throws(CommandFailure) in
        let folder = try absolute(arguments.operand("DIR"))
        let verify = !arguments.has("no-verify")
        var last: UInt64 = 0
        let backup: Backup
        do throws(CommandFailure) {
            backup = try withDatabase(arguments) { (database) throws(RedoubtError) in
                try database.backup(to: folder, verify: verify) { done, total in
                    // A line for every 64 MiB is enough.
                    guard Output.isTerminal, done == total || done - last >= 64 << 20 else { return }
                    last = done
                    Output.progress("\(done >> 20) of \(total >> 20) MiB copied", isLast: done == total)
                }
            }
        } catch {
            guard error.code == .locked else { throw error }
            // The process that has it open copies it, while it goes on.
            backup = try explaining { () throws(RedoubtError) in
                try Database.requestBackup(of: arguments.operand("PATH"), to: folder, verify: verify)
            }
        }
        tell(backup, "backed up to \(folder)", verified: "recovered and checked", arguments)
        return .success
    }

    /// `restore`.
    static let restore = Command(
        name: "restore",
        summary: "make a database of a backup, after comparing every byte of it with its checksums",
        operands: [backupFolder, Operand(name: "PATH", text: "the folder of the new database, empty or missing")],
        options: [json]
    ) { (arguments) throws(CommandFailure) in
        let target = arguments.operand("PATH")
        let backup = try explaining { () throws(RedoubtError) in
            try Database.restore(from: arguments.operand("DIR"), to: target)
        }
        let verified = "was recovered and checked when it was made"
        tell(backup, "restored to \(target); opening it recovers it", verified: verified, arguments)
        return .success
    }

    /// `salvage`.
    static let salvage = Command(
        name: "salvage",
        summary: "read what is readable of a damaged database into a new one, and list what is lost",
        operands: [path, Operand(name: "NEWPATH", text: "the folder of the new database, empty or missing")],
        options: [json, memory]
    ) { (arguments) throws(CommandFailure) in
        var configuration = Configuration()
        if let memory = try arguments.size("memory") { configuration.memory = memory }
        let settings = configuration
        let found = try explaining { () throws(RedoubtError) in
            try Database.salvage(
                at: arguments.operand("PATH"),
                to: arguments.operand("NEWPATH"),
                configuration: settings
            )
        }
        tell(found, arguments)
        return found.losses.isEmpty && found.unrecovered == nil ? .success : .negative
    }

    /// `upgrade`.
    static let upgrade = Command(
        name: "upgrade",
        summary: "bring the files of a database to the newest version of their format",
        operands: [path],
        options: [json]
    ) { (arguments) throws(CommandFailure) in
        let result = try explaining { () throws(RedoubtError) in
            try Database.upgrade(at: arguments.operand("PATH"))
        }
        if arguments.has("json") {
            var object = JSONObject()
            object.add("from", result.from)
            object.add("to", result.to)
            object.add("changedFiles", result.changedFileCount)
            Output.print(object.text)
        } else if result.changedFileCount == 0 {
            Output.print("format version \(result.to), which is the newest; nothing to do")
        } else {
            Output.print("upgraded \(result.changedFileCount) files to format version \(result.to)")
        }
        return .success
    }

    /// The path from the root: another process is in another folder.
    private static func absolute(_ path: String) throws(CommandFailure) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = unsafe getcwd(nil, 0) else { throw .usage("the current folder is gone; change to another") }
        defer { unsafe free(current) }
        return unsafe String(cString: current) + "/" + path
    }

    private static func tell(_ found: SalvageSummary, _ arguments: Arguments) {
        let rowCount = found.keyspaces.reduce(0) { $0 + $1.rowCount }
        if arguments.has("json") {
            var object = JSONObject()
            object.add("rows", rowCount)
            object.add("keyspaces", found.keyspaces.map(\.name))
            object.add("recovered", found.unrecovered == nil)
            if let error = found.unrecovered { object.add("reason", error.description) }
            object.add("lost", found.losses.map(\.description))
            object.add("bridged", found.bridged.map(\.description))
            return Output.print(object.text)
        }
        if let error = found.unrecovered {
            Output.print("the redo was not applied; what was written last may be missing or old: \(error)")
        }
        for loss in found.losses { Output.print("lost: \(loss)") }
        for loss in found.bridged { Output.print("found all the same: \(loss)") }
        for keyspace in found.keyspaces {
            Output.print("keyspace \(VisibleText.of(keyspace.name)): \(keyspace.rowCount) rows")
        }
        let verdict = found.losses.isEmpty ? "nothing lost" : "\(found.losses.count) losses"
        Output.print("\(found.keyspaces.count) keyspaces, \(rowCount) rows: \(verdict)")
    }

    private static func tell(_ backup: Backup, _ what: String, verified: String, _ arguments: Arguments) {
        if arguments.has("json") {
            var object = JSONObject()
            object.add("files", backup.fileCount)
            object.add("bytes", backup.byteCount)
            object.add("checkpointLSN", backup.checkpointLSN.rawValue)
            object.add("endLSN", backup.endLSN.rawValue)
            object.add("verified", backup.isVerified)
            return Output.print(object.text)
        }
        let verdict = backup.isVerified ? verified : "not verified"
        Output.print(
            "\(what): \(backup.fileCount) files, \(backup.byteCount) bytes, up to LSN \(backup.endLSN), \(verdict)"
        )
    }
}
