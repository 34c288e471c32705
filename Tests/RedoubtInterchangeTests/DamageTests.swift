import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: no bytes of a file make the reader trap, hang or take memory without end. Method: one good file of each form,
/// and thousands of damaged ones: bits flipped, bytes, fields, pages overwritten, the file cut; with the checksums as
/// they were, when every change in a page that is used must be noticed, and made right again, when nothing but the
/// structure can tell. Every outcome is rows or a `RedoubtError`.
@Suite(.timeLimit(.minutes(20))) struct DamageTests {
    private static let caseCount = 2000

    @Test func `damage under an old checksum gives the same rows or an error`() throws {
        let rows = SpecimenRows.high(100)
        let good = try ForeignFile(rows)
        var random = SeededRandom(seed: testSeed())
        var refusals = 0
        for turn in 0..<Self.caseCount {
            var file = good
            let offset = Self.place(&random, in: good)
            let old = file.bytes[offset]
            file.bytes[offset] = random.below(2) == 0 ? old ^ 1 << UInt8(random.below(8)) : UInt8(random.below(256))
            do {
                let found = try file.rows(turn % 2 == 0 ? .keyspace : nil)
                #expect(found == rows, "byte \(offset), \(old) is now \(file.bytes[offset])")
            } catch {
                #expect(error is RedoubtError, "byte \(offset): \(error)")
                refusals += 1
            }
        }
        print("damage: \(refusals) of \(Self.caseCount) files refused")
        #expect(refusals > Self.caseCount / 2)
    }

    @Test(arguments: [0x21, 0x15, 0x4021]) func `damage under a new checksum gives rows or an error`(form: Int) throws {
        let good = try Self.specimen(form)
        var random = SeededRandom(seed: testSeed())
        var refusals = 0
        var codes: Set<String> = []
        for turn in 0..<Self.caseCount {
            var file = good
            for _ in 0...random.below(3) { Self.damage(&file, &random) }
            if random.below(10) == 0 { file.bytes.removeLast(random.below(file.bytes.count)) }
            if let fault = Self.outcome(of: file, turn % 2 == 0 ? .keyspace : nil) {
                refusals += 1
                codes.insert(fault.code.rawValue)
            }
        }
        print("damage: \(refusals) of \(Self.caseCount) sealed files of form \(form) refused: \(codes.sorted())")
        #expect(refusals > Self.caseCount / 10)
    }

    @Test func `rubbish with a good first page gives an error`() throws {
        let good = try ForeignFile(SpecimenRows.high(30))
        var random = SeededRandom(seed: testSeed())
        for _ in 0..<100 {
            var file = good
            for page in 3..<20 {
                for offset in stride(from: 38, to: 16376, by: 8) {
                    file.store(Int(truncatingIfNeeded: random.next()), 8, page, offset)
                }
                file.store([17855, 10, 24, 22][random.below(4)], 2, page, 24)
                file.seal(page)
            }
            #expect(Self.outcome(of: file, nil) != nil)
        }
    }

    private static func specimen(_ form: Int) throws -> ForeignFile {
        if form == 0x4021 {
            let value = [UInt8](repeating: 5, count: 37_007)
            var file = try ForeignFile([Row(key: [1], value: value), Row(key: [2], value: [3])])
            ForeignFormTests.makeMySQL(&file, value)
            return file
        }
        var file = try ForeignFile(SpecimenRows.high(100))
        if form == 0x15 {
            file.store(form, 4, 0, 54)
            for page in 0..<file.pageCount { file.store(0, 4, page, 0) }
            file.sealAll()
        }
        return file
    }

    /// Reads the file; whatever is not an error of this engine fails the test.
    private static func outcome(of file: ForeignFile, _ definition: TableDefinition?) -> RedoubtError? {
        do {
            _ = try file.rows(definition)
            return nil
        } catch {
            let fault = error as? RedoubtError
            #expect(fault != nil, "\(error)")
            return fault
        }
    }

    /// A byte of a page that is used.
    private static func place(_ random: inout SeededRandom, in file: ForeignFile) -> Int {
        while true {
            let page = random.below(file.pageCount)
            if page == 0 || page > 2 && file.number(page, 24, 2) != 0 { return page * 16384 + random.below(16384) }
        }
    }

    /// Changes something on a page and seals it: rather headers, records and lengths than bytes of values.
    private static func damage(_ file: inout ForeignFile, _ random: inout SeededRandom) {
        let place = place(&random, in: file)
        let page = place / 16384
        // The flags decide how to seal; they are another test's.
        if page == 0 && (50..<62).contains(place % 16384) { return }
        let values = [0, 1, 2, 3, 4, 0x7F, 0x80, 0xC0, 0xFF, 0x4000, 0xFFFF, 0xFFFF_FFFF, random.below(1 << 32)]
        let value = values[random.below(values.count)]
        let width = [1, 2, 4, 8][random.below(4)]
        switch random.below(6) {
        case 0: file.bytes[place] ^= 1 << UInt8(random.below(8))
        case 1: file.store(value, width, page, min(place % 16384, 16368))
        case 2: file.store(value, width, page, 4 + random.below(120))
        case 3 where page > 2:
            let origins = file.origins(page).filter { $0 > 10 && $0 < 16300 }
            guard !origins.isEmpty else { break }
            file.store(value, width, page, origins[random.below(origins.count)] - 9 + random.below(30))
        case 4 where page > 2:
            let other = Self.place(&random, in: file) / 16384
            let content = Array(file.bytes[other * 16384..<(other + 1) * 16384])
            file.bytes.replaceSubrange(page * 16384..<(page + 1) * 16384, with: content)
            file.store(page, 4, page, 4)
        default: file.store(value, 2, page, [8, 12, 38, 40, 42, 44, 46, 54, 64, 70][random.below(10)])
        }
        file.seal(page)
    }
}
