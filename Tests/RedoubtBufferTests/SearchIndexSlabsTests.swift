import RedoubtCore
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: blocks never overlap, and chunks go from one size to another.
///
/// Method: random allocations against a list of ranges.
@Suite struct SearchIndexSlabsTests {
    @Test("Blocks in use never overlap, and everything comes back")
    func randomUse() throws {
        let memory = try AlignedBuffer(byteCount: 8 * pageByteCount)
        let slabs = unsafe SearchIndexSlabs(
            base: memory.bytes.baseAddress.unsafelyUnwrapped,
            byteCount: 8 * pageByteCount
        )
        var random = SeededRandom(seed: 5)
        var used: [SearchIndex] = []
        for _ in 0..<3000 {
            if random.below(2) == 0, let block = slabs.allocate(byteCount: 1 + random.below(16384)) {
                let start = unsafe UInt(bitPattern: block.block)
                for other in used {
                    let otherStart = unsafe UInt(bitPattern: other.block)
                    #expect(start + UInt(block.byteCount) <= otherStart || otherStart + UInt(other.byteCount) <= start)
                }
                used.append(block)
            } else if !used.isEmpty {
                slabs.free(used.remove(at: random.below(used.count)))
            }
        }
        for block in used { slabs.free(block) }
        // Every chunk is free again: all of them can serve the largest class, then the smallest.
        let large = (0..<8).compactMap { _ in slabs.allocate(byteCount: 16384) }
        #expect(large.count == 8 && slabs.allocate(byteCount: 1) == nil)
        for block in large { slabs.free(block) }
        let small = (0..<256).compactMap { _ in slabs.allocate(byteCount: 512) }
        #expect(small.count == 256 && slabs.allocate(byteCount: 512) == nil)
    }

    @Test func `beyond the limit nothing is given out, and only what nobody uses is given back`() throws {
        let memory = try AlignedBuffer(byteCount: 8 * pageByteCount)
        let slabs = unsafe SearchIndexSlabs(
            base: memory.bytes.baseAddress.unsafelyUnwrapped,
            byteCount: 8 * pageByteCount,
            limit: 6 * pageByteCount
        )
        var blocks = (0..<13).compactMap { _ in slabs.allocate(byteCount: 8192) }
        #expect(blocks.count == 12)
        slabs.setLimit(byteCount: 2 * pageByteCount)
        #expect(!slabs.isWithinLimit && slabs.allocate(byteCount: 512) == nil)
        let beyond = blocks.filter(slabs.isBeyondLimit)
        #expect(beyond.count == 8)
        // A block that stays keeps its chunk.
        for block in beyond.dropLast() { slabs.free(block) }
        var ranges: [Range<Int>] = []
        #expect(slabs.giveBack { ranges.append($0) })
        #expect(ranges.reduce(0) { $0 + $1.count } == 3 * pageByteCount)
        #expect(ranges.allSatisfy { $0.lowerBound >= 2 * pageByteCount })
        // Admitted again while the block is in use: the rest of its chunk and all others serve.
        slabs.setLimit(byteCount: 8 * pageByteCount)
        #expect(slabs.isWithinLimit)
        blocks = blocks.filter { !beyond.dropLast().contains($0) }
        while let block = slabs.allocate(byteCount: 8192) { blocks.append(block) }
        #expect(blocks.count == 16 && Set(blocks.map(\.word)).count == 16)
        slabs.setLimit(byteCount: 0)
        for block in blocks { slabs.free(block) }
        ranges = []
        #expect(!slabs.giveBack { ranges.append($0) })
        #expect(slabs.isWithinLimit && ranges.reduce(0) { $0 + $1.count } == 8 * pageByteCount)
    }

    @Test("A block is the next power of two, up to a page")
    func sizes() {
        #expect(SearchIndexSlabs.blockByteCount(for: 1) == 512)
        #expect(SearchIndexSlabs.blockByteCount(for: 513) == 1024)
        #expect(SearchIndexSlabs.blockByteCount(for: 16384) == 16384)
        #expect(SearchIndexSlabs.blockByteCount(for: 16385) == nil)
    }
}
