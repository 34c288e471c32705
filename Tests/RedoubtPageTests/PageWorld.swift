import RedoubtCore
import Testing

@testable import RedoubtEngine

/// A page, its search index, and the model of both.
struct PageWorld {
    struct Row {
        var key: [UInt8]
        var value: [UInt8]
        var bits: UInt8
    }

    let fixture = PageFixture()
    var indexFixture = IndexFixture(byteCount: 1024)
    var random: SeededRandom
    let isLeaf: Bool
    let keys: Int
    var model: [Row] = []
    var changes = 0

    init(seed: UInt64, isLeaf: Bool, keys: Int) {
        random = SeededRandom(seed: seed)
        self.isLeaf = isLeaf
        self.keys = keys
        fixture.makeIndex(level: isLeaf ? 0 : 1)
        if !isLeaf, seed % 2 == 0 { insertMinimum() }
        indexFixture.index.build(from: fixture.page)
    }

    private mutating func insertMinimum() {
        // Bytes that would sort last, if anybody looked at them.
        let key = [UInt8](repeating: 0xFF, count: 3)
        do {
            try withNode(key, 9, isMinimum: true) { image in
                try fixture.apply(.insertRecord(predecessor: IndexPage.infimum, image: image))
            }
        } catch { fatalError("\(error)") }
        model.append(Row(key: key, value: [0, 0, 0, 9], bits: Record.Bits.minimum))
    }

    var hasMinimum: Bool { model.first.map { $0.bits & Record.Bits.minimum != 0 } ?? false }

