import RedoubtCore
import RedoubtSimulation
import RedoubtSystem

/// A store of pages of two sectors in one file, each with a copy in another file that was durable before the page was
/// written: pages that are torn are put right when it is opened. Right, or with a mistake.
struct PageStore {
    enum Mistake: Sendable {
        case none
        /// The second page that is torn is put right when a third one is found, or at the end: then from the copy of
        /// the first.
        case confusesTwo
        /// The checksum of pages is not looked at.
        case missingChecksum
    }

    static let pageSize = 1024

    /// Returns a disk on which pages of value 1 are durable and those of value 2 were written since.
    static func written(_ count: Int) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let pages = try storage.open("/pages", role: .data, creating: true, readOnly: false)
        let copies = try storage.open("/copies", role: .doublewrite, creating: true, readOnly: false)
        try storage.syncDirectory("/")
        try write(pages, 1, count)
        try pages.sync()
        try write(copies, 2, count)
        try copies.sync()
        try write(pages, 2, count)
        return storage
    }

    private static func write(_ file: any StorageFile, _ value: UInt8, _ count: Int) throws {
        let buffer = try AlignedBuffer(byteCount: pageSize)
        for number in 0..<count {
            unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: value)
            unsafe buffer.bytes.storeBytes(of: UInt8(number), toByteOffset: 4, as: UInt8.self)
            unsafe buffer.bytes.storeBytes(of: checksum(UnsafeRawBufferPointer(buffer.bytes)), as: UInt32.self)
            try unsafe file.write(UnsafeRawBufferPointer(buffer.bytes), at: UInt64(number * pageSize))
        }
    }

    /// Opens the store, and returns whether each page is whole then.
    static func recover(_ storage: SimulatedStorage, _ count: Int, _ mistake: Mistake) -> Bool {
        do {
            try open(storage, count, mistake)
            return true
        } catch {
            return false
        }
    }

    private static func open(_ storage: SimulatedStorage, _ count: Int, _ mistake: Mistake) throws {
        let pages = try storage.open("/pages", role: .data, creating: false, readOnly: false)
        let copies = try storage.open("/copies", role: .doublewrite, creating: false, readOnly: true)
        let buffer = try AlignedBuffer(byteCount: pageSize)
        var torn = 0
        var first = 0
        var second: Int?
        for number in 0..<count {
            if try !isWhole(pages, number, buffer) {
                if mistake == .missingChecksum { throw RedoubtError(.corruptPage, "page \(number) is torn") }
                torn = min(3, torn + 1)
                if torn == 1 { first = number }
                if mistake == .confusesTwo && torn == 2 && second == nil {
                    second = number
                } else {
                    try repair(pages, number, from: copies, number, buffer)
                    if let waiting = second { try repair(pages, waiting, from: copies, waiting, buffer) }
                    second = nil
                }
            }
            let memory = [number, torn, torn == 0 || torn == 3 ? 0 : first, second ?? -1]
            try Scheduling.merge(at: .other, memory.reduce(0) { mix($0 ^ UInt64(bitPattern: Int64($1))) })
        }
        if let second { try repair(pages, second, from: copies, first, buffer) }
    }

    private static func repair(
        _ pages: any StorageFile,
        _ number: Int,
        from copies: any StorageFile,
        _ copy: Int,
        _ buffer: borrowing AlignedBuffer
    ) throws {
        guard try isWhole(copies, copy, buffer), unsafe Int(buffer.bytes[4]) == number else {
            throw RedoubtError(.corruptPage, "no copy of page \(number)")
        }
        try unsafe pages.write(UnsafeRawBufferPointer(buffer.bytes), at: UInt64(number * pageSize))
    }

    private static func isWhole(
        _ file: any StorageFile,
        _ number: Int,
        _ buffer: borrowing AlignedBuffer
    ) throws -> Bool {
        _ = try unsafe file.read(into: buffer.bytes, at: UInt64(number * pageSize))
        let bytes = unsafe UnsafeRawBufferPointer(buffer.bytes)
        return unsafe bytes.load(as: UInt32.self) == checksum(bytes)
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: bytes[4...]))
    }
}
