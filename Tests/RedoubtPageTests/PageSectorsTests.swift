import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: an operation names every sector that it changes, and not many others.
/// Method: seeded random operations of every kind on pages of every kind; ``PageFixture/apply(_:_:)`` compares what an
/// operation says with what became of the bytes.
@Suite struct PageSectorsTests {
    @Test("Ranges of bytes have the sectors that they touch")
    func ranges() {
        for offset in stride(from: 0, to: pageByteCount, by: 127) {
            for count in [0, 1, 2, 511, 512, 513, 4096, pageByteCount] where offset + count <= pageByteCount {
                var sectors = PageSectors.none
                sectors.add(at: offset, count: count)
                let expected = Set((offset..<offset + count).map { $0 / PageSectors.byteCount })
                var found: Set<Int> = []
                sectors.forEachOffset { found.insert($0 / PageSectors.byteCount) }
                #expect(found == expected && sectors.count == expected.count, "\(count) bytes at \(offset)")
            }
        }
    }

    @Test("Every kind of operation names every sector that it changes")
    func everyKind() throws {
        let tally = SectorTally()
        for seed in 0..<8 {
            var world = PageWorld(seed: UInt64(seed), isLeaf: seed % 3 != 2, keys: seed % 4)
            for _ in 0..<120 { try world.step() }
            tally.add(world.fixture.sectors)
            try wholePages(seed: UInt64(seed), tally)
        }
        for kind in PageOperation.Kind.allCases {
            let line = try #require(tally.lines[kind], "\(kind) is not in the test")
            #expect(line.operationCount >= 3, "\(kind)")
            let ratio = Double(line.saidCount) / Double(max(1, line.changedCount))
            let mean = Double(line.saidCount) / Double(line.operationCount)
            let figures = (mean * 100).rounded() / 100
            print(
                "sectors, \(kind): \(line.operationCount) operations, \(figures) each, "
                    + "\((ratio * 100).rounded() / 100) times those that changed"
            )
            // Those that rewrite the page name all of it, and the page may have been empty.
            if kind != .reorganize && !Self.rewriting.contains(kind) { #expect(ratio < 1.5, "\(kind)") }
        }
    }

    private static let rewriting: Set<PageOperation.Kind> = [.initialize, .initializeIndex, .freePage, .image]

    /// Operations that look at no record.
    private func wholePages(seed: UInt64, _ tally: SectorTally) throws {
        var random = SeededRandom(seed: seed)
        let fixture = PageFixture()
        for step in 0..<60 {
            let count = 1 + random.below(3000)
            let offset = PageBytes.Offset.body + random.below(PageBytes.Offset.trailer - PageBytes.Offset.body - count)
            let bytes = (0..<count).map { _ in UInt8(random.below(256)) }
            try unsafe bytes.withUnsafeBytes { try unsafe fixture.apply(.writeBytes(offset: offset, bytes: $0)) }
            try fixture.apply(.fill(offset: offset, count: 1 + count / 2, byte: UInt8(random.below(256))))
            let number = PageNumber(rawValue: UInt32(step))
            try fixture.apply(.setSiblings(previous: number, next: number))
            guard step % 10 == 9 else { continue }
            let image = fixture.array
            try unsafe image.withUnsafeBytes { try unsafe fixture.apply(.expectImage($0)) }
            try fixture.apply(.freePage)
            try unsafe image.withUnsafeBytes { try unsafe fixture.apply(.image($0)) }
            try fixture.apply(.initialize(type: .blob))
            try fixture.apply(.initializeIndex(level: 0, indexID: 7))
        }
        tally.add(fixture.sectors)
    }
}
