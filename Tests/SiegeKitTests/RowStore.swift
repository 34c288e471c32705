import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit

/// A store that does the operations of workloads: a record a commit in one file, right or with a mistake that takes
/// certain operations to show.
struct RowStore {
    enum Mistake: Sendable {
        case none
        /// The record of a dropped keyspace is not synced.
        case unsyncedDrop
        /// A record of more than three sectors is believed without looking at its checksum.
        case believedLong
    }

    static let path = "/rows"

    static func subject(_ mistake: Mistake) -> Subject {
        var budget = SiegeBudget()
        budget.world = .oneThread
        budget.checkingWorld = .oneThread
        budget.statesPerPoint = nil
        return Subject("a store of records with the mistake \(mistake)", budget) { operations, world in
            try work(operations, world, mistake)
        } check: { _, disk in
            [try recover(disk, mistake)]
        }
    }

    private static func work(_ operations: [Workload.Operation], _ world: SiegeWorld, _ mistake: Mistake) throws {
        let file = try world.storage.open(path, role: .control, creating: true, readOnly: false)
        try file.extend(to: 1 << 20)
        try file.sync()
        try world.storage.syncDirectory("/")
        var model = ReferenceModel()
        var offset: UInt64 = 0
        for operation in operations where model.fits(operation) {
            let before = model.commitCount
            model.perform(operation)
            for number in before..<model.commitCount {
                let bytes = record(number + 1, byteCount: 600 + length(operation))
                world.issued(number + 1)
                try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: offset) }
                offset += UInt64(bytes.count)
                if case .structure(.dropKeyspace) = operation, mistake == .unsyncedDrop {
                    world.note("no sync")
                } else {
                    try file.sync()
                }
                world.acknowledged(number + 1)
            }
        }
    }

    private static func length(_ operation: Workload.Operation) -> Int {
        guard case .write(let changes) = operation else { return 0 }
        return changes.reduce(0) { sum, change in
            if case .put(_, _, let value) = change { return sum + value.count }
            return sum
        }
    }

    /// A record: checksum, number, byte count, then the number again and again; whole sectors.
    private static func record(_ number: Int, byteCount: Int) -> [UInt8] {
        let count = (byteCount + 511) / 512 * 512
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: count)
        for index in 0..<4 {
            bytes[4 + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
            bytes[8 + index] = UInt8(truncatingIfNeeded: count >> (8 * index))
        }
        let sum = unsafe bytes[4...].withUnsafeBytes { unsafe Checksum.crc32c($0) }
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index))) }
        return bytes
    }

    private static func recover(_ disk: SimulatedStorage, _ mistake: Mistake) throws -> Int {
        guard let bytes = disk.image.bytes(of: path) else { return 0 }
        var number = 0
        var offset = 0
        while offset + 512 <= bytes.count {
            let found = (0..<4).reduce(0) { $0 | Int(bytes[offset + 4 + $1]) << (8 * $1) }
            let count = (0..<4).reduce(0) { $0 | Int(bytes[offset + 8 + $1]) << (8 * $1) }
            guard found == number + 1, count >= 512, offset + count <= bytes.count else { break }
            let whole = record(number + 1, byteCount: count)
            if Array(bytes[offset..<offset + count]) != whole {
                guard mistake == .believedLong, count > 3 * 512 else { break }
                throw RedoubtError(.corruptPage, "record \(number + 1) of <\(count)> bytes is not what was written")
            }
            number += 1
            offset += count
        }
        return number
    }
}
