import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: no segment is overwritten before the pages it protects are durable, and room is found whenever there is some.
///
/// Method: hand-made turns round the ring; a seeded history against a model that remembers every page of the file.
@Suite struct DoublewriteRingTests {
    private let storage = SimulatedStorage()
    private let first: PageFile
    private let second: PageFile

    init() throws {
        try storage.createDirectory("db")
        let one = try storage.open("db/1", role: .data, creating: true, readOnly: false)
        let two = try storage.open("db/2", role: .data, creating: true, readOnly: false)
        first = PageFile(space: SpaceID(rawValue: 7), file: one, pageCount: 8)
        second = PageFile(space: SpaceID(rawValue: 8), file: two, pageCount: 8)
    }

    private var syncCount: Int { storage.callCount(.sync) }

    private func isRoom(_ ring: inout DoublewriteRing, _ count: Int) -> Bool { ring.reserve(count) != nil }

    @Test("A complete segment is overwritten only after a sync of its files, whoever syncs")
    func overwriting() throws {
        var ring = DoublewriteRing(pageCount: 10)
        let one = ring.reserve(5) ?? 0
        let two = ring.reserve(5) ?? 0
        #expect(ring.start(of: one) == 0 && ring.start(of: two) == 5)
        #expect(!isRoom(&ring, 1) && !ring.isOldestComplete)
        ring.note(one, written: first, ticket: first.markWritten())
        ring.note(one, written: second, ticket: second.markWritten())
        ring.complete(one)
        #expect(!isRoom(&ring, 1) && ring.isOldestComplete)
        try first.syncIfNeeded()
        #expect(!isRoom(&ring, 1))
        try second.syncIfNeeded()
        let three = ring.reserve(5) ?? 0
        #expect(ring.start(of: three) == 0)
        #expect(!isRoom(&ring, 1) && !ring.isOldestComplete)
    }

    @Test("A full ring is freed with one sync a file, and a sync begun before a write ended does not count")
    func syncing() throws {
        var ring = DoublewriteRing(pageCount: 40)
        for _ in 0..<10 {
            let segment = ring.reserve(4) ?? 0
            ring.note(segment, written: first, ticket: first.markWritten())
            ring.complete(segment)
        }
        #expect(!isRoom(&ring, 4))
        var syncs = try ring.syncOldest()
        #expect(syncs == 1 && syncCount == 1 && ring.isEmpty)
        let late = ring.reserve(4) ?? 0
        let ticket = first.markWritten()
        ring.note(late, written: first, ticket: ticket)
        ring.complete(late)
        #expect(!first.isSynced(through: ticket))
        syncs = try ring.syncOldest()
        #expect(syncs == 1)
    }

    @Test("The pages of a file that was dropped hold nothing up")
    func droppedFile() throws {
        var ring = DoublewriteRing(pageCount: 4)
        let segment = ring.reserve(4) ?? 0
        ring.note(segment, written: first, ticket: first.markWritten())
        ring.complete(segment)
        #expect(!isRoom(&ring, 2))
        first.retire()
        #expect(isRoom(&ring, 2))
        #expect(syncCount == 0)
    }

    @Test("In a seeded history no page in use is handed out, and waiting for the oldest batch makes room")
    func history() throws {
        var random = SeededRandom(seed: 17)
        let batch = 9
        var ring = DoublewriteRing(pageCount: 4 * batch)
        var owner = [UInt64](repeating: 0, count: 4 * batch)
        var underWay: [UInt64] = []
        var unsynced: Set<UInt64> = []
        func end(_ position: Int) {
            let segment = underWay.remove(at: position)
            ring.note(segment, written: first, ticket: first.markWritten())
            ring.complete(segment)
            unsynced.insert(segment)
        }
        for _ in 0..<20_000 {
            if underWay.count == 2 || (!underWay.isEmpty && random.below(3) == 0) {
                end(random.below(underWay.count))
                continue
            }
            let count = 1 + random.below(batch)
            var reserved = ring.reserve(count)
            while reserved == nil {
                if ring.isOldestComplete {
                    let syncs = try ring.syncOldest()
                    #expect(syncs == 1)
                    unsynced.removeAll()
                } else {
                    try #require(underWay.count == 1, "the oldest batch is the one under way")
                    end(0)
                }
                reserved = ring.reserve(count)
            }
            let segment = reserved ?? 0
            let start = ring.start(of: segment)
            for page in start..<start + count {
                #expect(!underWay.contains(owner[page]) && !unsynced.contains(owner[page]))
                owner[page] = segment
            }
            underWay.append(segment)
        }
    }
}
