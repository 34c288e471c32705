import Redoubt
import RedoubtCore
import RedoubtSimulation

/// Salvages a database of which any file is damaged, gone or lies.
enum SalvageTarget {
    /// What came of it.
    private struct Answer: Sendable {
        var summary: SalvageSummary?
        /// The rows of the new database.
        var keyspaces: [String: ReferenceModel.Rows] = [:]
        var complaint: String?
    }

    private static let target = "/salvaged"

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let database = [BuiltInDatabase.closed, .killed, .torn][feed.byte() % 3]
        var patches = Patches(database, database.files, reach: .files, mends: .asked)
        patches.apply(&feed)
        let disk = patches.disk
        let answer = answer(disk)
        if let complaint = answer.complaint { throw FuzzFinding(complaint) }
        guard let summary = answer.summary else { return .shallow }
        if !patches.isForged { try judge(answer.keyspaces, of: database) }
        let isPartial = !summary.losses.isEmpty && answer.keyspaces.values.contains { !$0.isEmpty }
        // Deep is a forged page among damaged ones, of which rows were found all the same.
        return isPartial && patches.isForged && patches.chosenPaths.count > 1 ? .deep : .shallow
    }

    /// Throws if a row is there that `database` never held.
    private static func judge(
        _ keyspaces: [String: ReferenceModel.Rows],
        of database: BuiltInDatabase
    ) throws(FuzzFinding) {
        for (name, rows) in keyspaces {
            // A file that no catalog names is called after itself.
            let names = name.hasPrefix("lost ") ? database.model.keyspaceNames : [name]
            for (key, value) in rows where !names.contains(where: { database.hasEverHeld(key, value, in: $0) }) {
                throw FuzzFinding("a row was salvaged that never was: \(name), \(key.suffix(8)), \(value.prefix(8))")
            }
        }
    }

    private static func answer(_ disk: DiskImage) -> Answer {
        FuzzWorld.run {
            var answer = Answer()
            let storage = SimulatedStorage(disk, options: FuzzWorld.options)
            do throws(RedoubtError) {
                answer.summary = try Database.salvage(
                    at: FuzzWorld.path,
                    to: target,
                    configuration: FuzzWorld.configuration,
                    storage: storage
                )
            } catch {
                return answer
            }
            for path in disk.paths where storage.image.bytes(of: path) != disk.bytes(of: path) {
                answer.complaint = "salvage changed \(path)"
            }
            do throws(RedoubtError) {
                let database = try FuzzWorld.open(storage, at: target)
                if let finding = try database.check().first { answer.complaint = "what was salvaged: \(finding)" }
                for keyspace in answer.summary?.keyspaces ?? [] {
                    let rows = try FuzzWorld.rows(of: database, keyspace.name)
                    if rows.count != keyspace.rowCount { answer.complaint = "\(rows.count) rows, not \(keyspace)" }
                    answer.keyspaces[keyspace.name] = rows
                }
                try database.close()
            } catch {
                answer.complaint = "what was salvaged cannot be read: \(error)"
            }
            return answer
        }
    }
}
