import Testing

@testable import SiegeDisks

/// Goal: what the kernel asks is understood, and the answers have the layout that it expects. Method: messages byte by
/// byte, as <linux/fuse.h> lays them out; no device and no root.
@Suite struct FUSETests {
    @Test func `a write becomes the bytes on the disk, and the answer says how many`() throws {
        let folder = FUSEFolder(disk: BlockDisk(size: 1 << 20))
        folder.disk.beginRecording()
        let bytes = [UInt8](repeating: 7, count: 512)
        let request = try Self.request(code: 16, Self.transfer(offset: 4096, count: 512, bytes))
        #expect(request.operation == .write(offset: 4096, bytes: bytes))
        let answer = try #require(folder.answer(request))
        #expect(answer.count == 24)
        #expect(answer.field(UInt32.self, at: 0) == 24)
        #expect(answer.field(Int32.self, at: 4) == 0)
        #expect(answer.field(UInt64.self, at: 8) == 99)
        #expect(answer.field(UInt32.self, at: 16) == 512)
        #expect(folder.disk.read(at: 4096, count: 513) == bytes + [0])
        #expect(folder.disk.endRecording() == [.write(offset: 4096, bytes: bytes)])
    }

    @Test func `a read answers with the bytes, fewer at the end of the disk`() throws {
        let folder = FUSEFolder(disk: BlockDisk(size: 8192))
        _ = folder.disk.write([1, 2, 3], at: 8000)
        let request = try Self.request(code: 15, Self.transfer(offset: 8000, count: 4096, []))
        let answer = try #require(folder.answer(request))
        #expect(Array(answer.dropFirst(16)) == [1, 2, 3] + [UInt8](repeating: 0, count: 189))
    }

    @Test func `a write beyond the disk is refused and leaves nothing`() throws {
        let folder = FUSEFolder(disk: BlockDisk(size: 4096))
        folder.disk.beginRecording()
        let bytes = [UInt8](repeating: 1, count: 512)
        let request = try Self.request(code: 16, Self.transfer(offset: 4000, count: 512, bytes))
        let answer = try #require(folder.answer(request))
        #expect(answer.field(Int32.self, at: 4) == -28)
        #expect(folder.disk.endRecording().isEmpty)
    }

    @Test func `a message that is cut off is none`() {
        var message = Self.message(code: 16, Self.transfer(offset: 0, count: 512, [UInt8](repeating: 1, count: 100)))
        #expect(FUSERequest(message, count: message.count) == nil)
        message.removeLast()
        #expect(FUSERequest(message, count: message.count) == nil)
        #expect(FUSERequest([], count: 0) == nil)
    }

    @Test func `flushes are recorded, and holes read as zeros`() throws {
        let folder = FUSEFolder(disk: BlockDisk(size: 1 << 20))
        _ = folder.disk.write([UInt8](repeating: 9, count: 8192), at: 0)
        folder.disk.beginRecording()
        _ = folder.answer(try Self.request(code: 20, [UInt8](repeating: 0, count: 16)))
        var hole = ByteFields()
        hole.add(UInt64(1))
        hole.add(UInt64(4096))
        hole.add(UInt64(65536))
        hole.add(UInt32(0x03))
        hole.addZeros(4)
        let request = try Self.request(code: 43, hole.bytes)
        #expect(request.operation == .allocate(offset: 4096, count: 65536, zeroes: true))
        _ = folder.answer(request)
        #expect(folder.disk.read(at: 4095, count: 2) == [9, 0])
        #expect(folder.disk.endRecording().first == .flush)
    }

    @Test func `the first answer offers large writes, and names lead to the disk`() throws {
        let folder = FUSEFolder(disk: BlockDisk(size: 1 << 20))
        var hello = ByteFields()
        hello.add(UInt32(7))
        hello.add(UInt32(40))
        hello.addZeros(56)
        let answer = try #require(try folder.answer(Self.request(code: 26, hello.bytes)))
        #expect(answer.count == 16 + 64)
        #expect(answer.field(UInt32.self, at: 16) == 7)
        #expect(answer.field(UInt32.self, at: 16 + 20) == UInt32(FUSEFolder.writeLimit))
        let name = Array("disk".utf8) + [0]
        let entry = try #require(try folder.answer(Self.request(code: 1, name)))
        #expect(entry.count == 16 + 128)
        #expect(entry.field(UInt64.self, at: 16) == 2)
        // The size, in the attributes that follow forty bytes.
        #expect(entry.field(UInt64.self, at: 16 + 40 + 8) == 1 << 20)
        let other = try #require(try folder.answer(Self.request(code: 1, Array("disc".utf8) + [0])))
        #expect(other.field(Int32.self, at: 4) == -2)
    }

    @Test func `what must not be answered is not, and what is unknown is refused`() throws {
        let folder = FUSEFolder(disk: BlockDisk(size: 4096))
        let forget = try Self.request(code: 2, [UInt8](repeating: 0, count: 8))
        #expect(folder.answer(forget) == nil)
        let answer = try #require(try folder.answer(Self.request(code: 5000, [])))
        #expect(answer.field(Int32.self, at: 4) == -38)
    }

    @Test func `a loop device is configured past the page cache and goes with its last user`() {
        let bytes = LoopDevice.configuration(5)
        #expect(bytes.count == 304)
        #expect(bytes.field(UInt32.self, at: 0) == 5)
        #expect(bytes.field(UInt32.self, at: 8 + 52) == 4 | 16)
        #expect(bytes.count { $0 != 0 } == 2)
    }

    @Test func `extents are read, and those that are no plain blocks left out`() {
        var fields = ByteFields()
        fields.addZeros(20)
        fields.add(UInt32(2))
        fields.addZeros(8)
        for (physical, flags) in [(UInt64(8192), UInt32(1)), (12288, 0x201)] {
            fields.add(UInt64(0))
            fields.add(physical)
            fields.add(UInt64(4096))
            fields.addZeros(16)
            fields.add(flags)
            fields.addZeros(12)
        }
        #expect(FileExtents.ranges(fields.bytes) == [8192..<12288])
    }

    // MARK: Messages

    private static func message(code: UInt32, _ body: [UInt8]) -> [UInt8] {
        var fields = ByteFields()
        fields.add(UInt32(40 + body.count))
        fields.add(code)
        fields.add(UInt64(99))
        fields.add(UInt64(1))
        fields.addZeros(16)
        fields.add(body)
        return fields.bytes
    }

    private static func request(code: UInt32, _ body: [UInt8]) throws -> FUSERequest {
        let bytes = message(code: code, body)
        // The kernel's buffer is longer than its message.
        return try #require(FUSERequest(bytes + [1, 2, 3], count: bytes.count))
    }

    private static func transfer(offset: UInt64, count: UInt32, _ bytes: [UInt8]) -> [UInt8] {
        var fields = ByteFields()
        fields.add(UInt64(1))
        fields.add(offset)
        fields.add(count)
        fields.addZeros(20)
        fields.add(bytes)
        return fields.bytes
    }
}
