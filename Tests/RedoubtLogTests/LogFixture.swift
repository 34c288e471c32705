import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization

@testable import RedoubtLog

/// A redo log on a simulated disk, with groups that say what they are.
final class LogFixture: Sendable {
    static let directory = "/redo"
    static let database = DatabaseID(high: 7, low: 9)

    let storage: SimulatedStorage
    let configuration: Configuration.RedoLog
    let health = EngineHealth()
    let log: RedoLog

    /// The smallest log: 2 MiB in 4 files.
    static var smallest: Configuration.RedoLog {
        var configuration = Configuration.RedoLog()
        configuration.capacity = .mebibytes(2)
        configuration.fileCount = 4
        configuration.bufferCapacity = .kibibytes(256)
        configuration.shape = .single
        return configuration
    }

    /// A new log, or the one that is on `storage`, recovered.
    init(
        _ configuration: Configuration.RedoLog = LogFixture.smallest,
        on storage: SimulatedStorage? = nil,
        starts: Bool = false
    ) throws {
        self.configuration = configuration
        self.storage = storage ?? LogFixture.newStorage()
        if storage == nil {
            try RedoLog.create(
                storage: self.storage,
                directory: Self.directory,
                configuration: configuration,
                database: Self.database
            )
        }
        var scanner = try LogScanner.open(storage: self.storage, directory: Self.directory)
        let scan = try scanner.finish()
        log = try RedoLog(
            storage: self.storage,
            directory: Self.directory,
            configuration: configuration,
            health: health,
            scan: scan
        )
        if starts { try log.start() }
    }

    static func newStorage() -> SimulatedStorage {
        var options = SimulatedStorage.Options()
        options.isRecording = false
        return SimulatedStorage(options: options)
    }

    /// Appends and closes a group with `number` and filler, `byteCount` bytes in all.
    @discardableResult
    func append(_ number: UInt64, byteCount: Int = 40) -> LogRange {
        var bytes = Self.group(number, byteCount: byteCount)
        let range = unsafe bytes.withUnsafeMutableBytes { unsafe log.append($0) }
        log.waitForCloseRoom(range)
        log.close(range)
        return range
    }

    static func group(_ number: UInt64, byteCount: Int) -> [UInt8] {
        precondition(byteCount >= 12)
        var bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: UInt64($0) &+ number) }
        for index in 0..<8 { bytes[4 + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
        return bytes
    }

    /// What a scan finds.
    struct Found: Equatable {
        var numbers: [UInt64] = []
        var ranges: [LogRange] = []
        var end = LogSequenceNumber.zero
        var isIntact = true
    }

    /// Scans the log on `storage`, and checks the content of each group, unless its checksums are enough.
    static func scan(_ storage: SimulatedStorage, checksContent: Bool = true) throws -> Found {
        var scanner = try LogScanner.open(storage: storage, directory: directory, readOnly: true)
        defer { scanner.close() }
        var found = Found()
        while unsafe try scanner.next({ (range, payload) throws(RedoubtError) in
            let bytes = unsafe [UInt8](payload)
            let number = bytes.prefix(8).enumerated().reduce(UInt64(0)) {
                $0 | UInt64($1.element) << UInt64(8 * $1.offset)
            }
            let isWhole = !checksContent || Array(group(number, byteCount: bytes.count + 4).dropFirst(4)) == bytes
            if bytes.count < 8 || !isWhole {
                found.isIntact = false
            }
            found.numbers.append(number)
            found.ranges.append(range)
        }) {}
        found.end = try scanner.finish().endLSN
        return found
    }
}
