import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtSiege

/// Goal: a failed write or sync fences the database and loses nothing that was acknowledged; a full disk is an error of
/// the call and of nothing else.
/// Method: the same workload is run again and again with the fault at each of the first calls of a kind; then the disk
/// is opened as a power cut leaves it and compared with the model.
@Suite(.serialized, .timeLimit(.minutes(30))) struct FaultTests {
    /// The first calls of a kind at which it fails, here with all threads; `siege faults` has no limit.
    private static let limit = 40

    @Test("an I/O error at every write fences, and reopening recovers")
    func failedWrites() throws { try sweep(.write) }

    @Test("an I/O error at every write that grows a file fences, and reopening recovers")
    func failedGrowth() throws { try sweep(.extend) }

    @Test("an I/O error at every sync fences, and reopening recovers")
    func failedSyncs() throws { try sweep(.sync) }

    @Test("an I/O error at every sync of a directory loses nothing")
    func failedDirectorySyncs() throws { try sweep(.syncDirectory) }

    @Test("a full disk at every growth is an error of the call; the database works on")
    func fullDisk() throws {
        let counts = try FaultSweep(.extend, errno: SimulatedFault.noSpace).run(limit: Self.limit) { world, error in
            if let error { #expect(error.code == .diskFull, "\(error)") }
            return world.goOn()
        }
        print("full disk: \(counts)")
        #expect(counts.faultCount > 0)
    }

    private func sweep(_ operation: SimulatedFault.Operation) throws {
        let counts = try FaultSweep(operation, errno: SimulatedFault.inputOutputError).run(limit: Self.limit) {
            world,
            _ in
            world.recover()
        }
        print("I/O error at each \(operation.rawValue): \(counts)")
        #expect(counts.faultCount > 0)
    }
}
