import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem

/// Destroys every block of a redo log in turn, and judges whether the rule tells a torn tail from damage in the middle.
///
/// Method: a log of 4 MiB goes round its files; at several moments of that every block of what a scan reads is
/// destroyed in three ways: zeros, a flipped bit, a sound block of another position. The middle is what lies below the
/// greatest durable position that is recorded: in a block written later, or in the checkpoint. What was made durable
/// after the newest block was written is recorded nowhere: the remaining window.
package enum TornTails {
    private enum Damage: CaseIterable {
        case zeros, flippedBit, oldBlock
    }

    fileprivate struct Position: Sendable, Hashable {
        let path: String
        let offset: UInt64
    }

    /// What the rule made of the damage, and what it should have made.
    package struct Matrix: Sendable, CustomStringConvertible {
        /// Tails that were taken for the end of the log: right.
        package var tailsAccepted = 0
        /// Tails that were refused as damage: a database that does not open after a power cut.
        package var tailsRefused = 0
        /// Middles that were refused as damage: right.
        package var middlesRefused = 0
        /// Middles that were taken for the end of the log: commits lost in silence.
        package var middlesAccepted = 0
        /// The first answers that were wrong.
        package var wrong: [String] = []
        fileprivate var positions: Set<Position> = []

        /// The blocks of files that were destroyed at some moment.
        package var positionCount: Int { positions.count }

        /// The figures in one line.
        package var description: String {
            "\(positions.count) positions; tails: \(tailsAccepted) taken for the end, \(tailsRefused) refused; "
                + "middles: \(middlesRefused) refused, \(middlesAccepted) taken for the end"
        }
    }

    /// The blocks of the files: 4 MiB without the headers of four files, each as long as 24 blocks.
    package static let positionCount = 8192 - 4 * 24

    private static let configuration = BareLog.configuration(.single, mebibytes: 4)

    /// Destroys, scans and judges.
    ///
    /// Waits some ten seconds.
    ///
    /// - Throws: What stops the log that is to be damaged.
    package static func run() throws -> Matrix {
        let storage = try BareLog.create(configuration)
        let log = try BareLog.open(storage, configuration)
        var matrix = Matrix()
        for moment in 0..<6 {
            // As far as writers may go without a checkpoint.
            while log.tryAcquireCapacity(bytes: 2000) {
                append(2000, to: log)
                log.releaseCapacity(bytes: 2000)
            }
            try log.waitUntilFlushed(log.currentLSN)
            let durable = log.flushedLSN
            // The tail: written, and never synced. Its blocks tell what was durable.
            for _ in 0..<60 { append(300 + moment, to: log) }
            try log.waitUntilWritten(log.currentLSN)
            destroy(log, storage.image, durable: durable, &matrix)
            try log.waitUntilFlushed(log.currentLSN)
            try log.writeCheckpoint(log.currentLSN)
        }
        log.stop()
        return matrix
    }

    private static func append(_ byteCount: Int, to log: RedoLog) {
        let seed = log.currentLSN.rawValue
        var bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: UInt64($0) &+ seed) }
        let range = unsafe bytes.withUnsafeMutableBytes { unsafe log.append($0) }
        log.waitForCloseRoom(range)
        log.close(range)
    }

    private static func destroy(_ log: RedoLog, _ image: DiskImage, durable: LogSequenceNumber, _ matrix: inout Matrix)
    {
        let first = log.checkpointLSN.rawValue / 512
        let last = log.currentLSN.rawValue / 512
        for block in first...last {
            guard let place = log.place(ofBlock: block) else { continue }
            matrix.positions.insert(Position(path: place.path, offset: place.offset))
            for damage in Damage.allCases {
                var damaged = image
                switch damage {
                case .zeros: damaged.overwrite(place.path, at: place.offset, with: [UInt8](repeating: 0, count: 512))
                case .flippedBit:
                    damaged.flip(place.path, at: place.offset + (block &* 37) % 512, mask: 1 << (block % 8))
                case .oldBlock:
                    let other = block > first + 40 ? block - 40 : block + 40
                    guard let old = bytes(of: other, log, image) else { continue }
                    damaged.overwrite(place.path, at: place.offset, with: old)
                }
                let isMiddle = block * 512 + 12 < durable.rawValue
                if let wrong = judge(damaged, block, isMiddle: isMiddle, durable, &matrix), matrix.wrong.count < 10 {
                    matrix.wrong.append("block \(block), \(damage), durable up to \(durable): \(wrong)")
                }
            }
        }
    }

    /// The sound block `block`, as a write that was lost or went astray leaves it elsewhere.
    private static func bytes(of block: UInt64, _ log: RedoLog, _ image: DiskImage) -> [UInt8]? {
        guard let place = log.place(ofBlock: block), let bytes = image.bytes(of: place.path) else { return nil }
        return Array(bytes[Int(place.offset)..<Int(place.offset) + 512])
    }

    /// Scans a damaged log, and returns what is wrong with the answer.
    private static func judge(
        _ image: DiskImage,
        _ block: UInt64,
        isMiddle: Bool,
        _ durable: LogSequenceNumber,
        _ matrix: inout Matrix
    ) -> String? {
        do throws(RedoubtError) {
            let end = try scan(SimulatedStorage(image, options: .judging))
            if isMiddle {
                matrix.middlesAccepted += 1
                return "a middle was taken for the end"
            }
            matrix.tailsAccepted += 1
            return end >= durable && end.rawValue <= block * 512 + 12 ? nil : "the log ends at \(end)"
        } catch {
            if isMiddle { matrix.middlesRefused += 1 } else { matrix.tailsRefused += 1 }
            return isMiddle && error.code == .corruptLog ? nil : "\(error)"
        }
    }

    /// Returns the end of the log on `storage`.
    private static func scan(_ storage: SimulatedStorage) throws(RedoubtError) -> LogSequenceNumber {
        let place = UnderJudgement.note(.tails, seed: 1)
        defer { place?.end() }
        var scanner = try LogScanner.open(storage: storage, directory: BareLog.directory, readOnly: true)
        defer { scanner.close() }
        while unsafe try scanner.next({ (_, _) throws(RedoubtError) in }) {}
        return try scanner.finish().endLSN
    }
}
