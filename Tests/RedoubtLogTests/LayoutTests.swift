import RedoubtCore
import RedoubtSystem
import Testing

@testable import RedoubtLog

/// Goal: blocks, headers and checkpoints come back as they were written, and no bit flip in them goes unnoticed.
/// Method: golden numbers, round trips, and every single-bit flip of one of each.
@Suite struct LayoutTests {
    @Test func `block numbers and epochs follow the golden values`() {
        let golden: [(UInt64, UInt32, UInt8)] = [
            (8192, 17, 1), (8704, 18, 1), (1 << 39, 1, 2), ((1 << 39) + 512, 2, 2),
        ]
        for (lsn, number, epoch) in golden {
            let index = LogBlock.index(of: LogSequenceNumber(rawValue: lsn))
            #expect(LogBlock.number(index: index) == number)
            #expect(LogBlock.epoch(index: index) == epoch)
        }
    }

    @Test(arguments: [12, 13, 100, 507, 508], [16 as UInt64, 99, (1 << 30) + 5] as [UInt64])
    func `a block says what it was sealed with`(dataEnd: Int, index: UInt64) {
        unsafe withBytes(512) { block in
            unsafe LogBlock.seal(block, index: index, dataEnd: dataEnd, firstGroup: 12, durableBlockCount: index)
            let fields = unsafe LogBlock.fields(block, index: index)
            #expect(
                fields
                    == LogBlock.Fields(
                        dataEnd: dataEnd,
                        firstGroup: dataEnd > 12 ? 12 : 0,
                        durableBlockCount: index
                    )
            )
            #expect(unsafe LogBlock.fields(block, index: index + 1) == nil)
            #expect(unsafe LogBlock.fields(block, index: index + (1 << 30)) == nil, "the epoch tells turns apart")
        }
    }

    @Test func `a distance that does not fit is unknown`() {
        unsafe withBytes(512) { block in
            unsafe LogBlock.seal(block, index: 1 << 25, dataEnd: 20, firstGroup: 0, durableBlockCount: 3)
            #expect(unsafe LogBlock.fields(block, index: 1 << 25)?.durableBlockCount == nil)
            unsafe LogBlock.seal(block, index: 1 << 25, dataEnd: 20, firstGroup: 0, durableBlockCount: (1 << 25) + 1)
            #expect(unsafe LogBlock.fields(block, index: 1 << 25)?.durableBlockCount == (1 << 25) + 1)
        }
    }

    @Test func `every bit flip of a block is noticed`() {
        unsafe withBytes(512) { block in
            for index in 0..<512 {
                unsafe block.storeBytes(of: UInt8(index & 255), toByteOffset: index, as: UInt8.self)
            }
            unsafe LogBlock.seal(block, index: 77, dataEnd: 508, firstGroup: 60, durableBlockCount: 70)
            for bit in 0..<4096 {
                unsafe flip(bit, in: block)
                if unsafe LogBlock.fields(block, index: 77) != nil { Issue.record("bit \(bit) goes unnoticed") }
                unsafe flip(bit, in: block)
            }
            #expect(unsafe LogBlock.fields(block, index: 77) != nil)
        }
    }

    @Test func `headers and checkpoints come back, and every bit flip is noticed`() {
        let header = LogFileHeader(
            database: DatabaseID(high: 1, low: 2),
            start: 8192,
            number: 3,
            fileSize: 65536,
            configurationHash: 5
        )
        let checkpoint = CheckpointBlock(
            lsn: 9000,
            durable: 9100,
            number: 4,
            cleanShutdown: 0,
            fileCount: 6,
            database: header.database,
            replayRate: 7_000_000
        )
        unsafe withBytes(512) { block in
            #expect(unsafe LogFileHeader.decode(block) == .blank)
            unsafe header.encode(to: block)
            #expect(unsafe LogFileHeader.decode(block) == .valid(header))
            for bit in 0..<4096 {
                unsafe flip(bit, in: block)
                let content = unsafe LogFileHeader.decode(block)
                if content != .damaged && content != .foreign { Issue.record("bit \(bit) goes unnoticed") }
                unsafe flip(bit, in: block)
            }
            unsafe checkpoint.encode(to: block)
            #expect(unsafe CheckpointBlock.decode(block) == checkpoint)
            for bit in 0..<4096 {
                unsafe flip(bit, in: block)
                if unsafe CheckpointBlock.decode(block) != nil { Issue.record("bit \(bit) goes unnoticed") }
                unsafe flip(bit, in: block)
            }
        }
    }

    @Test func `names of redo files are exact`() {
        #expect(LogFileName.slot("redo_12.log") == 12)
        for name in ["redo_.log", "redo_0.log", "redo_01.log", "redo_+1.log", "redo_1.log.tmp", "redo_-1.log", "x"] {
            #expect(LogFileName.slot(name) == nil, "\(name)")
        }
    }

    private func flip(_ bit: Int, in block: UnsafeMutableRawPointer) {
        let byte = unsafe block.load(fromByteOffset: bit / 8, as: UInt8.self)
        unsafe block.storeBytes(of: byte ^ 1 << UInt8(bit % 8), toByteOffset: bit / 8, as: UInt8.self)
    }

    private func withBytes(_ count: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        unsafe body(memory)
        unsafe memory.deallocate()
    }
}
