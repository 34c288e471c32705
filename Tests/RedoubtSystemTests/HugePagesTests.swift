import TestSupport
import Testing

@testable import RedoubtSystem

/// Goal: huge pages are wanted where they should be and nowhere else. Method: the flags that the kernel reports for the
/// memory; whether it has a huge page to give is not asked.
@Suite struct HugePagesTests {
    private static let unit = AlignedBuffer.hugePageByteCount

    @Test("a buffer that wants huge pages begins at one, and holds zeros up to its end")
    func aligned() throws {
        let buffer = try AlignedBuffer(byteCount: 3 * Self.unit + 5000, hugePages: true)
        let base = unsafe UInt(bitPattern: buffer.bytes.baseAddress)
        #expect(base % UInt(Self.unit) == 0)
        #expect(try HugePageWish.flag(at: base) == (HugePageWish.isSupported ? "hg" : nil))
        #expect(unsafe buffer.bytes.count == 3 * Self.unit + 5000)
        #expect(unsafe buffer.bytes.allSatisfy { $0 == 0 })
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 1)
    }

    @Test("buffers that want none, are too small or are reservations get no huge pages", arguments: 0..<3)
    func others(kind: Int) throws {
        let count = kind == 1 ? Self.unit - 1 : 4 * Self.unit
        let buffer = try AlignedBuffer(byteCount: count, reservation: kind == 2, hugePages: kind > 0)
        let base = unsafe UInt(bitPattern: buffer.bytes.baseAddress)
        #expect(try HugePageWish.flag(at: base) == nil)
    }

    @Test("only huge pages that lie in the range as a whole are wanted, until they are not")
    func range() throws {
        let buffer = try AlignedBuffer(byteCount: 4 * Self.unit, reservation: true, hugePages: true)
        let base = unsafe UInt(bitPattern: buffer.bytes.baseAddress)
        let wanted: String? = HugePageWish.isSupported ? "hg" : nil
        let unwanted: String? = HugePageWish.isSupported ? "nh" : nil
        buffer.wantHugePages(true, in: 1..<(4 * Self.unit - 1))
        #expect(try HugePageWish.flag(at: base) == nil)
        #expect(try HugePageWish.flag(at: base + UInt(Self.unit)) == wanted)
        #expect(try HugePageWish.flag(at: base + UInt(2 * Self.unit)) == wanted)
        #expect(try HugePageWish.flag(at: base + UInt(3 * Self.unit)) == nil)
        buffer.wantHugePages(false, in: 2 * Self.unit..<3 * Self.unit)
        #expect(try HugePageWish.flag(at: base + UInt(Self.unit)) == wanted)
        #expect(try HugePageWish.flag(at: base + UInt(2 * Self.unit)) == unwanted)
    }

    @Test("no huge page that lies partly in a range that is to have none brings it back")
    func part() throws {
        let buffer = try AlignedBuffer(byteCount: 3 * Self.unit + 5000, hugePages: true)
        let base = unsafe UInt(bitPattern: buffer.bytes.baseAddress)
        let wanted: String? = HugePageWish.isSupported ? "hg" : nil
        let unwanted: String? = HugePageWish.isSupported ? "nh" : nil
        buffer.wantHugePages(false, in: Self.unit..<Self.unit)
        buffer.wantHugePages(false, in: Self.unit + 16384..<Self.unit + 16384)
        #expect(try HugePageWish.flag(at: base + UInt(Self.unit)) == wanted)
        buffer.wantHugePages(false, in: Self.unit + 16384..<3 * Self.unit + 5000)
        #expect(try HugePageWish.flag(at: base) == wanted)
        #expect(try HugePageWish.flag(at: base + UInt(Self.unit)) == unwanted)
        #expect(try HugePageWish.flag(at: base + UInt(3 * Self.unit)) == unwanted)
    }
}
