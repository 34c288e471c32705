import RedoubtCore
import RedoubtSystem
import Synchronization

/// The thread that writes the shared statistics file, five times a second, from the first moment of an opening to the
/// end of the close.
///
/// It reads counters and writes a few KiB through the page cache; it never syncs, and takes no lock for long. That the
/// file cannot be made or written is no reason not to open: then there is none.
///
/// After each image it asks who listens, such as whoever looks for requests of other processes.
///
/// The file is written, not mapped: to a process that has mapped it, a file that somebody else cuts short is fatal.
final class StatisticsPublisher: Sendable {
    /// The time between two images.
    static let intervalMilliseconds = 200

    private let source: StatisticsSource
    private let storage: any Storage
    private let file: any StorageFile
    private let stopping = Atomic<Bool>(false)
    private let wake = Event()
    private let thread = Mutex<EngineThread?>(nil)

    private init(_ source: StatisticsSource, _ storage: any Storage, _ file: any StorageFile) {
        self.source = source
        self.storage = storage
        self.file = file
    }

    /// Makes the file, in place of one that a crash left, and starts the thread; nil if that is not possible.
    static func start(
        _ source: StatisticsSource,
        storage: any Storage,
        directory: String
    ) -> StatisticsPublisher? {
        let path = DatabaseFiles.path(directory, StatisticsImage.fileName)
        do throws(RedoubtError) {
            if try storage.exists(path) { try storage.remove(path) }
            let file = try storage.open(path, role: .control, creating: true, readOnly: false)
            let publisher = StatisticsPublisher(source, storage, file)
            let thread = try Scheduling.startBackground("statistics") { publisher.run() }
            publisher.thread.withLock { $0 = thread }
            return publisher
        } catch {
            return nil
        }
    }

    /// Ends the thread and removes the file; no effect the second time.
    ///
    /// Waits.
    func stop() {
        stopping.store(true, ordering: .releasing)
        wake.signal()
        let started = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        guard let started else { return }
        Scheduling.join(started)
        file.close()
        // What is left behind would only say that nobody is there.
        try? storage.remove(file.path)
    }

    private func run() {
        var sequence: UInt64 = 0
        while !stopping.load(ordering: .acquiring) {
            let ticket = wake.ticket
            do throws(RedoubtError) {
                try Self.write(source.read(), sequence: &sequence, to: file)
            } catch {
                // No room, or no file any more: perhaps next time.
            }
            source.notePublished()
            if stopping.load(ordering: .acquiring) { return }
            wake.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: Self.intervalMilliseconds))
        }
    }

    /// Writes one image; the sequence is odd meanwhile.
    static func write(
        _ statistics: EngineStatistics,
        sequence: inout UInt64,
        to file: any StorageFile
    ) throws(RedoubtError) {
        sequence |= 1
        let words = StatisticsImage.encode(statistics, sequence: sequence).map(\.littleEndian)
        let place = UInt64(StatisticsImage.sequenceWord * 8)
        try write([words[StatisticsImage.sequenceWord]], at: place, to: file)
        try write(words, at: 0, to: file)
        sequence += 1
        try write([sequence.littleEndian], at: place, to: file)
    }

    private static func write(_ words: [UInt64], at offset: UInt64, to file: any StorageFile) throws(RedoubtError) {
        // Not `withUnsafeBytes` with a throwing body: its rethrow is untyped.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: words.count * 8, alignment: 8)
        defer { unsafe buffer.deallocate() }
        for (index, word) in words.enumerated() {
            unsafe buffer.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
        }
        try unsafe file.write(UnsafeRawBufferPointer(buffer), at: offset)
    }
}
