import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

/// Goal: the simulated page cache is caught in the middle of a change to what is dirty, and never of what is clean.
/// Method: one sector written twice, with a sync between or around; all that power cuts leave of it.
@Suite(.timeLimit(.minutes(20))) struct CachedSectorsTests {
    private static func newFile(_ storage: SimulatedStorage) throws -> any StorageFile {
        let file = try storage.open("/redo", role: .redo, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        try file.extendByWriting(to: 4096)
        try file.sync()
        return file
    }

    private static func fill(_ file: any StorageFile, _ byte: UInt8) throws {
        let bytes = [UInt8](repeating: byte, count: 512)
        try unsafe bytes.withUnsafeBytes { try unsafe file.writeCached($0, at: 0) }
    }

    /// The first and the last byte of the sector after power cuts with many seeds.
    private static func found(_ storage: SimulatedStorage) -> Set<[UInt8]> {
        var found: Set<[UInt8]> = []
        for seed in UInt64(0)..<200 {
            let bytes = storage.powerCut(PowerCut(.seeded(seed))).image.bytes(of: "/redo") ?? []
            found.insert([bytes.first ?? 99, bytes.dropFirst(511).first ?? 99])
        }
        return found
    }

    @Test func `a clean sector changes as a whole, a dirty one may be caught`() throws {
        let storage = SimulatedStorage()
        let file = try Self.newFile(storage)
        try Self.fill(file, 1)
        #expect(Self.found(storage) == [[0, 0], [1, 1]])
        try Self.fill(file, 2)
        #expect(Self.found(storage) == [[0, 0], [1, 1], [2, 1], [2, 2]])
        try file.sync()
        #expect(Self.found(storage) == [[2, 2]])
        try Self.fill(file, 3)
        #expect(Self.found(storage) == [[2, 2], [3, 3]])
    }

    @Test func `a sync may leave the half of a change that is made meanwhile`() throws {
        var seen: Set<Set<[UInt8]>> = []
        for seed in UInt64(1)...30 {
            let outcome = SimulatedScheduler(seed: seed).run { () -> Result<Set<[UInt8]>, any Error> in
                Result {
                    let storage = SimulatedStorage()
                    let file = try Self.newFile(storage)
                    try Self.fill(file, 1)
                    let thread = try Scheduling.start("sync") { try? file.sync() }
                    try Self.fill(file, 2)
                    Scheduling.join(thread)
                    return Self.found(storage)
                }
            }
            seen.insert(try outcome.get())
        }
        // The change came first, or within the sync, or after it.
        #expect(seen.contains([[2, 2]]))
        #expect(seen.contains([[2, 1], [2, 2]]))
        #expect(seen.contains([[1, 1], [2, 2]]))
    }
}
