public import RedoubtCore
public import RedoubtSystem
import Synchronization

/// A file system in memory whose power can be cut, whose calls can fail, and which records what is done to it.
///
/// Every call may come from any thread. In a simulated schedule each call is a point where the schedule may change.
/// Power cuts never happen to a running engine: they are applied to the recorded ``trace`` (``CrashExplorer``), or to
/// what the disk holds once the engine is closed or forgotten (``powerCut(_:)``).
public final class SimulatedStorage: Storage {
    /// How a simulated storage behaves.
    public struct Options: Sendable {
        /// The alignment of memory, offset and length in bytes for data, redo and doublewrite files; 1 for none.
        ///
        /// The default is 512. A call that is not aligned fails with EINVAL, as with O_DIRECT.
        public var alignment = 512
        /// Whether ``SimulatedStorage/trace`` is recorded.
        ///
        /// The default is true.
        public var isRecording = true
        /// Whether it is kept which changes are durable, which ``SimulatedStorage/powerCut(_:)`` needs.
        ///
        /// The default is true.
        public var tracksDurability = true
        /// Whether queued transfers end in a seeded order, late, instead of at once.
        ///
        /// The default is false.
        public var reordersCompletions = false
        /// The seed of the order of completions.
        public var seed: UInt64 = 1
        /// The bytes that all files together may have; nil for no limit.
        public var quota: UInt64?
        /// The virtual time that a call takes in a simulated schedule, in microseconds.
        ///
        /// The default is 0.
        public var latencyMicroseconds = 0
        /// The bytes of an aligned write to a data file that is made whole or not at all when that is asked for; 0 for
        /// none.
        ///
        /// The default is 0: such a write fails with EOPNOTSUPP.
        public var atomicWriteUnit = 0
        /// Whether a power cut tears such writes all the same: a device that does not do what it says.
        ///
        /// The default is false.
        public var tearsAtomicWrites = false
        /// Whether redo files can be written through a page cache, whose pages a device may take while they change.
        ///
        /// The default is true.
        public var takesCachedWrites = true
        /// The process id of the lock holder that errors give.
        public var processID: Int32 = 4242

        /// Creates the default options.
        public init() {}

        /// Options for judging a crash state: nothing is recorded.
        public static let judging = {
            var options = Options()
            options.isRecording = false
            options.tracksDurability = false
            return options
        }()
    }

    /// The options that it was made with.
    public let options: Options
    // Held for the length of one copy of bytes, and never across a blocking point.
    private let world: Mutex<World>

    /// Creates a disk that durably holds `image`.
    public init(_ image: DiskImage = DiskImage(), options: Options = Options()) {
        self.options = options
        world = Mutex(World(image, options: options))
    }

    private init(_ world: World, _ options: Options) {
        self.options = options
        self.world = Mutex(world)
    }

    /// Runs `body` with the world, alone.
    func withWorld<Result: Sendable>(
        _ body: (inout World) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        let (result, delay) = world.withLock { (world: inout sending World) in Self.outcome(&world, body) }
        pause(delay)
        return try result.get()
    }

    /// Returns what `body` came to, and how much later the call is to return.
    private static func outcome<Result: Sendable>(
        _ world: inout World,
        _ body: (inout World) throws(RedoubtError) -> Result
    ) -> (Swift.Result<Result, RedoubtError>, delay: Int) {
        do throws(RedoubtError) {
            let result = try body(&world)
            return (.success(result), world.takeDelay())
        } catch {
            return (.failure(error), world.takeDelay())
        }
    }

    /// Lets the virtual time pass that a delayed call takes longer.
    private func pause(_ microseconds: Int) {
        if microseconds > 0 && Scheduling.isSimulated { Scheduling.sleep(microseconds: microseconds) }
    }

    /// Runs `body`, which cannot fail, with the world, alone.
    func inspect<Result: Sendable>(_ body: (inout World) -> Result) -> Result {
        world.withLock { (world: inout sending World) -> Result in body(&world) }
    }

    // What tests ask for.

    /// What running programs see on the disk.
    public var image: DiskImage { inspect { $0.image } }

    /// The disk as it was when recording began.
    public var startImage: DiskImage { inspect { $0.start } }

    /// Everything that happened, in order.
    public var trace: [SimulatedEvent] { inspect { $0.trace } }

