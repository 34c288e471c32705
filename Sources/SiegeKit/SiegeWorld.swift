public import RedoubtSimulation
import Synchronization

/// What a workload works on: a disk, and the marks that say what must survive.
public struct SiegeWorld: Sendable {
    /// What the workload found wrong; shared by the copies of a world.
    private final class Findings: Sendable {
        let first = Mutex<String?>(nil)
    }

    /// The disk, where all that the program keeps has to be.
    public let storage: SimulatedStorage
    private let findings = Findings()

    /// Creates the world of a program that works on `storage`.
    public init(_ storage: SimulatedStorage) {
        self.storage = storage
    }

    /// Says that commit number `number`, counted from 1, is being asked for: from here on it may be found after a
    /// crash.
    public func issued(_ number: Int) {
        storage.mark(.issued(number))
    }

    /// Says that commit number `number` was acknowledged as durable: from here on it must be found after a crash.
    public func acknowledged(_ number: Int) {
        storage.mark(.acknowledged(number))
    }

    /// Puts a remark into the trace.
    public func note(_ text: String) {
        storage.mark(.note(text))
    }

    /// Says that the program was given wrong content without an error.
    ///
    /// For ``Siege/faults(_:_:indexLimit:workload:check:)``, which counts it, and takes it for a violation wherever
    /// anything is promised.
    public func wrong(_ text: String) {
        findings.first.withLock { $0 = $0 ?? "while it ran: \(text)" }
    }

    /// The first that the program said to be wrong.
    var firstWrong: String? { findings.first.withLock { $0 } }
}
