import RedoubtCore
import RedoubtSystem
import Testing

@testable import RedoubtSimulation

/// Goal: after a failed sync programs see, and the disk keeps, what each aftermath says.
/// Method: a durable file of one byte 1 is overwritten and grown, its sync fails, and what is seen, and what is left
/// before and after a sync that succeeds, is written down; small traces for what is uncertain.
@Suite struct SyncAftermathTests {
    /// What is there after a failed sync.
    private struct Sight: Equatable {
        /// What programs see.
        var seen: [UInt8]
        /// What is left if nothing uncertain is.
        var least: [UInt8]
        /// What is left if all that is uncertain is.
        var most: [UInt8]
        /// What is left without anything uncertain once a later sync has succeeded.
        var later: [UInt8]
    }

    private static func sight(_ aftermath: SyncAftermath, failingSync: Int = 1) throws -> Sight {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try write(file, [1, 1], at: 0)
        try file.sync()
        try storage.syncDirectory("/")
        storage.inject(SimulatedFault(.sync, aftermath: aftermath))
        for number in 1...failingSync {
            try write(file, [UInt8(2 * number)], at: 0)
            try write(file, [UInt8(2 * number + 1)], at: UInt64(1 + number))
            if number < failingSync { try file.sync() }
        }
        #expect(throws: RedoubtError.self) { try file.sync() }
        func content(_ storage: SimulatedStorage) -> [UInt8] { storage.image.bytes(of: "/f") ?? [] }
        let seen = content(storage)
        let least = content(storage.powerCut(.none))
        let most = content(storage.powerCut(.all))
        try file.sync()
        return Sight(seen: seen, least: least, most: most, later: content(storage.powerCut(.none)))
    }

    @Test func `each aftermath leaves what its comment says`() throws {
        // Durable is 1 1, then 2 at the first place and 3 behind the end are written, and the sync fails.
        #expect(
            try Self.sight(.uncertain)
                == Sight(seen: [2, 1, 3], least: [1, 1], most: [2, 1, 3], later: [1, 1])
        )
        #expect(
            try Self.sight(.keptClean)
                == Sight(seen: [2, 1, 3], least: [1, 1], most: [1, 1, 0], later: [1, 1, 0])
        )
        #expect(
            try Self.sight(.keptUnallocated)
                == Sight(seen: [2, 1, 3], least: [1, 1], most: [1, 1], later: [1, 1])
        )
        #expect(
            try Self.sight(.reverted)
                == Sight(seen: [1, 1], least: [1, 1], most: [1, 1], later: [1, 1])
        )
        // The sync that is hit makes 2 and 3 durable; the next one, of 4 and 5, fails.
        #expect(
            try Self.sight(.reportedLate, failingSync: 2)
                == Sight(seen: [4, 1, 3, 5], least: [2, 1, 3], most: [2, 1, 3, 0], later: [2, 1, 3, 0])
        )
    }

    @Test func `a sync that fails late for ever fails from the second one on`() throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        storage.inject(SimulatedFault(.sync, isPermanent: true, aftermath: .reportedLate))
        try file.sync()
        for _ in 0..<3 { #expect(throws: RedoubtError.self) { try file.sync() } }
    }

    @Test(arguments: SyncAftermath.allCases) func `a later write and its sync are whole again`(
        _ aftermath: SyncAftermath
    ) throws {
        let storage = plainStorage()
        let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
        try file.sync()
        try storage.syncDirectory("/")
        storage.inject(SimulatedFault(.sync, aftermath: aftermath))
        try write(file, [1, 2, 3], at: 0)
        if aftermath == .reportedLate { try file.sync() }
        #expect(throws: RedoubtError.self) { try file.sync() }
        try write(file, [4, 5, 6], at: 0)
        try file.sync()
        #expect(storage.powerCut(.none).image.bytes(of: "/f") == [4, 5, 6])
    }

    @Test func `a trace tells the explorer what an aftermath leaves`() throws {
        // Uncertain: the first sector old or new, with the old size, the new one, and the new one with its byte.
        for (aftermath, count) in [(SyncAftermath.uncertain, 6), (.keptClean, 2), (.keptUnallocated, 1)] {
            let storage = plainStorage()
            let file = try storage.open("/f", role: .data, creating: true, readOnly: false)
            try write(file, [1], at: 0)
            try file.sync()
            try storage.syncDirectory("/")
            try write(file, [2], at: 0)
            try write(file, [3], at: 512)
            storage.inject(SimulatedFault(.sync, aftermath: aftermath))
            #expect(throws: RedoubtError.self) { try file.sync() }
            var state = DurabilityState(DiskImage(), keepsHash: true)
            for event in storage.trace { state.record(event) }
            let places = UncertainPlaces(state)
            var names = UncertainPlaces.Names()
            var found: Set<[UInt8]> = []
            StateSpace(places, CrashExplorer.Options()).forEach { choice, _ in
                found.insert(places.image(choice, &names).bytes(of: "/f") ?? [])
            }
            #expect(found.count == count, "\(aftermath)")
        }
    }

    @Test func `a failed sync of a directory is recorded, and covers no name`() throws {
        let storage = plainStorage()
        _ = try storage.open("/f", role: .data, creating: true, readOnly: false)
        storage.inject(SimulatedFault(.syncDirectory))
        #expect(throws: RedoubtError.self) { try storage.syncDirectory("/") }
        #expect(storage.powerCut(.none).image.paths == [] && storage.powerCut(.all).image.paths == ["/f"])
        #expect(storage.trace.contains { "\($0)" == "sync of directory / failed" })
        // Names are a journal's.
        try storage.syncDirectory("/")
        #expect(storage.powerCut(.none).image.paths == ["/f"])
    }

    @Test func `what a durable write covers in part of an older one leaves the rest uncertain`() {
        var state = DurabilityState(DiskImage())
        state.record(.change(.create(path: "/f", file: 0)))
        state.record(.syncDirectory(path: "/"))
        state.record(.change(.extend(file: 0, size: 2048)))
        state.record(.sync(file: 0))
        state.record(.change(.write(file: 0, offset: 0, bytes: [UInt8](repeating: 1, count: 2048))))
        state.record(.syncFailed(file: 0))
        state.record(.change(.write(file: 0, offset: 512, bytes: [UInt8](repeating: 2, count: 512))))
        state.record(.sync(file: 0))
        let all = state.image(after: .all).bytes(of: "/f") ?? []
        let none = state.image(after: .none).bytes(of: "/f") ?? []
        #expect(stride(from: 0, to: 2048, by: 512).map { all[$0] } == [1, 2, 1, 1])
        #expect(stride(from: 0, to: 2048, by: 512).map { none[$0] } == [0, 2, 0, 0])
    }
}
