import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem

extension Hunt {
    /// Judges the disks that power cuts of a redo log could leave; it goes on after each recovery, and is cut again.
    static let log = Hunt(name: "cuts of the log alone, going on", unit: "states") { limit, _ in
        let run: LogRun
        do {
            run = try LogRun(seed: seed)
        } catch {
            return Outcome(count: 1, finding: "the recording: \(error)")
        }
        var options = CrashExplorer.Options()
        options.tearLimit = 8
        let hunt = CrashExplorer(run.storage, options: options).hunt(limit: limit) { try run.judge($0) }
        return Outcome(count: hunt.judgedCount, finding: hunt.failure.map { "\($0)" })
    }
}

/// A redo log without an engine, whose groups say their numbers: appended, written, made durable and passed by
/// checkpoints in a seeded order over several files.
struct LogRun: Sendable {
    /// The payload of a granule of 4096 bytes.
    private static let granulePayload: UInt64 = 8 * 496

    /// The disk that recorded it.
    let storage: SimulatedStorage
    /// The number of groups by the LSN at which the last of them ends.
    private var counts: [UInt64: Int] = [:]

    private static let configuration = BareLog.configuration(.single)

    init(seed: UInt64) throws {
        storage = SimulatedStorage(try BareLog.create(Self.configuration).image)
        let log = try BareLog.open(storage, Self.configuration)
        var random = SeededRandom(seed: seed)
        var ends: [LogSequenceNumber] = [log.currentLSN]
        counts[log.currentLSN.rawValue] = 0
        while log.currentLSN.rawValue < 1_400_000 {
            let number = ends.count - 1
            storage.mark(.issued(number + 1))
            ends.append(Self.append(number, byteCount: Self.byteCount(log, &random), to: log))
            counts[log.currentLSN.rawValue] = number + 1
            if random.below(2) == 0 { try log.waitUntilWritten(log.currentLSN) }
            if random.below(4) == 0 {
                try log.waitUntilFlushed(log.currentLSN)
                storage.mark(.acknowledged(number + 1))
            }
            // More than a file behind.
            let checkpoint = ends[max(0, ends.count - 80)]
            if random.below(4) == 0, log.isFlushed(checkpoint) { try log.writeCheckpoint(checkpoint) }
        }
        storage.stopRecording()
        log.stop()
    }

    /// A third ends where a granule does, so that a group starts with the next; a few are so large that files change.
    private static func byteCount(_ log: RedoLog, _ random: inout SeededRandom) -> Int {
        switch random.below(12) {
        case 0..<4: restOfGranule(log)
        case 4..<9: 12 + random.below(3000)
        default: 12 + random.below(60_000)
        }
    }

    /// The bytes to the end of a granule.
    private static func restOfGranule(_ log: RedoLog) -> Int {
        let rest = Int(granulePayload - log.currentLSN.sequenceNumber % granulePayload)
        return rest < 12 ? rest + Int(granulePayload) : rest
    }

    private static func append(_ number: Int, byteCount: Int, to log: RedoLog) -> LogSequenceNumber {
        var bytes = group(number, byteCount: byteCount)
        let range = unsafe bytes.withUnsafeMutableBytes { unsafe log.append($0) }
        log.waitForCloseRoom(range)
        log.close(range)
        return range.end
    }

    /// A group of `byteCount` bytes, the four for its length included.
    private static func group(_ number: Int, byteCount: Int) -> [UInt8] {
        var bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &+ number) }
        for index in 0..<8 { bytes[4 + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
        return bytes
    }

    /// Scans what `state` left, appends a group behind it that ends with a granule, and scans that after another power
    /// cut; returns the number of groups that the first scan ended with.
    func judge(_ state: CrashState) throws -> [Int] {
        let (last, end) = try Self.scan(state.storage)
        guard let count = counts[end.rawValue], last == nil || last == count - 1 else {
            throw CrashRun.Finding("the log ends at \(end) with group \(last ?? -1)")
        }
        var options = SimulatedStorage.Options.judging
        options.tracksDurability = true
        let storage = SimulatedStorage(state.storage.image, options: options)
        let log = try BareLog.open(storage, Self.configuration)
        let added = Self.append(count, byteCount: Self.restOfGranule(log), to: log)
        try log.waitUntilFlushed(added)
        let (again, addedEnd) = try Self.scan(storage.powerCut(.none))
        guard again == count, addedEnd == added else {
            throw CrashRun.Finding("group \(count) was added up to \(added); then the log ends at \(addedEnd)")
        }
        log.stop()
        return [count]
    }

    /// Returns the last group, which all others lead up to, and the end of the log.
    private static func scan(_ storage: SimulatedStorage) throws -> (last: Int?, end: LogSequenceNumber) {
        var scanner = try LogScanner.open(storage: storage, directory: BareLog.directory, readOnly: true)
        defer { scanner.close() }
        var last: Int?
        while unsafe try scanner.next({ (range, payload) throws(RedoubtError) in
            let bytes = unsafe [UInt8](payload)
            let number = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let isNext = last == nil || number == (last ?? 0) + 1
            guard isNext, Array(group(number, byteCount: bytes.count + 4).dropFirst(4)) == bytes else {
                throw RedoubtError(.corruptLog, "the group at \(range.start) is not the next one")
            }
            last = number
        }) {}
        return (last, try scanner.finish().endLSN)
    }
}
