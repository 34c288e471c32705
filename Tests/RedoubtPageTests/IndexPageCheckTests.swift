import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: each rule of the strict check notices its breach. Method: one breach at a time in a sound page.
@Suite struct IndexPageCheckTests {
    private func sound(level: UInt16 = 0) throws -> PageFixture {
        let fixture = PageFixture()
        fixture.makeIndex(level: level)
        for row in UInt8(0)..<40 {
            let at = fixture.search([1, row]).predecessor
            if level == 0 {
                try withLeaf([1, row], [UInt8](repeating: row, count: 20)) {
                    try fixture.apply(.insertRecord(predecessor: at, image: $0))
                }
            } else {
                try withNode([1, row], UInt32(row), isMinimum: row == 0) {
                    try fixture.apply(.insertRecord(predecessor: at, image: $0))
                }
            }
        }
        for row in UInt8(10)..<13 { try fixture.apply(.deleteRecord(origin: try #require(fixture.origin([1, row])))) }
        #expect(fixture.findings() == [])
        return fixture
    }

    private func expect(
        _ text: String,
        level: UInt16 = 0,
        _ damage: (PageFixture) throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let fixture = try sound(level: level)
        try damage(fixture)
        let findings = fixture.findings().map(\.description)
        #expect(findings.contains { $0.contains(text) }, "\(findings)", sourceLocation: sourceLocation)
    }

    @Test func theQuickVerdictIsThatOfTheCheckForAnyDamage() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        var damagedCount = 0
        for level: UInt16 in [0, 1] {
            let fixture = try sound(level: level)
            for _ in 0..<3000 {
                let copy = fixture.copy()
                for _ in 0...random.below(3) {
                    // Mostly where structure is: headers, records, directory.
                    let offset = random.below(8) == 0 ? 16376 - random.below(40) : random.below(1400)
                    copy.bytes.store(UInt8(truncatingIfNeeded: random.next()), at: offset)
                }
                if !copy.findings().isEmpty { damagedCount += 1 }
            }
        }
        #expect(damagedCount > 1500, "of 6000; seed \(seed)")
    }

    @Test func breachesOfTheHeaderAreFound() throws {
        try expect("page type") { $0.bytes.typeCode = 3 }
        try expect("directory slots") { $0.bytes.store(UInt16(1), at: 38) }
        try expect("heap top") { $0.bytes.store(UInt16(16376), at: 40) }
        try expect("compact") { $0.bytes.store($0.bytes.u16(at: 42) & 0x7FFF, at: 42) }
        try expect("number of heap records") { $0.bytes.store($0.bytes.u16(at: 42) + 1, at: 42) }
        try expect("garbage is") { $0.bytes.store($0.bytes.u16(at: 46) + 1, at: 46) }
        try expect("number of records") { $0.bytes.store($0.bytes.u16(at: 54) - 1, at: 54) }
        try expect("no infimum") { $0.bytes.store(UInt8(0), at: 100) }
        try expect("no supremum") { $0.bytes.store(UInt8(0), at: 113) }
        try expect("slot 0") { $0.bytes.store(UInt16(0), at: 16374) }
        let fixture = try sound()
        #expect(IndexPageCheck.findings(fixture.page, id: fixture.id, level: 1, indexID: 4242).count == 1)
        #expect(IndexPageCheck.findings(fixture.page, id: fixture.id, level: 0, indexID: 1).count == 1)
    }

    @Test func breachesOfTheDirectoryAreFound() throws {
        try expect("slot 2 is") { $0.bytes.store($0.bytes.u16(at: 16370) + 1, at: 16370) }
        try expect("owned count is") {
            let owner = $0.page.slotOrigin(2)
            $0.bytes.store(UInt8(5), at: owner - 5)
        }
        try expect("expected 4...8") {
            let owner = $0.page.slotOrigin(1)
            $0.bytes.store(UInt8(3), at: owner - 5)
        }
        try expect("owned count of the supremum") { $0.bytes.store(UInt8(9), at: 107) }
        try expect("number of directory slots") { $0.bytes.store(UInt8(0), at: $0.page.slotOrigin(1) - 5) }
    }

    @Test func breachesOfTheListAreFound() throws {
        try expect("does not reach the supremum") {
            let first = $0.page.firstOrigin
            $0.bytes.store(UInt16(0), at: first - 2)
        }
        try expect("not greater") {
            let second = $0.page.record(at: $0.page.firstOrigin).next
            $0.bytes.store(UInt8(0), at: second)
        }
        try expect("used twice") {
            let first = $0.page.firstOrigin
            $0.bytes.store(UInt16(3 << 3), at: first - 4)
        }
        try expect("heap number is") { $0.bytes.store(UInt16(1 << 3), at: $0.page.firstOrigin - 4) }
        try expect("status of a record") { $0.bytes.store(UInt16(2 << 3 | 1), at: $0.page.firstOrigin - 4) }
        try expect("ends at") { $0.bytes.store(UInt8(21), at: $0.page.firstOrigin - 7) }
        try expect("information bits") { $0.bytes.store(UInt8(0x40), at: $0.page.firstOrigin - 5) }
        try expect("off-page") {
            let second = $0.page.record(at: $0.page.firstOrigin).next
            $0.bytes.store(UInt8(0xC0), at: second - 6)
        }
        try expect("two length bytes") {
            let second = $0.page.record(at: $0.page.firstOrigin).next
            $0.bytes.store(UInt8(0x80), at: second - 7)
            $0.bytes.store(UInt8(20), at: second - 8)
        }
    }

    @Test func breachesOfTheFreeListAreFound() throws {
        try expect("does not end") {
            // Three freed records in a ring.
            let head = $0.page.freeHead
            var last = head
            while $0.bytes.u16(at: last - 2) != 0 { last = $0.page.record(at: last).next }
            $0.bytes.store(UInt16(truncatingIfNeeded: head - last), at: last - 2)
        }
        try expect("a freed record at") { $0.bytes.store(UInt16(16000), at: 44) }
        try expect("number of heap records") { $0.bytes.store(UInt16(0), at: 44) }
    }

    @Test func breachesOfTheMinimumRuleAreFound() throws {
        try expect("has no minimum bit", level: 1) { $0.bytes.store(UInt8(0), at: $0.page.firstOrigin - 5) }
        try expect("where none belongs", level: 1) {
            let second = $0.page.record(at: $0.page.firstOrigin).next
            $0.bytes.store(Record.Bits.minimum, at: second - 5)
        }
        try expect("where none belongs", level: 1) { $0.bytes.previous = PageNumber(rawValue: 9) }
        try expect("where none belongs") { $0.bytes.store(Record.Bits.minimum, at: $0.page.firstOrigin - 5) }
    }
}
