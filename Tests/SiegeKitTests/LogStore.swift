import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit

/// A store of numbered records in one file, right or with a mistake.
struct LogStore {
    enum Mistake: CaseIterable, Sendable {
        case none
        /// A commit is acknowledged without a sync.
        case missingSync
        /// The directory is not synced after the file was created.
        case missingDirectorySync
        /// A record is believed without looking at its checksum.
        case missingChecksum
        /// A write that failed is taken for one that did not.
        case ignoredError
    }

    static let recordSize = 1024
    static let count = 8

    static func write(_ world: SiegeWorld, _ mistake: Mistake) throws {
        let file = try world.storage.open("/log", role: .redo, creating: true, readOnly: false)
        try file.extend(to: UInt64(count * recordSize))
        try file.sync()
        if mistake != .missingDirectorySync { try world.storage.syncDirectory("/") }
        let buffer = try AlignedBuffer(byteCount: recordSize)
        for number in 1...count {
            fill(buffer, number)
            world.issued(number)
            do {
                try unsafe file.write(UnsafeRawBufferPointer(buffer.bytes), at: UInt64((number - 1) * recordSize))
            } catch {
                guard mistake == .ignoredError else { throw error }
            }
            if mistake != .missingSync { try file.sync() }
            world.acknowledged(number)
        }
    }

    /// Makes the content of `buffer` record `number`.
    static func fill(_ buffer: borrowing AlignedBuffer, _ number: Int) {
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(number))
        unsafe buffer.bytes.storeBytes(of: checksum(UnsafeRawBufferPointer(buffer.bytes)), as: UInt32.self)
    }

    static func recover(_ storage: SimulatedStorage, _ mistake: Mistake) throws -> Int {
        guard try storage.exists("/log") else { return 0 }
        let file = try storage.open("/log", role: .redo, creating: false, readOnly: true)
        let buffer = try AlignedBuffer(byteCount: recordSize)
        for number in 1...count {
            let read = try unsafe file.read(into: buffer.bytes, at: UInt64((number - 1) * recordSize))
            let bytes = unsafe UnsafeRawBufferPointer(buffer.bytes)
            guard read == recordSize, unsafe bytes[4] != 0 else { return number - 1 }
            if mistake != .missingChecksum, unsafe bytes.load(as: UInt32.self) != checksum(bytes) { return number - 1 }
            let isWhole = unsafe bytes[4...].allSatisfy { $0 == UInt8(number) }
            if !isWhole { throw RedoubtError(.corruptPage, "record \(number) is not what was written") }
        }
        return count
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: bytes[4...]))
    }
}
