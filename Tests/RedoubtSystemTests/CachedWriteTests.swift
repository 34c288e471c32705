import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

/// Goal: redo files are written past the page cache and through it, and both see the same bytes. Method: a real
/// directory, with both kinds of I/O.
@Suite(.timeLimit(.minutes(20))) struct CachedWriteTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func filled(_ count: Int, _ byte: UInt8) throws -> AlignedBuffer {
        let buffer = try AlignedBuffer(byteCount: count)
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: byte)
        return buffer
    }

    @Test(arguments: [true, false]) func `cached and other writes follow each other`(direct: Bool) throws {
        let storage = LinuxStorage(directIO: direct)
        let file = try storage.open(directory.file("redo_1.log"), role: .redo, creating: true, readOnly: false)
        try file.extendByWriting(to: 16384)
        try file.sync()
        #expect(file.takesCachedWrites)
        let ones = try filled(8192, 1)
        let twos = try filled(4096, 2)
        let threes = try filled(512, 3)
        try unsafe file.writeCached(UnsafeRawBufferPointer(ones.bytes), at: 4096)
        try unsafe file.write(UnsafeRawBufferPointer(twos.bytes), at: 4096)
        // Neither offset nor length nor memory need be aligned.
        try unsafe file.writeCached(UnsafeRawBufferPointer(rebasing: threes.bytes[1..<101]), at: 5001)
        let target = try AlignedBuffer(byteCount: 16384)
        for _ in 0..<2 {
            #expect(try unsafe file.read(into: target.bytes, at: 0) == 16384)
            let seen = unsafe [UInt8](target.bytes)
            #expect(seen[4095] == 0 && seen[4096] == 2 && seen[5000] == 2 && seen[5001] == 3)
            #expect(seen[5100] == 3 && seen[5101] == 2 && seen[8191] == 2 && seen[8192] == 1 && seen[12288] == 0)
            try file.sync()
        }
        file.close()
        #expect(code { try unsafe file.writeCached(UnsafeRawBufferPointer(ones.bytes), at: 0) } == .closed)
    }

    @Test func `files that are read only, or no redo, take no cached writes`() throws {
        let storage = LinuxStorage()
        let path = directory.file("redo_1.log")
        let bytes = try filled(4096, 1)
        try storage.open(path, role: .redo, creating: true, readOnly: false).close()
        let reader = try storage.open(path, role: .redo, creating: false, readOnly: true)
        #expect(!reader.takesCachedWrites)
        #expect(code { try unsafe reader.writeCached(UnsafeRawBufferPointer(bytes.bytes), at: 0) } == .readOnly)
        let data = try storage.open(directory.file("a.ibd"), role: .data, creating: true, readOnly: false)
        if data.alignment > 1 {
            #expect(!data.takesCachedWrites)
            #expect(
                code { try unsafe data.writeCached(UnsafeRawBufferPointer(bytes.bytes), at: 0) } == .systemCallFailed
            )
        }
    }
}
