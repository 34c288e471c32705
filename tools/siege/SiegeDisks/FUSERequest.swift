/// A request of the kernel to a file system in a process, as <linux/fuse.h> lays it out.
struct FUSERequest: Equatable {
    enum Operation: Equatable {
        case initialize(minor: UInt32)
        case lookUp(name: String)
        case attributes
        case open
        case openFolder
        case read(offset: Int, count: Int)
        case write(offset: Int, bytes: [UInt8])
        case sync
        /// fallocate(2); `zeroes` says that the range must read as zeros afterwards.
        case allocate(offset: Int, count: Int, zeroes: Bool)
        case statistics
        /// What has to be answered and has no effect.
        case nothing
        /// What must not be answered.
        case silent
        /// A call that this server does not have.
        case other(code: UInt32)
    }

    static let headerSize = 40

    /// What the answer has to be marked with.
    let unique: UInt64
    /// The file it is about.
    let node: UInt64
    let operation: Operation

    init(unique: UInt64, node: UInt64, operation: Operation) {
        self.unique = unique
        self.node = node
        self.operation = operation
    }

    /// Reads the request that the first `count` bytes of `buffer` hold; nil if they hold none.
    init?(_ buffer: [UInt8], count: Int) {
        guard count >= Self.headerSize, count <= buffer.count, buffer.field(UInt32.self, at: 0) == UInt32(count) else {
            return nil
        }
        unique = buffer.field(UInt64.self, at: 8)
        node = buffer.field(UInt64.self, at: 16)
        guard let operation = Self.operation(buffer, count: count) else { return nil }
        self.operation = operation
    }

    private static func operation(_ buffer: [UInt8], count: Int) -> Operation? {
        let body = headerSize
        let code = buffer.field(UInt32.self, at: 4)
        switch code {
        case 1: return .lookUp(name: text(buffer[body..<count]))
        case 2, 36, 42: return .silent
        case 3, 4: return .attributes
        case 14: return .open
        case 15: return .read(offset: offset(buffer), count: Int(buffer.field(UInt32.self, at: body + 16)))
        case 16:
            let length = Int(buffer.field(UInt32.self, at: body + 16))
            let start = body + 40
            guard start + length <= count else { return nil }
            return .write(offset: offset(buffer), bytes: Array(buffer[start..<start + length]))
        case 17: return .statistics
        case 20: return .sync
        case 26: return .initialize(minor: buffer.field(UInt32.self, at: body + 4))
        case 27: return .openFolder
        case 18, 25, 29, 34, 38: return .nothing
        case 43:
            let mode = buffer.field(UInt32.self, at: body + 24)
            let length = Int(truncatingIfNeeded: buffer.field(UInt64.self, at: body + 16))
            // Holes and zero ranges; all that is left only reserves space.
            return .allocate(offset: offset(buffer), count: length, zeroes: mode & (0x02 | 0x10) != 0)
        default: return .other(code: code)
        }
    }

    /// The offset in the file, which reads, writes and allocations have in the same place.
    private static func offset(_ buffer: [UInt8]) -> Int {
        Int(truncatingIfNeeded: buffer.field(UInt64.self, at: headerSize + 8))
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
