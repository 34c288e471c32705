import Redoubt
import RedoubtCore

/// The process in which Redoubt is the target of power cuts; see ``TargetProcess`` for what it speaks.
enum RedoubtTarget {
    /// Serves commands for the database in `folder`.
    static func run(mode: String, folder: String) -> Int32 {
        let channel = LineChannel(0)
        do {
            let database = try Database.open(at: folder, configuration: configuration(mode))
            let rows = try database.keyspace(named: "rows", createIfMissing: true)
            channel.send("ready")
            try serve(database, rows, channel)
            return 0
        } catch {
            channel.send("failed \(error)")
            return 1
        }
    }

    /// The commits between two checkpoints.
    ///
    /// Without any, all redo since the creation would be there, and replace every page that is torn.
    private static let checkpointInterval = 4

    /// Small, so that pages are written all the time.
    private static func configuration(_ mode: String) throws -> Configuration {
        var configuration = Configuration()
        switch mode {
        case "flushed": break
        case "deferred": configuration.durability = .deferred
        case "changed-sectors": configuration.flushing.doublewrite = .changedSectors
        case "no-doublewrite": configuration.flushing.doublewrite = .off
        default: throw DiskFailure("there is no mode \(mode)")
        }
        configuration.memory = .mebibytes(8)
        configuration.bufferPool.hugePages = false
        configuration.redoLog.capacity = .mebibytes(2)
        configuration.redoLog.fileCount = 4
        configuration.redoLog.bufferCapacity = .kibibytes(256)
        configuration.redoLog.checkpointIntervalMilliseconds = 10
        configuration.flushing.doublewriteBatchPages = 8
        return configuration
    }

    private static func serve(
        _ database: Database,
        _ rows: Keyspace,
        _ channel: LineChannel
    ) throws {
        var changes: [[String]] = []
        var commitCount = 0
        // The line ends with whoever is at its other end.
        while let line = try? channel.receive() {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            switch words[0] {
            case "put", "delete": changes.append(words)
            case "commit":
                var batch = WriteBatch()
                for change in changes {
                    if change.count == 3 {
                        try batch.put(change[1], change[2], in: rows)
                    } else {
                        try batch.delete(change[1], in: rows)
                    }
                }
                changes = []
                try database.write(batch)
                commitCount += 1
                // Before the answer, so that pages are written while commits are uncertain.
                if commitCount % checkpointInterval == 0 { try database.checkpoint() }
                channel.send("ok")
            case "dump":
                try rows.scan { (key, value) throws(RedoubtError) in
                    channel.send(
                        "row \(String(decoding: key, as: UTF8.self)) \(String(decoding: value, as: UTF8.self))"
                    )
                    return true
                }
                channel.send("end")
            case "verify":
                if let finding = try database.check().first { throw DiskFailure("check: \(finding)") }
                channel.send("ok")
            case "quit":
                try database.close()
                channel.send("closed")
                return
            default: throw DiskFailure("there is no command \(line)")
            }
        }
    }
}
