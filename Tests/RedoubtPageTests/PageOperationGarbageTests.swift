import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: no bytes in a file make the engine trap, hang or write outside a page. Method: random bodies on random,
/// damaged and sound pages, with a guard behind each page; damaged bodies of real operations; searches and checks of
/// rubbish.
@Suite struct PageOperationGarbageTests {
    private func fill(_ fixture: PageFixture, _ random: inout SeededRandom) {
        for offset in stride(from: 0, to: pageByteCount, by: 8) { fixture.bytes.store(random.next(), at: offset) }
    }

    /// A sound page with some rows, leaf or node.
    private func sound(level: UInt16) throws -> PageFixture {
        let fixture = PageFixture()
        fixture.makeIndex(level: level)
        for row in 0..<80 {
            let key = Array("key".utf8) + [UInt8(row * 37 % 80)]
            let at = fixture.search(key).predecessor
            if level == 0 {
                try withLeaf(key, [UInt8](repeating: 1, count: row)) {
                    try fixture.apply(.insertRecord(predecessor: at, image: $0))
                }
            } else {
                try withNode(key, UInt32(row)) { try fixture.apply(.insertRecord(predecessor: at, image: $0)) }
            }
        }
        for row in 0..<10 {
            let origin = try #require(fixture.origin(Array("key".utf8) + [UInt8(row * 7)]))
            try fixture.apply(.deleteRecord(origin: origin))
        }
        return fixture
    }

    private func randomBody(_ kind: PageOperation.Kind, _ random: inout SeededRandom, _ page: IndexPage) -> [UInt8] {
        var body = (0..<random.below(60)).map { _ in UInt8(random.below(256)) }
        let fixed: Int? =
            switch kind {
            case .initialize, .deleteRecord, .deleteFrom, .deleteBefore: 2
            case .initializeIndex: 10
            case .setSiblings: 8
            case .fill: 5
            case .setInfoBits: 3
            case .setChild: 6
            case .freePage, .reorganize: 0
            default: nil
            }
        if let fixed { body = (0..<fixed).map { _ in UInt8(random.below(256)) } }
        if body.count >= 2, random.below(2) == 0 {
            // An origin that is probably that of a record.
            var origin = IndexPage.infimum
            for _ in 0..<random.below(80) { origin = page.record(at: origin).next }
            body[0] = UInt8(origin >> 8)
            body[1] = UInt8(origin & 255)
        }
        if body.count >= 6, kind == .insertRecord || kind == .insertRecords || kind == .replaceRecord {
            body[2] = UInt8(random.below(4)) << 4 | UInt8(random.below(8) == 0 ? 1 : 0)
            body[3] = UInt8(random.below(12))
            body[4] = UInt8(random.below(50))
        }
        if body.count >= 4, kind == .writeBytes { body[0] &= 0x3F }
        return body
    }