    /// Ends the ``trace``: what happens from now on is not in it.
    public func stopRecording() {
        inspect { $0.isRecording = false }
    }

    /// Puts a mark into the order of events.
    public func mark(_ mark: SimulatedMark) {
        inspect { _ = $0.record(.mark(mark)) }
    }

    /// Returns a disk with what running programs see on this one: what a kill of the process leaves.
    public func copy() -> SimulatedStorage { SimulatedStorage(image, options: options) }

    /// Returns a disk as a kill of the process now leaves this one: the system ends the writes under way, and no more
    /// is durable than before.
    ///
    /// The ``trace`` goes on, so that the power can be cut before or after the kill. What the
    /// killed process does from now on happens to the old disk.
    ///
    /// - Precondition: the options track durability.
    public func killed() -> SimulatedStorage {
        var world = inspect { $0 }
        guard let unfinished = world.durability?.unfinished else {
            preconditionFailure("a kill with a storage that does not track what is durable")
        }
        for write in unfinished {
            world.apply(write.change)
            world.record(.finish(sequence: write.sequence))
        }
        world.forgetProcess()
        return SimulatedStorage(world, options)
    }

    /// Returns a disk as a power cut now would leave this one.
    ///
    /// - Precondition: the options track durability.
    public func powerCut(_ cut: PowerCut = .none) -> SimulatedStorage {
        guard let durability = inspect({ $0.durability }) else {
            preconditionFailure("a power cut of a storage that does not track what is durable")
        }
        return SimulatedStorage(durability.image(after: cut), options: options)
    }

    /// The commits that must be found after a power cut now, and those that may be, as marks have said.
    ///
    /// - Precondition: the options track durability.
    public var markedCommits: ClosedRange<Int> {
        guard let durability = inspect({ $0.durability }) else {
            preconditionFailure("marks of a storage that does not track what is durable")
        }
        return durability.acknowledged...max(durability.acknowledged, durability.issued)
    }

    /// The changes that a power cut now could undo.
    public var unsyncedChangeCount: Int { inspect { $0.durability?.pendingCount ?? 0 } }

    /// Adds a fault, counted from now.
    public func inject(_ fault: SimulatedFault) {
        inspect { $0.faults.inject(fault) }
    }

    /// Forgets the faults that have not fired, and the permanent ones.
    public func removeFaults() {
        inspect { $0.faults.removeAll() }
    }

    /// The calls that a fault has affected.
    public var firedFaultCount: Int { inspect { $0.faults.firedCount } }

    /// Returns the calls of a kind made so far.
    public func callCount(_ operation: SimulatedFault.Operation) -> Int {
        inspect { $0.faults.callCount(operation) }
    }

    /// Limits the bytes that all files together may have; nil for no limit.
    public func setQuota(_ quota: UInt64?) {
        inspect { $0.quota = quota }
    }

    // Storage.

    /// Opens or creates a file in memory.
    public func open(
        _ path: String,
        role: FileRole,
        creating: Bool,
        readOnly: Bool
    ) throws(RedoubtError) -> any StorageFile {
        schedulePoint()
        let name = DiskImage.normalized(path)
        let file = try withWorld { (world: inout World) throws(RedoubtError) -> Int in
            try world.check(creating ? .create : .open, role: role, path: path, call: "open")
            if let file = world.image.file(at: name) {
                if creating { throw failure("open", path, errno: 17) }
                return file
            }
            guard creating, world.image.isDirectory(DiskImage.parent(of: name)), !world.image.isDirectory(name) else {
                throw failure("open", path, errno: 2)
            }
            let file = world.image.newFile()
            world.change(.create(path: name, file: file))
            return file
        }
        return SimulatedFile(storage: self, number: file, path: path, role: role, isReadOnly: readOnly)
    }

    /// Returns whether there is a file or directory at `path`.
    public func exists(_ path: String) throws(RedoubtError) -> Bool {
        schedulePoint()
        return inspect { $0.image.file(at: path) != nil || $0.image.isDirectory(path) }
    }

    /// Returns the names in a directory, sorted.
    public func list(_ directory: String) throws(RedoubtError) -> [String] {
        schedulePoint()
        return try withWorld { (world: inout World) throws(RedoubtError) -> [String] in
            guard world.image.isDirectory(directory) else { throw failure("list", directory, errno: 2) }
            return world.image.names(in: directory)
        }
    }

