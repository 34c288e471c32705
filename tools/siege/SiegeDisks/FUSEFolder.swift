import Glibc

/// A file system with one file, `disk`: what it answers to each request of the kernel.
///
/// The kernel keeps nothing of the file (`FOPEN_DIRECT_IO`), so that every read and write arrives here.
struct FUSEFolder {
    /// The most bytes of a write.
    static let writeLimit = 1 << 20
    static let fileName = "disk"
    private static let folderNode: UInt64 = 1
    private static let fileNode: UInt64 = 2
    /// How long the kernel may remember names and attributes, in seconds: nothing of them ever changes.
    private static let validSeconds: UInt64 = 3600
    private static let directIO: UInt32 = 1

    /// The content of the file.
    let disk: BlockDisk

    /// Returns the answer to `request`, or nil if there must be none.
    func answer(_ request: FUSERequest) -> [UInt8]? {
        var body = ByteFields()
        switch request.operation {
        case .silent: return nil
        case .initialize(let minor): addLimits(minor: minor, to: &body)
        case .lookUp(let name):
            guard request.node == Self.folderNode, name == Self.fileName else { return failure(ENOENT, request) }
            body.add(Self.fileNode)
            body.add(UInt64(1))
            body.add(Self.validSeconds)
            body.add(Self.validSeconds)
            body.addZeros(8)
            addAttributes(of: Self.fileNode, to: &body)
        case .attributes:
            body.add(Self.validSeconds)
            body.addZeros(8)
            addAttributes(of: request.node, to: &body)
        case .open, .openFolder:
            body.add(UInt64(1))
            body.add(request.operation == .open ? Self.directIO : 0)
            body.add(Int32(0))
        case .read(let offset, let count): body.add(disk.read(at: offset, count: count))
        case .write(let offset, let bytes):
            guard disk.write(bytes, at: offset) else { return failure(ENOSPC, request) }
            body.add(UInt32(bytes.count))
            body.addZeros(4)
        case .sync: disk.flush()
        case .allocate(let offset, let count, let zeroes):
            guard !zeroes || disk.zero(at: offset, count: count) else { return failure(ENOSPC, request) }
        case .statistics: addStatistics(to: &body)
        case .nothing: break
        case .other: return failure(ENOSYS, request)
        }
        return Self.message(error: 0, request, body.bytes)
    }

    private func failure(_ code: Int32, _ request: FUSERequest) -> [UInt8] {
        Self.message(error: -code, request, [])
    }

    private static func message(error: Int32, _ request: FUSERequest, _ body: [UInt8]) -> [UInt8] {
        var message = ByteFields()
        message.add(UInt32(16 + body.count))
        message.add(error)
        message.add(request.unique)
        message.add(body)
        return message.bytes
    }

    /// Adds what version of the protocol is spoken, and how much may be asked for at once.
    private func addLimits(minor: UInt32, to body: inout ByteFields) {
        let asynchronousReads: UInt32 = 1
        let bigWrites: UInt32 = 1 << 5
        let asynchronousDirectIO: UInt32 = 1 << 15
        let maximumOfPages: UInt32 = 1 << 22
        body.add(UInt32(7))
        body.add(min(minor, 31))
        body.add(UInt32(0))
        body.add(asynchronousReads | bigWrites | asynchronousDirectIO | maximumOfPages)
        body.add(UInt16(64))
        body.add(UInt16(48))
        body.add(UInt32(Self.writeLimit))
        body.add(UInt32(1))
        body.add(UInt16(Self.writeLimit / 4096))
        body.addZeros(64 - body.bytes.count)
    }

    private func addAttributes(of node: UInt64, to body: inout ByteFields) {
        let isFile = node == Self.fileNode
        let size = isFile ? UInt64(disk.size) : 0
        body.add(node)
        body.add(size)
        body.add(size / 512)
        // Times.
        body.addZeros(3 * 8 + 3 * 4)
        body.add(isFile ? UInt32(0o100600) : UInt32(0o040700))
        body.add(UInt32(1))
        // User, group, device.
        body.addZeros(3 * 4)
        body.add(UInt32(4096))
        body.addZeros(4)
    }

    private func addStatistics(to body: inout ByteFields) {
        body.add(UInt64(disk.size / 4096))
        body.addZeros(4 * 8)
        body.add(UInt32(4096))
        body.add(UInt32(255))
        body.add(UInt32(4096))
        body.addZeros(4 + 6 * 4)
    }
}
