import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: a page that is not what was written is noticed. Method: every single-bit flip of a page of each kind, and each
/// fault made once.
@Suite struct PageSealTests {
    enum Sample: String, CaseIterable { case leaf, node, header, descriptors, inode, bitmap, blob, allocated }

    private func make(_ sample: Sample) throws -> PageFixture {
        let number: UInt32 =
            switch sample {
            case .header: 0
            case .bitmap: 1
            case .inode: 2
            case .descriptors: 16384
            default: 70
            }
        let fixture = PageFixture(id: PageID(space: SpaceID(rawValue: 1024), number: PageNumber(rawValue: number)))
        switch sample {
        case .leaf, .node:
            fixture.makeIndex(level: sample == .node ? 1 : 0)
            for row in UInt8(0)..<60 {
                let at = fixture.search([row]).predecessor
                if sample == .leaf {
                    try withLeaf([row], [UInt8](repeating: row, count: 90)) {
                        try fixture.apply(.insertRecord(predecessor: at, image: $0))
                    }
                } else {
                    try withNode([row], UInt32(row), isMinimum: row == 0) {
                        try fixture.apply(.insertRecord(predecessor: at, image: $0))
                    }
                }
            }
        case .header: try fixture.apply(.initialize(type: .spaceHeader))
        case .descriptors: try fixture.apply(.initialize(type: .extentDescriptors))
        case .inode: try fixture.apply(.initialize(type: .inode))
        case .bitmap: try fixture.apply(.initialize(type: .changeBufferBitmap))
        case .blob: try fixture.apply(.initialize(type: .blob))
        case .allocated: try fixture.apply(.freePage)
        }
        if sample != .leaf, sample != .node, sample != .bitmap, sample != .allocated {
            var random = SeededRandom(seed: UInt64(number))
            let bytes = (0..<4000).map { _ in UInt8(random.below(256)) }
            try unsafe bytes.withUnsafeBytes { try unsafe fixture.apply(.writeBytes(offset: 38, bytes: $0)) }
        }
        fixture.bytes.lsn = LogSequenceNumber(rawValue: 0x1_2345_6789)
        PageSeal.seal(fixture.bytes)
        return fixture
    }

    @Test(arguments: Sample.allCases) func everySingleBitFlipIsNoticed(sample: Sample) throws {
        let fixture = try make(sample)
        let page = fixture.bytes
        #expect(PageSeal.fault(page, expected: fixture.id) == nil)
        var missed: [Int] = []
        for bit in 0..<pageByteCount * 8 {
            let byte = page.u8(at: bit >> 3)
            page.store(byte ^ (1 << UInt8(bit & 7)), at: bit >> 3)
            if PageSeal.fault(page, expected: fixture.id) == nil { missed.append(bit) }
            page.store(byte, at: bit >> 3)
        }
        #expect(missed == [])
        #expect(PageSeal.fault(page, expected: fixture.id) == nil)
    }

    @Test func eachFaultHasItsName() throws {
        let fixture = try make(.leaf)
        let page = fixture.bytes
        let id = fixture.id
        #expect(PageSeal.fault(page, expected: id, lsnLimit: LogSequenceNumber(rawValue: 0x1_2345_6789)) == nil)
        #expect(
            PageSeal.fault(page, expected: id, lsnLimit: LogSequenceNumber(rawValue: 0x1_2345_6788))
                == .future(found: page.lsn, limit: LogSequenceNumber(rawValue: 0x1_2345_6788))
        )
        let other = PageID(space: SpaceID(rawValue: 5), number: PageNumber(rawValue: 71))
        #expect(
            PageSeal.fault(page, expected: PageID(space: id.space, number: other.number))
                == .number(found: id.number, expected: other.number)
        )
        #expect(
            PageSeal.fault(page, expected: PageID(space: other.space, number: id.number))
                == .space(found: id.space, expected: other.space)
        )
        page.store(UInt8(1), at: 30)
        #expect(PageSeal.fault(page, expected: id) == .reserved(0x100_0000))
        page.store(UInt8(0), at: 30)
        page.store(UInt32(7), at: 16380)
        #expect(PageSeal.fault(page, expected: id) == .lsnHalves(header: page.lsn, trailer: 7))
        PageSeal.seal(page)
        page.store(UInt8(77), at: 5000)
        guard case .checksum = PageSeal.fault(page, expected: id) else {
            Issue.record("a changed byte is not a checksum fault")
            return
        }
        let fault = try #require(PageSeal.fault(page, expected: id))
        #expect(fault.error(page: id).code == .corruptPage)
        #expect(fault.error(page: id).page == id)
    }

    @Test func aPageOfZerosWasNeverWritten() {
        let fixture = PageFixture()
        #expect(PageSeal.fault(fixture.bytes, expected: fixture.id) == .unwritten)
        for offset in [0, 63, 64, 8191, 16383] {
            fixture.bytes.store(UInt8(1), at: offset)
            #expect(!fixture.bytes.isUnwritten)
            #expect(PageSeal.fault(fixture.bytes, expected: fixture.id) != .unwritten)
            fixture.bytes.store(UInt8(0), at: offset)
        }
    }
}
