import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a dump that was not written as a whole, by this database, names no page; a whole one names what was written.
///
/// Method: one dump, cut at each length and changed at each byte; lines that name no page under a right checksum;
/// noise.
@Suite struct PoolDumpFormatTests {
    private static let database = DatabaseID(high: 0x0123_4567_89AB_CDEF, low: 7)

    private static func page(_ space: UInt32, _ number: UInt32) -> PageID {
        PageID(space: SpaceID(rawValue: space), number: PageNumber(rawValue: number))
    }

    private func read(_ bytes: [UInt8], maximum: Int = 1000) -> (pages: [PageID], fault: String?) {
        var reader = PoolDumpReader(database: Self.database, maximum: maximum)
        for byte in bytes where !reader.take(byte) { return ([], reader.fault) }
        return reader.finish()
    }

    /// A dump with these lines, and a right checksum.
    private func dump(_ lines: String, header: String = PoolDump.header(database)) -> [UInt8] {
        let body = Array("\(header)\n\(lines)".utf8)
        let sum = unsafe body.withUnsafeBytes { unsafe Checksum.crc32c($0) }
        return body + Array("checksum \(PoolDump.digits(of: sum))\n".utf8)
    }

    @Test func `what was written is read, in order and once`() {
        let pages = [Self.page(9, 4), Self.page(1, 70), Self.page(9, 4), Self.page(1, 3), Self.page(.max, .max - 1)]
        let bytes = PoolDump.encode(pages, Self.database)
        #expect(
            String(decoding: bytes, as: UTF8.self).hasPrefix(
                "redoubt-pool-dump 1 0123456789abcdef0000000000000007\n9,4\n1,70\n"
            )
        )
        let (read, fault) = read(bytes)
        #expect(read == [Self.page(1, 3), Self.page(1, 70), Self.page(9, 4), Self.page(.max, .max - 1)])
        #expect(fault == nil)
        let none = self.read(PoolDump.encode([], Self.database))
        #expect(none.pages.isEmpty && none.fault == nil)
    }

    @Test func `of a dump with more pages than fit the first are kept`() {
        let bytes = PoolDump.encode((0..<100).map { Self.page(2, 99 - $0) }, Self.database)
        #expect(read(bytes, maximum: 10).pages == (90..<100).map { Self.page(2, $0) })
    }

    @Test func `a dump that was cut, or changed at any byte, is refused`() {
        let bytes = PoolDump.encode((0..<40).map { Self.page(2, $0 * 37) }, Self.database)
        for count in 0..<bytes.count { #expect(read(Array(bytes[..<count])).fault != nil, "cut to \(count)") }
        for index in bytes.indices {
            for mask: UInt8 in [1, 4, 0x80] {
                var damaged = bytes
                damaged[index] ^= mask
                #expect(read(damaged).fault != nil, "byte \(index) with \(mask)")
            }
        }
        #expect(read(bytes + [10]).fault != nil)
    }

    @Test func `a line that names no page is refused under a right checksum`() {
        #expect(read(dump("1,2\n")).fault == nil)
        for line in [
            "", "1", "1,", ",1", ",", "1,2,3", "0,5", "-1,2", "1,4294967295", "4294967296,1", "99999999999,1", " 1,2",
            "1,2 ",
            "1.5,2", "0x10,2", "a,b", "1,99999999999999999999999", String(repeating: "1", count: 200),
        ] {
            #expect(read(dump("3,4\n\(line)\n")).fault != nil, "\"\(line)\"")
        }
        #expect(read(dump("1,2\n", header: PoolDump.header(DatabaseID(high: 1, low: 7)))).fault != nil)
        #expect(read(dump("1,2\n", header: "redoubt-pool-dump 2 \(Self.database)")).fault != nil)
    }

    @Test func `noise is refused`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for round in 0..<500 {
            let noise = (0..<random.below(3000)).map { _ in UInt8(random.below(256)) }
            #expect(read(noise).fault != nil, "seed \(seed), round \(round)")
            let tail = PoolDump.encode([Self.page(1, 1)], Self.database).prefix(random.below(70)) + noise
            #expect(read(Array(tail)).fault != nil, "seed \(seed), round \(round)")
        }
    }
}
