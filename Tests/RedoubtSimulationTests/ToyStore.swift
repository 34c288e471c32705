import RedoubtCore
import RedoubtSimulation
import RedoubtSystem

/// An append-only log of records of three sectors, right or with one of the classic mistakes: what the explorer is
/// tried on.
struct ToyStore {
    /// A mistake, or none.
    enum Mistake: CaseIterable, Sendable {
        case none
        /// A commit is acknowledged without a sync.
        case missingSync
        /// A record is believed without looking at its checksum.
        case missingChecksum
        /// The directory is not synced after the file was created.
        case missingDirectorySync
        /// A commit is acknowledged before its sync, not after.
        case acknowledgedBeforeSync
        /// The new file takes the old one's name before its content is durable.
        case renamedBeforeSync
        /// A failed sync is tried again, and its success believed.
        case retriedSync
    }

    static let recordSize = 1536

    /// Runs `count` commits on `storage` with the marks that the explorer needs.
    static func run(_ storage: SimulatedStorage, count: Int, mistake: Mistake) throws {
        let isRenaming = mistake == .renamedBeforeSync
        var file = try storage.open("/log", role: .redo, creating: true, readOnly: false)
        if mistake != .missingDirectorySync { try storage.syncDirectory("/") }
        if mistake == .missingChecksum {
            // Preallocated, so that the size of the file does not tell how many records there are.
            try file.extend(to: UInt64(count * recordSize))
            try file.sync()
        }
        for number in 1...count {
            storage.mark(.issued(number))
            if isRenaming && number % 3 == 0 {
                // Rewrites the log, as a compaction would.
                let next = try storage.open("/log.new", role: .redo, creating: true, readOnly: false)
                for earlier in 1...number {
                    try write(next, record(earlier), at: UInt64((earlier - 1) * recordSize))
                }
                try storage.rename("/log.new", to: "/log")
                try storage.syncDirectory("/")
                try next.sync()
                file = next
            } else {
                try write(file, record(number), at: UInt64((number - 1) * recordSize))
                if mistake == .acknowledgedBeforeSync { storage.mark(.acknowledged(number)) }
                if mistake == .retriedSync && number == 3 { storage.inject(SimulatedFault(.sync)) }
                if mistake != .missingSync || number % 4 == 0 {
                    do {
                        try file.sync()
                    } catch {
                        guard mistake == .retriedSync else { throw error }
                        try file.sync()
                    }
                }
            }
            storage.mark(.acknowledged(number))
        }
    }

    /// Recovers: returns the number of records found, or throws if one is not what was written.
    static func recover(_ storage: SimulatedStorage, mistake: Mistake) throws -> Int {
        guard let bytes = storage.image.bytes(of: "/log") else { return 0 }
        var count = 0
        while (count + 1) * recordSize <= bytes.count {
            let found = Array(bytes[count * recordSize..<(count + 1) * recordSize])
            if mistake == .missingChecksum {
                if found[0] == 0 { break }
            } else if found[4...].allSatisfy({ $0 == 0 }) || checksum(found[4...]) != Array(found[..<4]) {
                break
            }
            count += 1
            guard found == record(count) else { throw ToyError.damaged(count) }
        }
        return count
    }

    enum ToyError: Error {
        case damaged(Int)
    }

    private static func record(_ number: Int) -> [UInt8] {
        let body = (4..<recordSize).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0 / 512 &+ 1) | 1 }
        return checksum(body[...]) + body
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var sum: UInt32 = 0
        unsafe bytes.withUnsafeBytes { sum = unsafe Checksum.crc32c($0) }
        return [UInt8(truncatingIfNeeded: sum) | 1] + (1..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
    }
}
