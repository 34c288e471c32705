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
        /// It fails with this errno. Half of the sectors of a failed write are on the disk; what a failed sync leaves
        /// is said by ``SimulatedFault/aftermath``.
        case failure(errno: Int32)
        /// A write is cut in two transfers, as after a short count; the call succeeds. No effect on other calls.
        case shortTransfer
        /// It does what it should, and returns so many microseconds of virtual time later.
        ///
        /// Other threads see what it did meanwhile. A queued write is handed back as ended so much later, behind
        /// others that were submitted after it; a queued read holds up who collects it. Without a simulated scheduler
        /// nothing is different.
        case delay(microseconds: Int)
        /// A write is acknowledged and never reaches the disk: the bytes are what they were, for programs as well, and
        /// no sync is to blame.
        ///
        /// A file that it should make longer has the new size, with zeros. A sync, of a file or a directory, is
        /// acknowledged and covers nothing. No effect on other calls.
        case lost
        /// A write lands elsewhere in the same file, as a whole and within its size, and what it was meant for is as
        /// ``lost`` leaves it; a read returns what stands elsewhere.
        ///
        /// The place is drawn: a multiple of the length of the transfer, or of the alignment of the file (of
        /// ``StorageFile/atomicWriteUnit`` for a write in one piece). In a file that has no other place a write is lost
        /// and a read right. No effect on other calls.
        case misdirected
        /// One drawn bit is the other way round: of a write in what is stored, of a read in what is returned, while the
        /// disk is right. No effect on other calls.
        case bitFlip
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
    /// What a sync of a file leaves that this fault fails.
    ///
    /// The default is `.uncertain`. Ignored for other calls and other effects.
    public var aftermath = SyncAftermath.uncertain
    /// The seed of the bit and of the place that an effect draws, for each call anew.
    ///
    /// The default is 1.
    public var seed: UInt64 = 1

    /// Creates a fault for the matching call number `skipCount`, counted from 0 from when it is injected.
    public init(
        _ operation: Operation,
        role: FileRole? = nil,
        skipping skipCount: Int = 0,
        isPermanent: Bool = false,
        effect: Effect = .failure(errno: SimulatedFault.inputOutputError),
        aftermath: SyncAftermath = .uncertain,
        seed: UInt64 = 1
    ) {
        self.operation = operation
        self.role = role
        self.skipCount = skipCount
        self.isPermanent = isPermanent
        self.effect = effect
        self.aftermath = aftermath
        self.seed = seed
    }
}
