public import RedoubtSimulation

/// What a workload works on: a disk, and the marks that say what must survive.
public struct SiegeWorld: Sendable {
    /// The disk, where all that the program keeps has to be.
    public let storage: SimulatedStorage

    init(_ storage: SimulatedStorage) {
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
}
