import RedoubtCore
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: the space check notices damage of every field it is about, and damaged management pages give errors, not
/// traps. Method: change single fields of a filled space behind its back; run the check, and random allocations.
@Suite struct SpaceCheckTests {
    private func filled() throws -> SpaceFixture {
        let fixture = try SpaceFixture()
        try fixture.allocate(.leaf, 40)
        try fixture.allocate(.leaf, 100)
        try fixture.allocate(.nonLeaf, 50)
        #expect(try fixture.findings() == [])
        return fixture
    }

    private func change(_ fixture: SpaceFixture, _ page: UInt32, _ body: (PageBytes) -> Void) throws {
        let id = PageID(space: fixture.space.id, number: PageNumber(rawValue: page))
        let frame = try fixture.kernel.pool.fetchExclusive(id)
        body(frame.bytes)
        frame.unlockExclusive()
    }

    @Test(arguments: [46, 50, 54, 58, 62, 70, 78, 84, 94, 113, 118, 134, 158, 173, 177, 200, 212])
    func aWrongByteOfPage0IsFound(_ offset: Int) throws {
        let fixture = try filled()
        try change(fixture, 0) { $0.store($0.u8(at: offset + 1) ^ 1, at: offset + 1) }
        #expect(try fixture.findings() != [])
    }

    @Test(arguments: [57, 58, 61, 79, 85, 113, 114, 118, 249, 253, 306])
    func aWrongByteOfTheInodePageIsFound(_ offset: Int) throws {
        let fixture = try filled()
        try change(fixture, 2) { $0.store($0.u8(at: offset) ^ 4, at: offset) }
        #expect(try fixture.findings() != [])
    }

    @Test func anUnreachedPageAndAStrayPageAreFound() throws {
        let fixture = try filled()
        let lost = fixture.pages[.leaf]?.removeLast()
        let findings = try fixture.findings()
        #expect(findings.count == 1)
        #expect(findings.first?.message.contains("nothing leads to") == true)
        if let lost { fixture.pages[.nonLeaf]?.append(lost) }
        #expect(try fixture.findings().count >= 2)
    }

    @Test(arguments: 0..<40)
    func randomDamageGivesErrorsAndNeverTraps(_ seed: Int) throws {
        let fixture = try filled()
        var random = SeededRandom(seed: UInt64(seed))
        try change(fixture, random.below(2) == 0 ? 0 : 2) { bytes in
            for _ in 0..<1 + random.below(6) {
                bytes.store(UInt8(random.below(256)), at: 38 + random.below(500))
            }
        }
        for _ in 0..<30 {
            do {
                let leaf = fixture.pages[.leaf] ?? []
                if random.below(2) == 0, !leaf.isEmpty {
                    // Only what prepare lets through may be changed.
                    let page = leaf[random.below(leaf.count)]
                    var mtr = try MiniTransaction.begin(fixture.kernel, redoBytes: 4096, pins: 40)
                    do {
                        _ = try SpaceAllocator.prepare(&mtr, fixture.space, freeing: [page])
                    } catch {
                        mtr.rollback()
                        throw error
                    }
                    mtr.rollback()
                } else {
                    var mtr = try MiniTransaction.begin(fixture.kernel, redoBytes: 4096, pins: 40)
                    do {
                        _ = try SpaceAllocator.prepare(&mtr, fixture.space, leafPages: 2, nonLeafPages: 1, near: .root)
                    } catch {
                        mtr.rollback()
                        throw error
                    }
                    mtr.rollback()
                }
            } catch let error as RedoubtError {
                #expect(error.code == .corruptPage)
            }
        }
        _ = try? fixture.findings()
    }
}