    @Test(arguments: 0..<4) func randomBodiesNeverTrap(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed) + 1000)
        let kinds = PageOperation.Kind.allCases.filter { $0 != .image && $0 != .expectImage }
        let templates = [try sound(level: 0), try sound(level: 1)]
        let fixture = PageFixture()
        let index = IndexFixture(byteCount: 1024)
        var accepted = 0
        for round in 0..<5000 {
            if round % 20 == 0 {
                if random.below(3) == 0 {
                    fill(fixture, &random)
                } else {
                    fixture.bytes.copyPage(from: templates[random.below(2)].bytes)
                }
                if random.below(3) == 0 {
                    fixture.bytes.copyPage(from: templates[random.below(2)].bytes)
                    for _ in 0..<random.below(40) {
                        fixture.bytes.store(UInt8(random.below(256)), at: 38 + random.below(3500))
                    }
                }
                index.index.build(from: fixture.page)
            }
            let kind = kinds[random.below(kinds.count)]
            let body = randomBody(kind, &random, fixture.page)
            let isAccepted = unsafe body.withUnsafeBytes { bytes -> Bool in
                guard let operation = try? unsafe PageOperation.decode(kind: kind.rawValue, body: bytes) else {
                    return false
                }
                return (try? fixture.apply(operation, index.index)) != nil
            }
            if isAccepted { accepted += 1 }
            if round % 7 == 0 {
                _ = fixture.findings()
                let key = body
                _ = fixture.search(key, index.index)
                _ = fixture.search(key)
                unsafe key.withUnsafeBytes {
                    _ = unsafe fixture.page.child(for: $0, index.index)
                    _ = unsafe fixture.page.child(for: $0, .none)
                }
            }
        }
        #expect(accepted > 300)
    }

    @Test func searchIndexesOfRandomBytesAreHarmless() {
        var random = SeededRandom(seed: 5)
        let fixture = PageFixture()
        let index = IndexFixture(byteCount: 512)
        for _ in 0..<2000 {
            fill(fixture, &random)
            for offset in stride(from: 0, to: 512, by: 8) {
                unsafe index.memory.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
            }
            // Valid, with any count, prefix and layout.
            let word = random.next() & 0x6_FFFF_FFFF | 1 << 32
            index.index.state = SearchIndex.State(word: random.below(2) == 0 ? word : word & ~0xFFFF_0000)
            let key = (0..<random.below(20)).map { _ in UInt8(random.below(256)) }
            _ = fixture.search(key, index.index)
            unsafe key.withUnsafeBytes { _ = unsafe fixture.page.child(for: $0, index.index) }
        }
    }

    @Test func everyTruncationOfABodyIsRefusedOrHarmless() throws {
        let template = try sound(level: 0)
        let origin = try #require(template.page.first).origin
        try withLeaf(Array("kez".utf8), [1, 2, 3]) { image in
            let operations: [PageOperation] = [
                .insertRecord(predecessor: IndexPage.infimum, image: image),
                .replaceRecord(origin: origin, image: image),
                .setChild(origin: origin, child: .root),
                .initializeIndex(level: 0, indexID: 1),
            ]
            for operation in operations {
                unsafe try withEncoded(operation) { body in
                    for count in 0..<body.count {
                        let part = unsafe UnsafeRawBufferPointer(rebasing: body[0..<count])
                        #expect(throws: RedoubtError.self) {
                            _ = try unsafe PageOperation.decode(kind: operation.kind.rawValue, body: part)
                        }
                    }
                }
            }
        }
    }

    @Test func aRefusedOperationOnOneRecordChangesNothing() throws {
        let fixture = try sound(level: 0)
        let before = fixture.array
        let origin = try #require(fixture.page.first).origin
        try withLeaf(Array("key".utf8), [UInt8](repeating: 0, count: 8000)) { large in
            try withNode([1], 2) { node in
                let operations: [PageOperation] = [
                    .insertRecord(predecessor: 16000, image: large),
                    .insertRecord(predecessor: IndexPage.supremum, image: large),
                    .insertRecord(predecessor: IndexPage.infimum, image: node),
                    .deleteRecord(origin: IndexPage.infimum),
                    .deleteRecord(origin: IndexPage.supremum),
                    .deleteRecord(origin: origin + 1),
                    .deleteFrom(origin: IndexPage.supremum),
                    .deleteBefore(origin: IndexPage.infimum),
                    .replaceRecord(origin: origin, image: large),
                    .setChild(origin: origin, child: .root),
                    .fill(offset: 16, count: 8, byte: 0),
                    .fill(offset: 34, count: 1, byte: 0),
                    .fill(offset: 16370, count: 10, byte: 0),
                    .fill(offset: 0, count: 1, byte: 0),
                ]
                for operation in operations {
                    #expect(throws: RedoubtError.self, "\(operation.kind)") { try fixture.apply(operation) }
                }
            }
        }
        #expect(fixture.array == before)
    }
}
