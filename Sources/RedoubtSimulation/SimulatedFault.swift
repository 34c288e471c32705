public import RedoubtSystem

/// A fault that a simulated storage injects into a call: which call, and what happens.
public struct SimulatedFault: Sendable {
    /// The kinds of calls, each counted on its own.
    public enum Operation: String, Sendable, Hashable, CaseIterable {
        /// Opening a file that exists.
        case open
        /// Creating a file.
        case create
        /// Reading.
        case read
        /// Writing within the size of the file.
        case write
        /// Writing all or nothing.
        case atomicWrite
        /// Growing a file: by extending it, or by writing beyond its end.
        case extend
        /// Cutting a file.
        case truncate
        /// Syncing a file.
        case sync
        /// Syncing a directory.
        case syncDirectory
        /// Removing or renaming a file.
        case entry
    }

    /// What happens to the call.
    public enum Effect: Sendable, Hashable {
        /// It fails with this errno. Half of the sectors of a failed write are on the disk; a failed sync loses track
        /// of what it should have made durable, as Linux file systems do.
        case failure(errno: Int32)
        /// A write is cut in two transfers, as after a short count; the call succeeds. No effect on other calls.
        case shortTransfer
    }

    /// EIO: the device failed.
    public static let inputOutputError: Int32 = 5
    /// ENOSPC: the file system is full.
    public static let noSpace: Int32 = 28

    /// The kind of call.
    public var operation: Operation
    /// Only files of this role; nil for all.
    ///
    /// Ignored for calls about directories.
    public var role: FileRole?
    /// The matching calls that succeed first.
    public var skipCount: Int
    /// Whether every later matching call is affected as well.
    public var isPermanent: Bool
    /// What happens.
    public var effect: Effect

    /// Creates a fault for the matching call number `skipCount`, counted from 0 from when it is injected.
    public init(
        _ operation: Operation,
        role: FileRole? = nil,
        skipping skipCount: Int = 0,
        isPermanent: Bool = false,
        effect: Effect = .failure(errno: SimulatedFault.inputOutputError)
    ) {
        self.operation = operation
        self.role = role
        self.skipCount = skipCount
        self.isPermanent = isPermanent
        self.effect = effect
    }
}

/// The faults of a world, and how often each kind of call was made.
struct FaultPlan: Sendable {
    private var faults: [SimulatedFault] = []
    private var callCounts = [Int](repeating: 0, count: SimulatedFault.Operation.allCases.count)
    private(set) var firedCount = 0

    mutating func inject(_ fault: SimulatedFault) {
        faults.append(fault)
    }

    mutating func removeAll() {
        faults.removeAll()
    }

    func callCount(_ operation: SimulatedFault.Operation) -> Int {
        callCounts[Self.index(operation)]
    }

    /// Counts a call, and returns what happens to it.
    mutating func next(_ operation: SimulatedFault.Operation, role: FileRole?) -> SimulatedFault.Effect? {
        callCounts[Self.index(operation)] += 1
        var effect: SimulatedFault.Effect?
        for index in faults.indices.reversed() {
            let fault = faults[index]
            guard fault.operation == operation, fault.role == nil || role == nil || fault.role == role else { continue }
            if fault.skipCount > 0 {
                faults[index].skipCount -= 1
                continue
            }
            effect = fault.effect
            if !fault.isPermanent { faults.remove(at: index) }
        }
        if effect != nil { firedCount += 1 }
        return effect
    }

    private static func index(_ operation: SimulatedFault.Operation) -> Int {
        SimulatedFault.Operation.allCases.firstIndex(of: operation) ?? 0
    }
}