    private mutating func randomKey() -> [UInt8] {
        switch keys {
        case 0: return (0..<random.below(4)).map { _ in UInt8(random.below(4)) }
        case 1: return Array("user".utf8) + (0..<8).map { _ in UInt8(48 + random.below(3)) }
        case 2: return (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
        default: return Array(repeating: 0, count: random.below(12)) + Array(repeating: 255, count: random.below(150))
        }
    }

    private mutating func randomValue() -> [UInt8] {
        if !isLeaf { return (0..<4).map { _ in UInt8(random.below(256)) } }
        let length = random.below(10) == 0 ? random.below(1500) : random.below(160)
        return Array(repeating: UInt8(random.below(256)), count: length)
    }

    /// The position of the first row that is greater than `key`.
    private func upper(_ key: [UInt8]) -> Int {
        model.firstIndex { ($0.bits & Record.Bits.minimum == 0) && key.lexicographicallyPrecedes($0.key) }
            ?? model.count
    }

    private func origin(at position: Int) -> Int {
        var origin = fixture.page.firstOrigin
        for _ in 0..<position { origin = fixture.page.record(at: origin).next }
        return origin
    }

    private func withImage<R>(_ row: Row, _ body: (RecordImage) throws -> R) throws -> R {
        if !isLeaf {
            let child = row.value.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return try withNode(row.key, child, isMinimum: row.bits & Record.Bits.minimum != 0, body)
        }
        return try withLeaf(row.key, row.value) { image in
            try unsafe body(RecordImage(key: image.key, value: image.value, infoBits: row.bits))
        }
    }

    /// One random operation, applied, replayed and compared.
    mutating func step() throws {
        switch random.below(100) {
        case 0..<55: try insert()
        case 55..<70: try delete()
        case 70..<84: try replace()
        case 84..<88: try overwrite()
        case 88..<91: try mark()
        case 91..<94: try cut()
        case 94..<97: try insertMany()
        default: try perform(.reorganize)
        }
        try verify()
    }

    private mutating func perform(_ operation: PageOperation) throws {
        let twin = fixture.copy()
        try fixture.apply(operation, indexFixture.index)
        unsafe try withEncoded(operation) { body in
            let decoded = try unsafe PageOperation.decode(kind: operation.kind.rawValue, body: body)
            try twin.apply(decoded)
        }
        #expect(twin.array == fixture.array, "replay of \(operation.kind) differs")
        changes += 1
    }

    private mutating func insert() throws {
        let row = Row(key: randomKey(), value: randomValue(), bits: 0)
        let found = fixture.search(row.key, indexFixture.index)
        let position = upper(row.key)
        if position > 0, model[position - 1].key == row.key, model[position - 1].bits & Record.Bits.minimum == 0 {
            return
        }
        try withImage(row) { image in
            guard fixture.page.fits(image) else {
                if fixture.page.fitsAfterReorganize(image) { try perform(.reorganize) }
                return
            }
            try perform(.insertRecord(predecessor: found.predecessor, image: image))
            model.insert(row, at: position)
        }
    }

    private mutating func delete() throws {
        let first = hasMinimum ? 1 : 0
        guard model.count > first else { return }
        let position = first + random.below(model.count - first)
        try perform(.deleteRecord(origin: origin(at: position)))
        model.remove(at: position)
    }

    private mutating func replace() throws {
        guard !model.isEmpty else { return }
        let position = random.below(model.count)
        var row = model[position]
        row.value = randomValue()
        let at = origin(at: position)
        try withImage(row) { image in
            guard fixture.page.fitsReplacing(at, byteCount: image.byteCount) else { return }
            try perform(.replaceRecord(origin: at, image: image))
            model[position] = row
        }
    }

    private mutating func overwrite() throws {
        guard !model.isEmpty else { return }
        let position = random.below(model.count)
        let at = origin(at: position)
        if !isLeaf {
            model[position].value = randomValue()
            let child = model[position].value.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return try perform(.setChild(origin: at, child: PageNumber(rawValue: child)))
        }
        guard model[position].value.count > 2 else { return }
        let offset = random.below(model[position].value.count - 1)
        let bytes: [UInt8] = [UInt8(random.below(256))]
        model[position].value[offset] = bytes[0]
        try unsafe bytes.withUnsafeBytes { try unsafe perform(.overwriteValue(origin: at, offset: offset, bytes: $0)) }
    }

    private mutating func mark() throws {
        guard isLeaf, !model.isEmpty else { return }
        let position = random.below(model.count)
        model[position].bits ^= Record.Bits.deleted
        try perform(.setInfoBits(origin: origin(at: position), bits: model[position].bits))
    }

    private mutating func cut() throws {
        guard model.count > 4, random.below(3) == 0 else { return }
        let position = 1 + random.below(model.count - 1)
        if random.below(2) == 0 || hasMinimum {
            try perform(.deleteFrom(origin: origin(at: position)))
            model.removeSubrange(position...)
        } else {
            try perform(.deleteBefore(origin: origin(at: position)))
            model.removeSubrange(..<position)
        }
    }

    /// A list that lies between two neighbours: extensions of the left one's key.
    private mutating func insertMany() throws {
        guard !model.isEmpty else { return }
        let position = random.below(model.count)
        if position == 0, hasMinimum { return }
        var rows: [Row] = []
        for number in 0..<UInt8(1 + random.below(9)) {
            rows.append(Row(key: model[position].key + [0, 0, 0, number], value: randomValue(), bits: 0))
        }
        if position + 1 < model.count, !rows[rows.count - 1].key.lexicographicallyPrecedes(model[position + 1].key) {
            return
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32768, alignment: 8)
        defer { unsafe buffer.deallocate() }
        var packed = unsafe PackedRecords(buffer)
        for row in rows {
            let isAppended = try withImage(row) { image in packed.append(image) }
            #expect(isAppended)
        }
        guard fixture.page.fits(byteCount: packed.heapByteCount, count: packed.recordCount) else { return }
        try unsafe perform(.insertRecords(predecessor: origin(at: position), packed: packed.bytes))
        model.insert(contentsOf: rows, at: position + 1)
    }

    // MARK: Verification

    private mutating func verify() throws {
        let page = fixture.page
        let findings = IndexPageCheck.findings(page, id: fixture.id).filter {
            // Level-1 pages of the model without a minimum record stand for pages that have a left sibling.
            isLeaf || hasMinimum || !$0.text.contains("minimum")
        }
        #expect(findings == [])
        let content = fixture.content()
        let expected = isLeaf ? model.map(\.value) : model.map { _ in [UInt8]() }
        #expect(content.map(\.key) == model.map(\.key))
        if isLeaf { #expect(content.map(\.value) == expected) }
        verifyIndex()
        verifySearch()
    }

    private mutating func verifyIndex() {
        let index = indexFixture.index
        if !index.isValid {
            let wanted = SearchIndex.byteCount(forRecords: model.count, isLeaf: isLeaf)
            if wanted > index.byteCount { indexFixture = IndexFixture(byteCount: wanted) }
            #expect(indexFixture.index.build(from: fixture.page))
            return
        }
        let fresh = IndexFixture(byteCount: index.byteCount)
        #expect(fresh.index.build(from: fixture.page))
        // The prefix may be shorter than a fresh one's: that is slower, not wrong.
        if fresh.index.state.prefixByteCount == index.state.prefixByteCount {
            #expect(fresh.content(isLeaf: isLeaf) == indexFixture.content(isLeaf: isLeaf))
        } else {
            #expect(index.state.prefixByteCount < fresh.index.state.prefixByteCount || model.count < 3)
            #expect(index.count == model.count)
        }
    }

    private mutating func verifySearch() {
        var probes = [randomKey(), randomKey(), []]
        if let row = model.randomElement(using: &random) {
            probes += [row.key, row.key + [0], Array(row.key.dropLast())]
        }
        for key in probes {
            let position = upper(key) - 1
            let isMatch =
                position >= 0 && model[position].key == key && model[position].bits & Record.Bits.minimum == 0
            let byIndex = fixture.search(key, indexFixture.index)
            let byDirectory = fixture.search(key)
            let expected = position < 0 ? IndexPage.infimum : origin(at: position)
            #expect(byIndex == SearchResult(predecessor: expected, isMatch: isMatch, rank: position))
            #expect(byDirectory == SearchResult(predecessor: expected, isMatch: isMatch, rank: nil))
            unsafe key.withUnsafeBytes {
                #expect(unsafe fixture.page.origin(of: $0, indexFixture.index) == (isMatch ? expected : nil))
                #expect(unsafe fixture.page.origin(of: $0, .none) == (isMatch ? expected : nil))
            }
            if !isLeaf, !model.isEmpty {
                let child = model[max(position, 0)].value.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                unsafe key.withUnsafeBytes {
                    #expect(unsafe fixture.page.child(for: $0, indexFixture.index).child.rawValue == child)
                    #expect(unsafe fixture.page.child(for: $0, .none).child.rawValue == child)
                }
            }
        }
    }
}
