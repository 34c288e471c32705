import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: a redo group reads back as it was written, and damaged bytes are errors. Method: groups of all kinds, all
/// truncations, random bytes.
@Suite struct RedoRecordTests {
    private let one = PageID(space: SpaceID(rawValue: 1024), number: PageNumber(rawValue: 7))
    private let other = PageID(space: SpaceID(rawValue: 3), number: PageNumber(rawValue: 70000))

    private func group() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        var length = 0
        unsafe bytes.withUnsafeMutableBytes { buffer in
            var previous: PageID?
            for (operation, page) in [
                (PageOperation.deleteRecord(origin: 500), one), (.reorganize, one),
                (.setChild(origin: 130, child: .root), other),
                (.fill(offset: 40, count: 300, byte: 7), other), (.initializeIndex(level: 2, indexID: 99), one),
            ] {
                length += unsafe RedoRecord.encode(
                    operation,
                    page: page,
                    previous: previous,
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[length...])
                )
                previous = page
            }
            for kind in [RedoRecord.FileKind.create, .delete, .extend] {
                let name: [UInt8] = [1, 2, 3, 4]
                length += unsafe name.withUnsafeBytes { body in
                    unsafe RedoRecord.encode(
                        kind,
                        space: SpaceID(rawValue: 1025),
                        body: body,
                        previous: previous,
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[length...])
                    )
                }
                previous = PageID(space: SpaceID(rawValue: 1025), number: PageNumber(rawValue: 0))
            }
        }
        return Array(bytes[..<length])
    }

    @Test func aGroupReadsBackAsItWasWritten() throws {
        let bytes = group()
        var seen: [String] = []
        try unsafe bytes.withUnsafeBytes { payload in
            var reader = unsafe RedoGroupReader(payload)
            while let record = try reader.next() {
                if record.class == .page {
                    let operation = try record.operation()
                    seen.append("\(operation.kind) \(record.page) \(operation.bodyByteCount)")
                } else {
                    #expect(record.class == .file)
                    #expect(unsafe Array(record.body) == [1, 2, 3, 4])
                    seen.append("\(record.kind) \(record.page)")
                }
            }
        }
        #expect(
            seen == [
                "deleteRecord 1024:7 2", "reorganize 1024:7 0", "setChild 3:70000 6", "fill 3:70000 5",
                "initializeIndex 1024:7 10", "96 1025:0", "97 1025:0", "98 1025:0",
            ]
        )
    }

    @Test func aRecordOfTheSamePageCostsThreeBytesAndItsBody() {
        var bytes = [UInt8](repeating: 0, count: 64)
        let length = unsafe bytes.withUnsafeMutableBytes {
            unsafe RedoRecord.encode(.deleteRecord(origin: 513), page: one, previous: one, into: $0)
        }
        #expect(Array(bytes[..<length]) == [17, 0, 2, 2, 1])
    }

    @Test func truncatedAndRandomGroupsAreErrors() throws {
        let whole = group()
        var random = SeededRandom(seed: 3)
        func read(_ bytes: [UInt8]) -> Int? {
            unsafe bytes.withUnsafeBytes { payload in
                var reader = unsafe RedoGroupReader(payload)
                var count = 0
                do {
                    while let record = try reader.next() {
                        count += 1
                        if record.class == .page { _ = try? record.operation() }
                    }
                } catch { return nil }
                return count
            }
        }
        #expect(read(whole) == 8)
        for length in 0..<whole.count { #expect((read(Array(whole[..<length])) ?? 0) < 8) }
        for _ in 0..<5000 { _ = read((0..<random.below(80)).map { _ in UInt8(random.below(256)) }) }
    }
}