    /// Makes a directory, and the ones above it; durable after the one above is synced.
    public func createDirectory(_ path: String) throws(RedoubtError) {
        schedulePoint()
        let name = DiskImage.normalized(path)
        try withWorld { (world: inout World) throws(RedoubtError) in
            var missing: [String] = []
            var place = name
            while !world.image.isDirectory(place) {
                if world.image.file(at: place) != nil { throw failure("mkdir", place, errno: 20) }
                missing.append(place)
                place = DiskImage.parent(of: place)
            }
            for directory in missing.reversed() { world.change(.createDirectory(path: directory)) }
        }
    }

    /// Makes the entries of a directory durable.
    public func syncDirectory(_ path: String) throws(RedoubtError) {
        schedulePoint()
        let name = DiskImage.normalized(path)
        try withWorld { (world: inout World) throws(RedoubtError) in
            guard world.image.isDirectory(name) else { throw failure("fsync", path, errno: 2) }
            let hit: FaultPlan.Hit?
            do throws(RedoubtError) {
                hit = try world.check(.syncDirectory, role: nil, path: path, call: "fsync")
            } catch {
                world.record(.syncDirectoryFailed(path: name))
                throw error
            }
            if hit?.effect != .lost { world.record(.syncDirectory(path: name)) }
        }
    }

    /// Removes a file.
    public func remove(_ path: String) throws(RedoubtError) {
        schedulePoint()
        let name = DiskImage.normalized(path)
        try withWorld { (world: inout World) throws(RedoubtError) in
            try world.check(.entry, role: nil, path: path, call: "unlink")
            guard world.image.file(at: name) != nil else { throw failure("unlink", path, errno: 2) }
            world.change(.remove(path: name))
        }
    }

    /// Renames a file, replacing what is there.
    public func rename(_ source: String, to target: String) throws(RedoubtError) {
        schedulePoint()
        let from = DiskImage.normalized(source)
        let into = DiskImage.normalized(target)
        try withWorld { (world: inout World) throws(RedoubtError) in
            try world.check(.entry, role: nil, path: source, call: "rename")
            guard let file = world.image.file(at: from), world.image.isDirectory(DiskImage.parent(of: into)) else {
                throw failure("rename", source, errno: 2)
            }
            world.change(.rename(source: from, target: into, file: file))
        }
    }

    /// Takes a lock that lasts until the result is released, in this storage only.
    public func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable {
        schedulePoint()
        let name = DiskImage.normalized(path)
        let processID = options.processID
        try withWorld { (world: inout World) throws(RedoubtError) in
            guard world.image.isDirectory(DiskImage.parent(of: name)) else { throw failure("lock", path, errno: 2) }
            guard world.heldLocks.insert(name).inserted else {
                throw RedoubtError(
                    .alreadyOpen,
                    "the database is open in process \(processID); close it there first",
                    path: path
                )
            }
        }
        return SimulatedLock(storage: self, path: name)
    }

    /// Makes a queue whose transfers end at once, or in a seeded order.
    public func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue {
        SimulatedQueue(storage: self, depth: depth, options: options)
    }

    /// What kind of I/O this is.
    public var status: String { "simulated" }

    /// Lets the schedule change, in a simulated one.
    func schedulePoint() {
        guard Scheduling.isSimulated else { return }
        if options.latencyMicroseconds > 0 {
            Scheduling.sleep(microseconds: options.latencyMicroseconds)
        } else {
            Scheduling.yield()
        }
    }
}

/// A held lock; released with the last reference.
private final class SimulatedLock: Sendable {
    private let storage: SimulatedStorage
    private let path: String

    init(storage: SimulatedStorage, path: String) {
        self.storage = storage
        self.path = path
    }

    deinit {
        storage.inspect { _ = $0.heldLocks.remove(path) }
    }
}

/// Returns the error that a real storage throws for `errno` of `call`.
func failure(_ call: String, _ path: String, errno: Int32) -> RedoubtError {
    let code: RedoubtError.Code =
        switch errno {
        case 28, 122, 27: .diskFull
        case 2: .missingFile
        default: call == "read" ? .readFailed : .systemCallFailed
        }
    return RedoubtError(code, "\(call) failed in the simulated storage", path: path, errno: errno)
}
