import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

/// Goal: both kinds of queue return every completion once, with the bytes where they belong.
/// Method: the same workload through the kernel's queue and through threads, on direct and buffered files.
@Suite struct StorageQueueTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    @Test("pages written out of order are read back", arguments: [true, false], [true, false])
    func roundTrip(direct: Bool, async: Bool) throws {
        let storage = LinuxStorage(directIO: direct, asyncIO: async)
        let queue = try storage.makeQueue(depth: 8)
        let file = try storage.open(directory.file("a"), role: .data, creating: true, readOnly: false)
        let pageCount = 50
        let pages = try AlignedBuffer(byteCount: pageCount * 16384)
        for index in unsafe pages.bytes.indices {
            unsafe pages.bytes[index] = UInt8(truncatingIfNeeded: index / 16384 &* 7)
        }
        var random = SeededRandom(seed: 7)
        for isWrite in [true, false] {
            let copy = try AlignedBuffer(byteCount: pageCount * 16384)
            let memory = unsafe isWrite ? pages.bytes : copy.bytes
            let requests = (0..<pageCount).shuffled(using: &random).map { page -> StorageRequest in
                let slice = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[page * 16384..<(page + 1) * 16384])
                return unsafe StorageRequest(
                    file: file,
                    isWrite: isWrite,
                    buffer: slice,
                    offset: UInt64(page * 16384),
                    tag: UInt64(page)
                )
            }
            queue.submit(requests)
            #expect(queue.inFlightCount == pageCount)
            var completions: [StorageCompletion] = []
            while queue.inFlightCount > 0 { completions += queue.complete(minimum: 3) }
            #expect(completions.map(\.tag).sorted() == (0..<UInt64(pageCount)).map { $0 })
            #expect(completions.allSatisfy { $0.error == nil && $0.byteCount == 16384 })
            if !isWrite { #expect(unsafe copy.bytes.elementsEqual(pages.bytes)) }
        }
        #expect(queue.complete(minimum: 5).isEmpty)
        #expect(storage.status.contains(async ? "libaio" : "threads"))
    }

    @Test("a read at the end of the file is short, and beyond it empty", arguments: [true, false])
    func shortRead(async: Bool) throws {
        let storage = LinuxStorage(asyncIO: async)
        let queue = try storage.makeQueue(depth: 4)
        let file = try storage.open(directory.file("a"), role: .data, creating: true, readOnly: false)
        try file.extend(to: 20480)
        let memory = try AlignedBuffer(byteCount: 32768)
        let requests = [8192, 20480].enumerated().map { index, offset in
            unsafe StorageRequest(
                file: file,
                isWrite: false,
                buffer: UnsafeMutableRawBufferPointer(rebasing: memory.bytes[index * 16384..<(index + 1) * 16384]),
                offset: UInt64(offset),
                tag: UInt64(index)
            )
        }
        queue.submit(requests)
        let completions = queue.complete(minimum: 2).sorted { $0.tag < $1.tag }
        #expect(completions.map(\.byteCount) == [12288, 0])
        #expect(completions.allSatisfy { $0.error == nil })
    }

    @Test("a request that cannot be started ends with its error, and its neighbours succeed", arguments: [true, false])
    func errors(async: Bool) throws {
        let storage = LinuxStorage(asyncIO: async)
        let queue = try storage.makeQueue(depth: 8)
        let good = try storage.open(directory.file("a"), role: .data, creating: true, readOnly: false)
        try good.extend(to: 65536)
        let closed = try storage.open(directory.file("b"), role: .data, creating: true, readOnly: false)
        closed.close()
        let readOnly = try storage.open(directory.file("a"), role: .data, creating: false, readOnly: true)
        let memory = try AlignedBuffer(byteCount: 6 * 16384)
        let plan: [(any StorageFile, Bool, UInt64)] = [
            (good, true, 0), (closed, false, 0), (good, false, 0), (good, true, 16384), (readOnly, true, 0),
            (good, true, 32768),
        ]
        // The third goes to an address where no memory is.
        let nowhere = unsafe UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: 4096),
            count: 16384
        )
        let requests = plan.enumerated().map { index, item -> StorageRequest in
            let slice = unsafe UnsafeMutableRawBufferPointer(
                rebasing: memory.bytes[index * 16384..<(index + 1) * 16384]
            )
            return unsafe StorageRequest(
                file: item.0,
                isWrite: item.1,
                buffer: index == 2 ? nowhere : slice,
                offset: item.2,
                tag: UInt64(index)
            )
        }
        queue.submit(requests)
        let completions = queue.complete(minimum: 6).sorted { $0.tag < $1.tag }
        #expect(completions.map { $0.error?.code } == [nil, .closed, .readFailed, nil, .readOnly, nil])
        #expect(queue.inFlightCount == 0)
    }

    @Test(
        "an atomic write is made where the file says so, and refused, with nothing written, where not",
        arguments: [true, false],
        [true, false]
    )
    func atomicWrites(direct: Bool, async: Bool) throws {
        let storage = LinuxStorage(directIO: direct, asyncIO: async)
        let queue = try storage.makeQueue(depth: 4)
        let file = try storage.open(directory.file("a"), role: .data, creating: true, readOnly: false)
        try file.extendByWriting(to: 65536)
        #expect(file.atomicWriteUnit == 0 || (file.atomicWriteUnit == 16384 && direct))
        let memory = try AlignedBuffer(byteCount: 16384)
        unsafe memory.bytes.initializeMemory(as: UInt8.self, repeating: 7)
        let request = unsafe StorageRequest(
            file: file,
            isWrite: true,
            buffer: memory.bytes,
            offset: 16384,
            tag: 5,
            isAtomic: true
        )
        queue.submit([request])
        let end = try #require(queue.complete(minimum: 1).first)
        let copy = try AlignedBuffer(byteCount: 16384)
        #expect(try unsafe file.read(into: copy.bytes, at: 16384) == 16384)
        if let error = end.error {
            #expect(file.atomicWriteUnit == 0 && error.isRefusedAtomicWrite, "\(error)")
            #expect(unsafe copy.bytes.allSatisfy { $0 == 0 })
        } else {
            #expect(unsafe end.byteCount == 16384 && copy.bytes.allSatisfy { $0 == 7 })
        }
    }
}
