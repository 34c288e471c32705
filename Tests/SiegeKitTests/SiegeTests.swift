import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Synchronization
import Testing

/// Goal: a siege as a user writes it finds every mistake of a small store and none in a right one, and calls nothing
/// good that it could not have judged. Method: a store with planted mistakes, and a database.
@Suite(.timeLimit(.minutes(20))) struct SiegeTests {
    private static func budget() -> SiegeBudget {
        var budget = SiegeBudget()
        budget.world = .oneThread
        budget.checkingWorld = .oneThread
        return budget
    }

    @Test(arguments: LogStore.Mistake.allCases) func `power cuts find what a store does wrong`(
        _ mistake: LogStore.Mistake
    ) throws {
        let verdict = try Siege.powerCuts(Self.budget()) { world in
            try LogStore.write(world, mistake)
        } check: { disk in
            [try LogStore.recover(disk, mistake)]
        }
        let isVisible = mistake != .none && mistake != .ignoredError
        #expect(verdict.isGood == !isVisible, "\(verdict)")
        #expect((verdict.violationCount > 0) == isVisible)
        #expect(verdict.stateCount > 20 && verdict.pointCount > 10)
        // A store that never syncs is wrong whatever the disk does.
        #expect(verdict.canaries.allSatisfy { $0.caughtAfter != nil })
    }

    @Test(arguments: [LogStore.Mistake.none, .ignoredError]) func `faults find an error that is not looked at`(
        _ mistake: LogStore.Mistake
    ) throws {
        let verdict = try Siege.faults(Self.budget()) { world in
            try LogStore.write(world, mistake)
        } check: { disk in
            [try LogStore.recover(disk, mistake)]
        }
        #expect(verdict.isGood == (mistake == .none), "\(verdict)")
        #expect(verdict.faultRunCount > 50)
    }

    @Test func `a check that finds everything right is found out`() throws {
        let verdict = try Siege.powerCuts(Self.budget()) { world in
            try LogStore.write(world, .none)
        } check: { _ in
            Array(0...LogStore.count)
        }
        #expect(verdict.violationCount == 0 && !verdict.isGood, "\(verdict)")
        let faults = try Siege.faults(Self.budget()) { world in
            try LogStore.write(world, .none)
        } check: { _ in
            Array(0...LogStore.count)
        }
        #expect(faults.violationCount == 0 && !faults.isGood, "\(faults)")
    }

    @Test func `a workload that acknowledges nothing is not called good`() throws {
        let verdict = try Siege.powerCuts(Self.budget()) { world in
            _ = try world.storage.open("/f", role: .control, creating: true, readOnly: false)
        } check: { _ in
            [0]
        }
        #expect(verdict.violationCount == 0 && !verdict.isGood, "\(verdict)")
    }

    @Test func `what stops a workload is thrown`() {
        #expect(throws: RedoubtError.self) {
            try Siege.powerCuts(Self.budget()) { world in
                _ = try world.storage.open("/none", role: .data, creating: false, readOnly: true)
            } check: { _ in
                [0]
            }
        }
    }

    @Test func `a database keeps every row that it acknowledged`() throws {
        var budget = SiegeBudget()
        budget.statesPerPoint = 3
        var small = Configuration()
        small.memory = .mebibytes(8)
        small.redoLog.capacity = .mebibytes(2)
        small.redoLog.bufferCapacity = .kibibytes(256)
        let configuration = small
        let verdict = try Siege.powerCuts(budget) { world in
            let database = try Database.open(at: "/db", configuration: configuration, storage: world.storage)
            let rows = try database.createKeyspace("rows")
            for number in 1...12 {
                world.issued(number)
                try rows.put("row \(number)", [UInt8](repeating: UInt8(number), count: 700), durability: .flushed)
                world.acknowledged(number)
            }
            try database.close()
        } check: { disk in
            let database = try Database.open(at: "/db", configuration: configuration, storage: disk)
            var count = 0
            if try database.keyspaceNames().contains("rows") {
                let rows = try database.keyspace(named: "rows")
                while count < 12, try rows.get("row \(count + 1)") != nil { count += 1 }
                for number in count + 2..<14 where try rows.get("row \(number)") != nil { return [99] }
            }
            try database.close()
            return [count]
        }
        print("siege of a database: \(verdict)")
        #expect(verdict.isGood, "\(verdict)")
        #expect(verdict.stateCount > 100)
    }
}
