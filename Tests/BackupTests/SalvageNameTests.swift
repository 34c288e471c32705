import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a keyspace is salvaged whatever it is called, under a name that a keyspace can have. Method: the longest name,
/// whose row is lost, and one that older versions took and this one refuses.
@Suite(.timeLimit(.minutes(20))) struct SalvageNameTests {
    private func salvaged(_ image: DiskImage) throws -> [String: [[UInt8]: [UInt8]]] {
        let disk = SimulatedStorage(image, options: .judging)
        let summary = try Database.salvage(
            at: BackupWorld.path,
            to: BackupWorld.restored,
            configuration: BackupWorld.configuration,
            storage: disk
        )
        let database = try BackupWorld.open(disk, BackupWorld.restored)
        defer { try? database.close() }
        let content = try BackupWorld.content(database)
        #expect(Set(summary.keyspaces.map(\.name)) == Set(content.keys))
        return content
    }

    @Test func `the longest name may be lost`() throws {
        let storage = SimulatedStorage(options: .judging)
        let database = try BackupWorld.open(storage)
        try database.createKeyspace(String(repeating: "n", count: 200)).put("a", "b")
        try database.close()
        var image = storage.image
        image.overwrite("/db/catalog.ibd", at: 3 * 16384 + 200, with: [UInt8](repeating: 7, count: 300))
        let content = try salvaged(image)
        #expect(
            content.keys.allSatisfy { $0.hasPrefix("lost nnn") && $0.hasSuffix("-1024.ibd") && $0.utf8.count == 200 }
        )
        #expect(content.values.map { $0[[97]] } == [[98]])
    }

    @Test func `a name with a control character is replaced`() throws {
        let storage = SimulatedStorage(options: .judging)
        let database = try BackupWorld.open(storage)
        try database.createKeyspace("k").put("a", "b")
        let catalog = database.engine.catalog
        try catalog.rename("k", "k\u{1B}", catalog.entry("k"))
        try database.close()
        let content = try salvaged(storage.image)
        #expect(content == ["renamed k-1024.ibd": [[97]: [98]]])
    }
}
