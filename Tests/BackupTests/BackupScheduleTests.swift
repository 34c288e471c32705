import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

/// Goal: in whatever order things happen, a backup is a prefix of the acknowledged writes that has all those from
/// before it.
///
/// Method: seeded schedules of the whole engine with all its threads, a redo log that wraps around several times, three
/// clients, a thread that makes, fills, renames and drops keyspaces, and backups over reads that are torn.
@Suite(.timeLimit(.minutes(20))) struct BackupScheduleTests {
    private static let clientCount = 3
    private static let backupCount = 3
    private static let runCount = 12

    @Test func `backups under any schedule have what was acknowledged`() throws {
        let seed = testSeed()
        var backups = 0
        var skipped = 0
        for number in 0..<Self.runCount {
            let outcome = Self.run(seed: seed &+ UInt64(number))
            #expect(outcome.violations == [], "seed \(seed &+ UInt64(number))")
            backups += outcome.backupCount
            skipped += outcome.churnCount
        }
        #expect(backups == Self.runCount * Self.backupCount)
        print("\(backups) backups, \(skipped) keyspaces came and went")
    }

    @Test(arguments: BackupFault.allCases)
    func `a backup that breaks a rule is noticed`(_ fault: BackupFault) throws {
        let seed = testSeed()
        for number in 0..<40 {
            let outcome = Self.run(seed: seed &+ UInt64(number), fault: fault)
            if let first = outcome.violations.first {
                return print("\(fault) noticed by schedule \(number + 1): \(first)")
            }
        }
        Issue.record("\(fault) was not noticed; seed \(seed)")
    }

    private struct Outcome: Sendable {
        var violations: [String] = []
        var backupCount = 0
        var churnCount = 0
    }

    private static func run(seed: UInt64, fault: BackupFault? = nil) -> Outcome {
        let storage = SimulatedStorage(options: .judging)
        let scheduler = SimulatedScheduler(seed: seed)
        return scheduler.run { work(storage, seed, fault) }
    }

    private static func work(_ storage: SimulatedStorage, _ seed: UInt64, _ fault: BackupFault?) -> Outcome {
        var outcome = Outcome()
        do throws(RedoubtError) {
            let database = try BackupWorld.open(HookedStorage.torn(storage), threads: true)
            let notes = BackupNotes()
            var threads: [EngineThread] = []
            do throws(RedoubtError) {
                try drive(database, storage, seed, fault, notes, &threads, &outcome)
            } catch {
                outcome.violations.append("\(error)")
            }
            // A world ends when all its threads have, and its database belongs to it.
            notes.end()
            for thread in threads { Scheduling.join(thread) }
            outcome.violations += notes.failures
            if outcome.violations.isEmpty { outcome.violations += try database.check().map { "after all: \($0)" } }
            try database.close()
        } catch {
            outcome.violations.append("\(error)")
        }
        return outcome
    }

    /// Starts those who change the database, makes backups meanwhile, and judges each.
    private static func drive(
        _ database: Database,
        _ storage: SimulatedStorage,
        _ seed: UInt64,
        _ fault: BackupFault?,
        _ notes: BackupNotes,
        _ threads: inout [EngineThread],
        _ outcome: inout Outcome
    ) throws(RedoubtError) {
        for name in ["a", "b"] { _ = try database.createKeyspace(name) }
        let clients = (0..<clientCount).map { BackupClient($0, in: $0 == 0 ? "b" : "a") }
        for client in clients {
            threads.append(try start("client", notes) { () throws(RedoubtError) in try client.write(database) })
        }
        let churn = BackupChurn(seed: seed)
        threads.append(try start("churn", notes) { () throws(RedoubtError) in try churn.step(database) })
        // Pages are written all the time, also those that are being copied.
        threads.append(try start("flusher", notes) { () throws(RedoubtError) in try database.checkpoint() })
        var random = SeededRandom(seed: seed)
        for number in 0..<backupCount {
            Scheduling.sleep(microseconds: 2000 + random.below(40_000))
            let from = clients.map(\.acknowledgedCount)
            let folder = "/backup \(number)"
            _ = try database.engine.backup(to: folder, verify: number == 0 && fault == nil, fault: fault)
            let ranges = zip(from, clients).map { $0...$1.issuedCount }
            outcome.backupCount += 1
            outcome.violations += try judge(storage, folder, clients, ranges).map { "backup \(number): \($0)" }
        }
        outcome.churnCount = churn.count
    }

    private static func start(
        _ name: String,
        _ notes: BackupNotes,
        _ body: @escaping @Sendable () throws(RedoubtError) -> Void
    ) throws(RedoubtError) -> EngineThread {
        try Scheduling.start(name) {
            do throws(RedoubtError) {
                while !notes.isOver {
                    try body()
                    // So that a backup has to do with some hundred changes, not with as many as there is time for.
                    Scheduling.sleep(microseconds: 400)
                }
            } catch {
                notes.add("\(name): \(error)")
            }
        }
    }

    /// Restores a backup and says what is wrong with it.
    private static func judge(
        _ storage: SimulatedStorage,
        _ folder: String,
        _ clients: [BackupClient],
        _ ranges: [ClosedRange<Int>]
    ) throws(RedoubtError) -> [String] {
        let disk = SimulatedStorage(storage.image, options: .judging)
        try Database.restore(from: folder, to: BackupWorld.restored, storage: disk)
        let database = try BackupWorld.open(disk, BackupWorld.restored)
        var violations = try database.check().map(\.description)
        for (client, range) in zip(clients, ranges) {
            if let complaint = try client.complaint(database, range) { violations.append(complaint) }
        }
        for name in try database.keyspaceNames() where name.hasPrefix("churn") {
            if let complaint = try BackupChurn.complaint(database, name) { violations.append(complaint) }
        }
        try database.close()
        return violations
    }
}
