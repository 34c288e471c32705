import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// A kernel over a simulated disk, with one tablespace (7) of blob pages that hold their own number.
final class PoolFixture: Sendable {
    let storage: SimulatedStorage
    let kernel: Kernel
    let flushing: Flushing
    var pool: BufferPool { kernel.pool }
    var log: RedoLog { kernel.log }

    /// The smallest configuration: a pool of about 200 frames and a small redo log.
    static var small: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(8)
        configuration.redoLog.bufferCapacity = .kibibytes(256)
        configuration.redoLog.capacity = .mebibytes(4)
        configuration.redoLog.fileCount = 4
        configuration.bufferPool.oldSublistMilliseconds = 0
        return configuration
    }

    init(
        _ configuration: Configuration = PoolFixture.small,
        pageCount: UInt32 = 64,
        waitMilliseconds: Int = 60_000,
        logsPageImages: Bool = false,
        startsLog: Bool = true,
        isRecording: Bool = false,
        reordersCompletions: Bool = false,
        latencyMicroseconds: Int = 0,
        atomicWriteUnit: Int = 0
    ) throws {
        var options = SimulatedStorage.Options()
        options.isRecording = isRecording
        options.reordersCompletions = reordersCompletions
        options.latencyMicroseconds = latencyMicroseconds
        options.atomicWriteUnit = atomicWriteUnit
        storage = SimulatedStorage(options: options)
        let database = DatabaseID(high: 1, low: 2)
        try storage.createDirectory("db")
        try storage.syncDirectory("")
        try RedoLog.create(
            storage: storage,
            directory: "db/redo",
            configuration: configuration.redoLog,
            database: database
        )
        var scanner = try LogScanner.open(storage: storage, directory: "db/redo")
        let scan = try scanner.finish()
        let health = EngineHealth()
        let log = try RedoLog(
            storage: storage,
            directory: "db/redo",
            configuration: configuration.redoLog,
            health: health,
            scan: scan
        )
        if startsLog { try log.start() }
        let recorder = storage
        var observer: (@Sendable (FlushListChoice) -> Void)?
        if isRecording { observer = { recorder.mark(.note($0.description)) } }
        kernel = try Kernel(
            configuration: configuration,
            storage: storage,
            directory: "db",
            database: database,
            health: health,
            log: log,
            logsPageImages: logsPageImages,
            poolWaitMilliseconds: waitMilliseconds,
            flushListObserver: observer
        )
        flushing = try Flushing(kernel)
        try addSpace(7, pageCount: pageCount)
    }

    /// Adds a tablespace whose pages are sealed, at LSN 8192.
    @discardableResult
    func addSpace(_ space: UInt32, pageCount: UInt32) throws -> any StorageFile {
        let file = try storage.open("db/\(space).ibd", role: .data, creating: true, readOnly: false)
        try file.extendByWriting(to: UInt64(pageCount) * UInt64(pageByteCount))
        for number in 0..<pageCount {
            try unsafe withPage { bytes, memory in
                makePage(bytes, page(number, of: space), lsn: 8192, fill: UInt8(truncatingIfNeeded: number))
                try unsafe file.write(UnsafeRawBufferPointer(memory), at: UInt64(number) * UInt64(pageByteCount))
            }
        }
        try file.sync()
        try storage.syncDirectory("db")
        kernel.files.register(SpaceID(rawValue: space), file: file, pageCount: pageCount)
        return file
    }

    /// Changes 4 bytes of a page in a mini-transaction of its own.
    @discardableResult
    func change(_ id: PageID, to value: UInt32, at offset: Int = 100) throws -> LogRange? {
        var transaction = try MiniTransaction.begin(kernel, redoBytes: 64, pins: 1)
        let frame = try transaction.latchExclusive(id)
        Self.write(value, at: offset, frame, &transaction)
        return transaction.commit()
    }

    static func write(_ value: UInt32, at offset: Int, _ frame: Frame, _ transaction: inout MiniTransaction) {
        unsafe withUnsafeBytes(of: value.bigEndian) { bytes in
            unsafe transaction.apply(.writeBytes(offset: offset, bytes: bytes), to: frame)
        }
    }

    /// What the file holds of a page, nil if it is damaged.
    func fileValue(_ id: PageID, at offset: Int = 100, in other: (any StorageFile)? = nil) throws -> UInt32? {
        let file = try other ?? #require(kernel.files.file(id.space)).file
        return try unsafe withPage { bytes, memory in
            _ = try unsafe file.read(into: memory, at: id.number.fileOffset)
            return PageSeal.fault(bytes, expected: id) == nil ? bytes.u32(at: offset) : nil
        }
    }

    /// What memory holds of a page.
    func value(_ id: PageID, at offset: Int = 100) throws -> UInt32 {
        let frame = try pool.fetchShared(id)
        defer { frame.unlockShared() }
        return frame.bytes.u32(at: offset)
    }

    /// Stops everything, and judges what was recorded, which must break `rule`, if one is given, and no other.
    func close(breaking rule: FlushTrace.Rule? = nil) {
        flushing.stop()
        flushing.close()
        log.stop()
        guard storage.options.isRecording else { return }
        let judged = FlushTrace(storage)
        #expect(judged.breaches.filter { $0.rule != rule } == [])
        if let rule { #expect(judged.breaks(rule)) }
    }
}
