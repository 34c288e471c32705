import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: our pages are, byte for byte, those that an independent builder makes and that servers import.
/// Method: its sealed pages' checksums and some of their bytes, as constants; the same rows through our operations.
@Suite struct GoldenPageTests {
    private func hex(_ fixture: PageFixture, _ range: Range<Int>) -> String {
        range.map { offset in
            let byte = fixture.bytes.u8(at: offset)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private func packed(_ body: (inout PackedRecords) throws -> Void, into fixture: PageFixture) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16384, alignment: 8)
        defer { unsafe buffer.deallocate() }
        var list = unsafe PackedRecords(buffer)
        try body(&list)
        try unsafe fixture.apply(.insertRecords(predecessor: IndexPage.infimum, packed: list.bytes))
    }

    private func page(_ number: UInt32) -> PageFixture {
        PageFixture(id: PageID(space: SpaceID(rawValue: 77), number: PageNumber(rawValue: number)))
    }

    private func expect(_ fixture: PageFixture, checksum: UInt32, whole: UInt32) {
        fixture.bytes.lsn = LogSequenceNumber(rawValue: 123_456_789)
        PageSeal.seal(fixture.bytes)
        #expect(fixture.bytes.checksum == checksum)
        #expect(unsafe Checksum.crc32c(fixture.bytes.all) == whole)
        #expect(PageSeal.fault(fixture.bytes, expected: fixture.id) == nil)
        #expect(fixture.findings() == [])
    }

    @Test func aLeafWithLongKeysAndAnOffPageValueIsTheGoldenOne() throws {
        let fixture = page(4)
        fixture.makeIndex()
        try fixture.apply(.setSiblings(previous: PageNumber(rawValue: 3), next: PageNumber(rawValue: 5)))
        try packed(
            { list in
                for row in 0..<30 {
                    var key = Array("key0".utf8) + [UInt8(48 + row / 10), UInt8(48 + row % 10)]
                    if row % 7 == 3 { key += [UInt8](repeating: 0x78, count: 200) }
                    let value = [UInt8](repeating: UInt8(65 + row), count: row * 11 % 150)
                    let isAppended = try withLeaf(key, value) { list.append($0) }
                    #expect(isAppended)
                }
                let reference = OffPageReference(
                    space: SpaceID(rawValue: 77),
                    firstPage: PageNumber(rawValue: 9),
                    byteCount: 50000
                )
                var bytes = [UInt8](repeating: 0, count: 20)
                unsafe bytes.withUnsafeMutableBytes { unsafe reference.write(to: $0.baseAddress!) }
                let isAppended = try withLeaf(Array("key900".utf8), bytes, isOffPage: true) { list.append($0) }
                #expect(isAppended)
            },
            into: fixture
        )
        #expect(
            hex(fixture, 38..<161)
                == "00080f00802100000000000000050000001f000000000000000000000000000000001092"
                + "0000000000000000000000000000"
                + "000000000000010002001c696e66696d756d0008000b000073757072656d756d0006000010001a6b65793030300000000000"
                + "00800000000000000b0600001800256b65793030310000"
        )
        #expect(hex(fixture, 16360..<16376) == "00700acb09350786058c02e500ef0063")
        let last = try #require(fixture.page.last)
        #expect(last.isOffPage)
        #expect(last.valueReference.byteCount == 50000)
        #expect(last.valueReference.firstPage == PageNumber(rawValue: 9))
        expect(fixture, checksum: 0x0B94_671B, whole: 0xA54F_0723)
    }

    @Test func aNodePageIsTheGoldenOne() throws {
        let fixture = page(6)
        fixture.makeIndex(level: 1)
        var keys: [[UInt8]] = [[], [97, 97, 97], [UInt8](repeating: 98, count: 130)]
        for number in UInt8(0)..<9 { keys.append([99, 48, 48 + number]) }
        try packed(
            { list in
                for (number, key) in keys.enumerated() {
                    let isAppended = try withNode(key, UInt32(10 + number), isMinimum: number == 0) { list.append($0) }
                    #expect(isAppended)
                }
            },
            into: fixture
        )
        #expect(hex(fixture, 120..<150) == "00100011000a0000000a03000019000e6161610000000b8280000021008c")
        expect(fixture, checksum: 0xE773_3AC8, whole: 0xCA81_A2EF)
    }

    @Test func anEmptyPageIsTheGoldenOne() {
        let fixture = page(7)
        fixture.makeIndex()
        expect(fixture, checksum: 0x910A_B2C4, whole: 0xC0E9_4E68)
    }
}
