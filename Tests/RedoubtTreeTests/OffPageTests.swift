import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: values of any size go in and come out in pieces, and no page of a chain is lost.
///
/// Method: sizes around page borders; replaced, deleted and interrupted values; the check that accounts for each
/// page.
@Suite struct OffPageTests {
    @Test(
        "Values of sizes around the borders come back whole",
        arguments: [8000, 8090, 8091, 8092, 8093, 16_329, 16_330, 16_331, 32_660, 32_661, 130_640, 130_641, 1_000_000]
    )
    func sizes(_ length: Int) throws {
        let fixture = try TreeFixture()
        try fixture.tree.put(key(1), value(length, length: length))
        #expect(try fixture.tree.value(key(1)) == value(length, length: length))
        try fixture.check()
        try fixture.tree.put(key(1), value(3, length: length + 1))
        #expect(try fixture.tree.value(key(1)) == value(3, length: length + 1))
        try fixture.check()
        #expect(try fixture.tree.compareAndPut(key(1), expected: value(3, length: length), new: []) == false)
        #expect(try fixture.tree.compareAndPut(key(1), expected: value(3, length: length + 1), new: nil))
        try fixture.check()
        let header = try fixture.kernel.pool.fetchShared(fixture.tree.id(SpaceFormat.headerPage))
        #expect(PendingChains.list(header.bytes).isEmpty)
        header.unlockShared()
    }

    @Test("A value that its source does not finish changes nothing")
    func interruptedSource() throws {
        let fixture = try TreeFixture()
        try fixture.tree.put(key(1), [1])
        var left = 20
        #expect(throws: RedoubtError.self) {
            try unsafe key(1).withUnsafeBytes { key in
                unsafe try fixture.tree.putStream(key, byteCount: 1 << 20) { (target) throws(RedoubtError) in
                    left -= 1
                    if left == 0 { throw RedoubtError(.readFailed, "the source ends here") }
                    return min(target.count, 9999)
                }
            }
        }
        #expect(try fixture.tree.value(key(1)) == [1])
        try fixture.check()
    }

    @Test("A chain that a crash left pending is freed")
    func pendingChains() throws {
        let fixture = try TreeFixture()
        _ = unsafe try fixture.tree.writeChain(byteCount: 400_000) { (target) throws(RedoubtError) in target.count }
        try fixture.check()
        #expect(try fixture.tree.freePendingChains().isEmpty)
        let (_, pages) = try fixture.tree.checkStructure()
        #expect(pages[.leaf]?.count == 0)
        try fixture.check()
    }

    @Test("A chain that was damaged gives an error, not a wrong value")
    func damagedChain() throws {
        let fixture = try TreeFixture()
        try fixture.tree.put(key(1), value(1, length: 50_000))
        let leaf = try fixture.tree.latchLeaf(.first, exclusively: false)
        let first = IndexPage(leaf.bytes).first?.valueReference.firstPage ?? .none
        leaf.unlockShared()
        let page = try fixture.kernel.pool.fetchExclusive(fixture.tree.id(first))
        page.bytes.store(first.rawValue, at: SpaceFormat.Blob.next)
        page.unlockExclusive()
        let next = try fixture.kernel.pool.fetchExclusive(fixture.tree.id(first))
        next.bytes.store(UInt32(7), at: SpaceFormat.Blob.partByteCount)
        next.unlockExclusive()
        #expect(throws: RedoubtError.self) { try fixture.tree.value(key(1)) }
        #expect(try !fixture.tree.checkStructure().findings.isEmpty)
    }
}
