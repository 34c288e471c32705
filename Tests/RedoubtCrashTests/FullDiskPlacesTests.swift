import Redoubt
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtSiege

/// Goal: wherever the disk turns out to be full, calls end with a typed error, reads and the threads of the engine go
/// on, and everything works again, without reopening, when there is space; nothing is lost.
/// Method: each place of the list on a simulated disk with all threads, before and after a power cut.
@Suite(.timeLimit(.minutes(20))) struct FullDiskPlacesTests {
    /// Where space is missing.
    enum Place: CaseIterable, Sendable {
        case page, copy, copyFile, redo, redoSize, fileGrowth, newFile, dump

        /// What fails.
        var faults: [(SimulatedFault.Operation, FileRole)] {
            switch self {
            case .page: [(.write, .data)]
            case .copy: [(.write, .doublewrite)]
            case .copyFile: [(.create, .doublewrite), (.extend, .doublewrite)]
            case .redo: [(.write, .redo)]
            case .redoSize: [(.extend, .redo)]
            case .fileGrowth: [(.extend, .data)]
            case .newFile: [(.create, .data)]
            case .dump: [(.create, .control), (.extend, .control), (.write, .control)]
            }
        }

        /// What the call that needs the space ends with; nil where no call does.
        var code: RedoubtError.Code? {
            switch self {
            case .copyFile: nil
            case .redo: .notDurable
            default: .diskFull
            }
        }
    }

    private static func trigger(_ place: Place, _ database: Database, _ turn: Int) throws(RedoubtError) {
        let keyspace = try database.keyspace(named: "k")
        switch place {
        case .page, .copy:
            try keyspace.put(Array("row 1".utf8), value(turn))
            try database.checkpoint()
        case .copyFile:
            // LRU flushers have files of their own.
            try database.change { $0.flushing.policy = turn == 0 ? .perconaLRU : .redoubt }
            Scheduling.sleep(microseconds: 1_500_000)
        case .redo: try keyspace.put(Array("row 1".utf8), value(turn))
        case .redoSize: try database.change { $0.redoLog.capacity = .mebibytes(4) }
        case .fileGrowth:
            let large = [UInt8](repeating: 1, count: 100_000)
            for number in 0..<40 { try keyspace.put(Array("large \(number)".utf8), large) }
        case .newFile: _ = try database.createKeyspace("other")
        case .dump: _ = try database.dumpPool()
        }
    }

    private static func value(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number % 251), count: 900) }

    @Test(arguments: Place.allCases)
    func `a full disk is an error of the call that needs space, and passes by itself`(place: Place) throws {
        let storage = SimulatedStorage()
        let outcome = SimulatedScheduler(seed: CrashBudget.seed).run { () -> Result<Void, any Error> in
            Result { try run(place, storage) }
        }
        try outcome.get()
        #expect(FlushTrace(storage).breaches.prefix(3) == [])
    }

    private func run(_ place: Place, _ storage: SimulatedStorage) throws {
        let database = try EngineClient.open(storage)
        let keyspace = try database.createKeyspace("k")
        for number in 0..<300 { try keyspace.put(Array("row \(number)".utf8), Self.value(number)) }
        let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
        for (operation, role) in place.faults {
            storage.inject(SimulatedFault(operation, role: role, isPermanent: true, effect: full))
        }
        #expect(code { () throws(RedoubtError) in try Self.trigger(place, database, 0) } == place.code)
        for number in stride(from: 2, to: 300, by: 7) {
            #expect(try keyspace.get(Array("row \(number)".utf8)) == Self.value(number))
        }
        if place == .redo {
            let second = code { () throws(RedoubtError) in try keyspace.put(Array("row 2".utf8), Self.value(5)) }
            #expect(second == .diskFull)
            #expect(code { () throws(RedoubtError) in try database.flush() } == .notDurable)
        } else {
            try keyspace.put(Array("row 2".utf8), Self.value(5))
        }
        storage.removeFaults()
        // The writes that waited are made by themselves, within a try or two.
        Scheduling.sleep(microseconds: 300_000)
        #expect(code { () throws(RedoubtError) in try Self.trigger(place, database, 1) } == nil)
        try keyspace.put(Array("row 2".utf8), Self.value(6))
        let expected = try EngineClient.content(of: database)
        let disk = storage.powerCut(.none)
        try database.checkpoint()
        #expect(try database.check().isEmpty)
        try database.close()
        let recovered = try EngineClient.open(disk)
        #expect(try EngineClient.content(of: recovered) == expected)
        #expect(expected["k"]?[Array("row 2".utf8)] == Self.value(6))
        try recovered.close()
        #expect(FlushTrace(disk).breaches.prefix(3) == [])
    }
}
