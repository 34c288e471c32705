import Glibc
import RedoubtCore
import Testing

@testable import RedoubtSystem

/// Goal: huge pages are wanted where they should be and nowhere else. Method: the flags that the kernel reports for the
/// memory; whether it has a huge page to give is not asked.
@Suite struct HugePagesTests {
    private static let unit = AlignedBuffer.hugePageByteCount

    /// What the kernel says of the memory at `address`: "hg" if huge pages are wanted, "nh" if not, else nothing.
    private func wish(at address: UInt) throws -> String? {
        guard let file = unsafe fopen("/proc/self/smaps", "r") else { throw RedoubtError(.systemLimit, "no smaps") }
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        var isInside = false
        while unsafe fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let ends = text.prefix { $0 != " " }.split(separator: "-").compactMap { UInt(String($0), radix: 16) }
            if ends.count == 2 { isInside = ends[0]..<ends[1] ~= address }
            guard isInside, text.hasPrefix("VmFlags:") else { continue }
            return text.split(whereSeparator: \.isWhitespace).map(String.init).first { $0 == "hg" || $0 == "nh" }
        }
        throw RedoubtError(.systemLimit, "no mapping holds the address")
    }

    private var isSupported: Bool { unsafe access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0 }

    @Test("a buffer that wants huge pages begins at one, and holds zeros up to its end")
    func aligned() throws {
        let buffer = try AlignedBuffer(byteCount: 3 * Self.unit + 5000, hugePages: true)
        let base = unsafe UInt(bitPattern: buffer.bytes.baseAddress)
        #expect(base % UInt(Self.unit) == 0)
        #expect(try wish(at: base) == (isSupported ? "hg" : nil))
        #expect(unsafe buffer.bytes.count == 3 * Self.unit + 5000)
        #expect(unsafe buffer.bytes.allSatisfy { $0 == 0 })
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 1)
    }

    @Test("buffers that want none, are too small or are reservations get no huge pages", arguments: 0..<3)
    func others(kind: Int) throws {
        let count = kind == 1 ? Self.unit - 1 : 4 * Self.unit
        let buffer = try AlignedBuffer(byteCount: count, reservation: kind == 2, hugePages: kind > 0)
        let base = unsafe UInt(bitPattern: buffer.bytes.baseAddress)
        #expect(try wish(at: base) == nil)
    }

    @Test("only huge pages that lie in the range as a whole are wanted, until they are not")
    func range() throws {
        let buffer = try AlignedBuffer(byteCount: 4 * Self.unit, reservation: true, hugePages: true)
        let base = unsafe UInt(bitPattern: buffer.bytes.baseAddress)
        let wanted: String? = isSupported ? "hg" : nil
        let unwanted: String? = isSupported ? "nh" : nil
        buffer.wantHugePages(true, in: 1..<(4 * Self.unit - 1))
        #expect(try wish(at: base) == nil)
        #expect(try wish(at: base + UInt(Self.unit)) == wanted)
        #expect(try wish(at: base + UInt(2 * Self.unit)) == wanted)
        #expect(try wish(at: base + UInt(3 * Self.unit)) == nil)
        buffer.wantHugePages(false, in: 2 * Self.unit..<3 * Self.unit)
        #expect(try wish(at: base + UInt(Self.unit)) == wanted)
        #expect(try wish(at: base + UInt(2 * Self.unit)) == unwanted)
    }
}
