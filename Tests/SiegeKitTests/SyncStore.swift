import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit

/// A log that grows record by record, with different things to do about a sync that fails.
struct SyncStore {
    enum Reaction: CaseIterable, Sendable {
        /// Stops.
        case stops
        /// Syncs again and believes that.
        case retries
        /// Looks whether the record is there, and if it is syncs again and believes that.
        case looks
        /// Writes the record again, and syncs again.
        case writesAgain
        /// Stops, and takes every record within the size of the file for whole when it is opened.
        case countsBySize
    }

    static let recordSize = 1024
    static let count = 6

    static func write(_ world: SiegeWorld, _ reaction: Reaction) throws {
        let file = try world.storage.open("/log", role: .redo, creating: true, readOnly: false)
        try world.storage.syncDirectory("/")
        let buffer = try AlignedBuffer(byteCount: recordSize)
        let copy = try AlignedBuffer(byteCount: recordSize)
        for number in 1...count {
            unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(number))
            let bytes = unsafe UnsafeRawBufferPointer(buffer.bytes)
            let place = UInt64((number - 1) * recordSize)
            world.issued(number)
            try unsafe file.write(bytes, at: place)
            do {
                try file.sync()
            } catch {
                switch reaction {
                case .stops, .countsBySize: throw error
                case .retries: break
                case .looks:
                    let found = try unsafe file.read(into: copy.bytes, at: place)
                    guard found == recordSize, unsafe copy.bytes.elementsEqual(bytes) else { throw error }
                case .writesAgain: try unsafe file.write(bytes, at: place)
                }
                try file.sync()
            }
            world.acknowledged(number)
        }
    }

    static func recover(_ storage: SimulatedStorage, _ reaction: Reaction) throws -> Int {
        guard let bytes = storage.image.bytes(of: "/log") else { return 0 }
        var number = 0
        while (number + 1) * recordSize <= bytes.count {
            let record = bytes[number * recordSize..<(number + 1) * recordSize]
            if !record.allSatisfy({ $0 == UInt8(number + 1) }) {
                if reaction != .countsBySize { break }
                throw RedoubtError(.corruptPage, "record \(number + 1) is not what was written")
            }
            number += 1
        }
        return number
    }
}
