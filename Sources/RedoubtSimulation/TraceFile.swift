public import RedoubtCore

/// A recorded run, in memory or in a file: the disk it began with, every event with its bytes, and the crash that it
/// was kept for.
///
/// ## The file
/// Numbers are little-endian. A string is its length in bytes (4) and UTF-8. A sector is named by a number: 0 is all
/// zeros, n is number n - 1 of those stored, so that equal sectors are there once.
///
///     offset  size
///     0       8     "SIEGETRC"
///     8       4     format version: 1
///     12      4     CRC-32C of all that follows
///     16      8     seed
///     24            text, a string
///                   sectors stored (4); of each 512 bytes
///                   files of the disk at the start (4); of each: size (8), pages that are not zero (4), and of each
///                   of these: number (4), 32 sectors (4 each); a page has 16384 bytes
///                   directories (4); of each the path, a string
///                   names (4); of each the path, a string, and the number of the file (4)
///                   events (4); of each the kind (1) and what it says
///                   1 if there is a crash, else 0 (1); then the cut and the finding, strings, and the least and the
///                   most commits allowed (8 each)
///
///     kind  event             what it says
///     1     change            the change
///     2     start of a write  the change
///     3     finish            number of the event that started it (4)
///     4     sync              file (4)
///     5     failed sync       file (4)
///     6     directory sync    path, a string
///     7     issued            commit (8)
///     8     acknowledged      commit (8)
///     9     note              a string
///     10    abandoned sync    file (4); the aftermath's name, a string
///     11    directory sync    path, a string: it failed
///
///     first byte  change            what follows
///     1           write             file (4), offset (8), length (4), its sectors from the offset on (4 each)
///     2           atomic write      the same
///     3           extend            file (4), size (8)
///     4           truncate          file (4), size (8)
///     5           create            path, a string; file (4)
///     6           remove            path, a string
///     7           rename            source and target, strings; file (4)
///     8           make a directory  path, a string
///
/// Files are numbered in the order in which they were made, those of the disk at the start first. No reader trusts a
/// number: contents of more than ``contentMaximum`` bytes, and files of more than ``sizeMaximum`` bytes together, are
/// errors.
public struct TraceFile: Sendable {
    /// The format that is written.
    public static let formatVersion: UInt32 = 1
    /// The most bytes of a file, and the most that the writes in it hold, repeated sectors included: 1 GiB.
    public static let contentMaximum = 1 << 30
    /// The most bytes of all files of the disk together, holes included: 64 GiB.
    public static let sizeMaximum: UInt64 = 64 << 30

    /// A power cut, and what was wrong after it.
    public struct Crash: Sendable, Hashable {
        /// When the power was cut, and what the disk kept.
        public var cut: CrashCut
        /// What recovery did or said.
        public var finding: String
        /// The commits of which the content could have been found: those acknowledged, and those issued.
        public var allowed: ClosedRange<Int>

        /// Creates a crash.
        public init(cut: CrashCut, finding: String, allowed: ClosedRange<Int>) {
            self.cut = cut
            self.finding = finding
            self.allowed = allowed
        }

        /// Creates the crash that `failure` tells of.
        public init(_ failure: CrashFailure) {
            self.init(cut: failure.cut, finding: failure.message, allowed: failure.allowed)
        }
    }

    /// The seed that the run followed from.
    public var seed: UInt64
    /// What was run, in words.
    public var text: String
    /// The disk at the start, all of it durable.
    public var start: DiskImage
    /// Everything that happened, in order; an event's number is its position.
    public var events: [SimulatedEvent]
    /// The crash that the run is kept for; nil if there is none.
    public var crash: Crash?

    /// Creates a trace of `events` on `start`.
    public init(
        seed: UInt64,
        text: String = "",
        start: DiskImage,
        events: [SimulatedEvent],
        crash: Crash? = nil
    ) {
        self.seed = seed
        self.text = text
        self.start = start
        self.events = events
        self.crash = crash
    }

    /// Creates the trace that `storage` recorded.
    public init(_ storage: SimulatedStorage, seed: UInt64, text: String = "", crash: Crash? = nil) {
        self.init(seed: seed, text: text, start: storage.startImage, events: storage.trace, crash: crash)
    }

    /// What became of every uncertain change in the crash; nil if there is no crash, or none that fits the events.
    public var scene: CrashScene? { crash?.cut.scene(start: start, trace: events) }

    /// The disk after the crash; nil if there is no crash, or none that fits the events.
    public var crashedDisk: DiskImage? { crash?.cut.disk(start: start, trace: events) }

    /// Writes the trace to a file at `path`, replacing what is there.
    ///
    /// Waits for the disk.
    ///
    /// - Precondition: the trace is within ``contentMaximum`` and ``sizeMaximum``, or it cannot be read again.
    public func write(to path: String) throws(RedoubtError) {
        try WholeFile.write(encoded(), to: path)
    }

    /// Returns the trace in the file at `path`.
    ///
    /// Waits for the disk.
    public static func read(_ path: String) throws(TraceFileError) -> TraceFile {
        let bytes: [UInt8]?
        do throws(RedoubtError) {
            bytes = try WholeFile.read(path, limit: contentMaximum)
        } catch {
            throw .unreadable(error)
        }
        guard let bytes else { throw .tooLarge }
        return try TraceFile(decoding: bytes)
    }
}

/// Why bytes are not a trace.
public enum TraceFileError: Error, Sendable, CustomStringConvertible {
    /// The file cannot be read.
    case unreadable(RedoubtError)
    /// It does not begin as traces do.
    case notATrace
    /// A newer version wrote it; the format is the number.
    case newerFormat(UInt32)
    /// It was cut short, or its bytes are not those that were written.
    case damaged
    /// What stands at byte `offset` means nothing.
    case meaningless(offset: Int, String)
    /// It holds more than ``TraceFile/contentMaximum`` or ``TraceFile/sizeMaximum``.
    case tooLarge

    /// What is wrong, and what to do.
    public var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .notATrace: "the file is not a trace"
        case .newerFormat(let version):
            "the trace has format \(version), this program knows up to \(TraceFile.formatVersion); use a newer one"
        case .damaged: "the trace is cut short or damaged; record it again"
        case .meaningless(let offset, let what): "the trace makes no sense at byte \(offset): \(what)"
        case .tooLarge: "the trace holds more than can be taken into memory"
        }
    }
}
