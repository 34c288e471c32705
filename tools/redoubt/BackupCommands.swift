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
        tell(backup, "backed up to \(folder)", arguments)
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
        tell(backup, "restored to \(target); opening it recovers it", arguments)
        return .success
    }

    /// The path from the root: another process is in another folder.
    private static func absolute(_ path: String) throws(CommandFailure) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = unsafe getcwd(nil, 0) else { throw .usage("the current folder is gone; change to another") }
        defer { unsafe free(current) }
        return unsafe String(cString: current) + "/" + path
    }

    private static func tell(_ backup: Backup, _ what: String, _ arguments: Arguments) {
        if arguments.has("json") {
            var object = JSONObject()
            object.add("files", backup.fileCount)
            object.add("bytes", backup.byteCount)
            object.add("checkpointLSN", backup.checkpointLSN.rawValue)
            object.add("endLSN", backup.endLSN.rawValue)
            object.add("verified", backup.isVerified)
            return Output.print(object.text)
        }
        let verdict = backup.isVerified ? "recovered and checked" : "not verified"
        Output.print(
            "\(what): \(backup.fileCount) files, \(backup.byteCount) bytes, up to LSN \(backup.endLSN), \(verdict)"
        )
    }
}
