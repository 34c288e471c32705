import Redoubt
import RedoubtCore
import RedoubtSimulation

/// Imports a tablespace that is damaged or lies, with a description of its table that does the same.
enum ImportTarget {
    /// What came of an import.
    private struct Answer: Sendable {
        var error: RedoubtError?
        /// What is wrong with the database, whatever the import said.
        var complaint: String?
        var rows: ReferenceModel.Rows = [:]
    }

    private static let name = "imported"

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let choice = feed.byte()
        let database = BuiltInDatabase.exported
        let keyspace = choice & 1 == 0 ? "a" : "b"
        let path = "\(BuiltInDatabase.exportPath)/\(keyspace)"
        var disk = database.disk
        if choice & 2 != 0 { disk = describe(disk, path + ".cfg", &feed) }
        var patches = Patches(database, database.files(where: { $0 == path + ".ibd" }), on: disk, mends: .asked)
        patches.apply(&feed)
        let answer = answer(patches.disk, path + ".ibd")
        if let complaint = answer.complaint { throw FuzzFinding(complaint) }
        guard answer.error == nil else { return .shallow }
        let isSame = answer.rows == database.model.keyspaces[keyspace]
        guard isSame || patches.isForged || choice & 2 != 0 else {
            throw FuzzFinding("damage without a right checksum was imported as other rows")
        }
        // Deep is a forged page that was believed.
        return isSame || !patches.isForged ? .shallow : .deep
    }

    /// Changes the description of the table: some bytes of it, or all from some place on.
    private static func describe(_ disk: DiskImage, _ path: String, _ feed: inout ByteFeed) -> DiskImage {
        var disk = disk
        guard let size = disk.bytes(of: path)?.count, size > 0 else { return disk }
        for _ in 0..<1 + feed.byte() % 4 {
            let offset = feed.word() % size
            let bytes = feed.take(min(size - offset, 1 + feed.byte() % 32))
            if !bytes.isEmpty { disk.overwrite(path, at: UInt64(offset), with: bytes) }
        }
        return disk
    }

    private static func answer(_ disk: DiskImage, _ file: String) -> Answer {
        FuzzWorld.run {
            var answer = Answer()
            do throws(RedoubtError) {
                let database = try FuzzWorld.open(SimulatedStorage(disk, options: FuzzWorld.options))
                var count: Int?
                do throws(RedoubtError) {
                    count = try database.importKeyspace(named: name, from: file).rowCount
                } catch {
                    answer.error = error
                }
                do throws(RedoubtError) {
                    answer.complaint = try complaint(about: database, afterRows: count)
                    if count != nil { answer.rows = try FuzzWorld.rows(of: database, name) }
                } catch {
                    answer.complaint = "the database cannot be read after an import: \(error)"
                }
                do throws(RedoubtError) { try database.close() } catch {}
            } catch {
                answer.complaint = "the database beside the file cannot be opened: \(error)"
            }
            return answer
        }
    }

    /// What is wrong with a database after an import of so many rows, or one that was refused; nil for nothing.
    private static func complaint(about database: Database, afterRows count: Int?) throws(RedoubtError) -> String? {
        if let finding = try database.check().first { return "an import left damage: \(finding)" }
        guard let count else {
            return try database.keyspaceNames().contains(name) ? "an import that was refused left a keyspace" : nil
        }
        let found = try FuzzWorld.rows(of: database, name).count
        return found == count ? nil : "\(count) rows were imported, and \(found) are there"
    }
}
