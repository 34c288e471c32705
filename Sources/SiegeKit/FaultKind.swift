public import RedoubtSimulation
public import RedoubtSystem

/// A kind of fault that is injected at one call of a workload after the other.
public struct FaultKind: Sendable, Hashable {
    /// What a program owes when a fault of a kind fires.
    public enum Promise: String, Sendable, Hashable {
        /// Nothing at all is different: no call fails, nothing is lost.
        case noEffect
        /// Calls may fail, also for ever after. Nothing that was acknowledged is lost, and what is left can be opened.
        case noLoss
        /// An error, of a call or of opening what is left, or the right content; never wrong content without an error.
        case detection
        /// Nothing: outcomes are counted.
        case nothing
    }

    /// The calls that it is about.
    public var operation: SimulatedFault.Operation
    /// Only files of this role; nil for all.
    public var role: FileRole?
    /// What happens to them.
    public var effect: SimulatedFault.Effect
    /// Whether it happens to every later call as well.
    public var isPermanent: Bool
    /// What a failed sync leaves.
    public var aftermath: SyncAftermath
    /// What is judged.
    public var promise: Promise

    /// Creates a kind of fault.
    ///
    /// - Parameter promise: What is judged; nil for what follows from the effect: nothing may be different after a
    ///   delay or a short transfer, nothing lost by an error, a flipped bit or a misdirected transfer is detected, and
    ///   lost writes are counted.
    public init(
        _ operation: SimulatedFault.Operation,
        _ effect: SimulatedFault.Effect,
        role: FileRole? = nil,
        isPermanent: Bool = false,
        aftermath: SyncAftermath = .uncertain,
        promise: Promise? = nil
    ) {
        self.operation = operation
        self.role = role
        self.effect = effect
        self.isPermanent = isPermanent
        self.aftermath = aftermath
        self.promise = promise ?? Self.promise(effect)
    }

    private static func promise(_ effect: SimulatedFault.Effect) -> Promise {
        switch effect {
        case .failure: .noLoss
        case .shortTransfer, .delay: .noEffect
        case .misdirected, .bitFlip: .detection
        case .lost: .nothing
        }
    }

    /// The fault of this kind at call `index`.
    func fault(at index: Int, seed: UInt64) -> SimulatedFault {
        SimulatedFault(
            operation,
            role: role,
            skipping: index,
            isPermanent: isPermanent,
            effect: effect,
            aftermath: aftermath,
            seed: mix(seed ^ UInt64(index))
        )
    }
}

extension FaultKind {
    /// Everything of which a program must lose nothing: errors of every call, no space for what grows or writes, syncs
    /// with each aftermath, and what must not be noticed, short transfers and delays of 50 ms.
    ///
    /// Errors are injected once and for ever.
    public static let all = errors + syncs + harmless

    /// What a device may do to bytes, in files of `role`, at one call: a flipped bit and another place, which are to be
    /// detected, and lost writes, which are counted.
    ///
    /// Not part of ``all``: the end of a log may be damaged in such a way that nobody can tell it from a write that was
    /// under way when the power went. There a program can promise to lose the end at most, never to hold anything else.
    public static func damage(_ role: FileRole? = nil, promise: Promise? = nil) -> [FaultKind] {
        var kinds: [FaultKind] = []
        for operation in [SimulatedFault.Operation.read, .write, .atomicWrite, .extend] {
            for effect in [SimulatedFault.Effect.bitFlip, .misdirected, .lost] {
                if operation == .read && effect == .lost { continue }
                kinds.append(FaultKind(operation, effect, role: role, promise: promise))
            }
        }
        return kinds
    }

    private static let error = SimulatedFault.Effect.failure(errno: SimulatedFault.inputOutputError)

    /// Errors of every call, and no space for what grows or writes.
    private static let errors: [FaultKind] = {
        let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
        return [false, true].flatMap { isPermanent in
            SimulatedFault.Operation.allCases.map { FaultKind($0, error, isPermanent: isPermanent) }
                + [.write, .extend, .create].map { FaultKind($0, full, isPermanent: isPermanent) }
        }
    }()

    /// Failed syncs with each aftermath but the one that errors have anyway.
    private static let syncs: [FaultKind] = [false, true].flatMap { isPermanent in
        SyncAftermath.allCases.filter { $0 != .uncertain }.map {
            FaultKind(.sync, error, isPermanent: isPermanent, aftermath: $0)
        }
    }

    private static let harmless: [FaultKind] =
        [.write, .extend].map { FaultKind($0, .shortTransfer) }
        + [.read, .write, .extend, .sync].map { FaultKind($0, .delay(microseconds: 50_000)) }
        + [.write, .sync].map { FaultKind($0, .delay(microseconds: 50_000), isPermanent: true) }
}

extension FaultKind: CustomStringConvertible {
    /// The kind in a few words.
    public var description: String {
        var text = "\(effect) of \(operation)"
        if let role { text += " of \(role)" }
        if operation == .sync, case .failure = effect { text += ", \(aftermath)" }
        return text + (isPermanent ? ", for ever" : "")
    }
}

/// What the runs with one kind of fault came to.
public struct FaultOutcomes: Sendable, CustomStringConvertible {
    /// The kind.
    public let kind: FaultKind
    /// The runs in which it fired.
    public var runCount = 0
    /// Those that went on as if nothing had been, and left everything that was acknowledged.
    public var survivedCount = 0
    /// Those in which a call failed, or what was left could not be opened or was found wrong, and nothing wrong was
    /// taken for right.
    public var detectedCount = 0
    /// Those that left older content without an error: commits were lost, and all before them are there.
    public var lostCount = 0
    /// Those in which content that never was, was found without an error.
    public var wrongCount = 0
    /// The first of those: the call, and what was found.
    public var firstWrong: String?

    /// Creates the outcomes of no run.
    public init(_ kind: FaultKind) {
        self.kind = kind
    }

    /// The runs in which acknowledged commits were missing, or wrong content found, without an error.
    public var undetectedCount: Int { lostCount + wrongCount }

    /// The counts in one line.
    public var description: String {
        "\(kind): \(runCount) runs, \(survivedCount) survived, \(detectedCount) detected, "
            + "\(undetectedCount) undetected (\(lostCount) older content, \(wrongCount) wrong content)"
            + (firstWrong.map { "; the first wrong: \($0)" } ?? "")
    }
}
