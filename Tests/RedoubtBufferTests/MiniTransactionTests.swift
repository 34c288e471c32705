import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: a mini-transaction changes its pages and the log together, and gives everything back.
///
/// Method: commits, rollbacks and scopes left; latches and credits counted afterwards; the log scanned.
@Suite struct MiniTransactionTests {
    private func expectFree(_ fixture: PoolFixture, _ id: PageID) {
        #expect(fixture.pool.credit.takenCount == 0)
        guard let frame = fixture.pool.peek(id) else { return }
        #expect(frame.tryLockExclusive())
        frame.unlockExclusive()
    }

    @Test("A commit stamps the pages and makes them dirty once, from its start on")
    func commit() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let first = try #require(try fixture.change(page(3), to: 42))
        let frame = try #require(fixture.pool.peek(page(3)))
        #expect(frame.bytes.lsn == first.end && frame.newestModification == first.end)
        #expect(frame.oldestModification == first.start)
        let second = try #require(try fixture.change(page(3), to: 43))
        #expect(frame.bytes.lsn == second.end && frame.oldestModification == first.start)
        #expect(fixture.pool.dirtyCount == 1)
        #expect(fixture.log.closedLSN == second.end)
        expectFree(fixture, page(3))
    }

    @Test("A rollback, and a scope left by an error, give latches and credits back")
    func rollback() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let before = fixture.log.currentLSN
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 100, pins: 4)
        _ = try transaction.latchExclusive(page(1))
        _ = try transaction.latchShared(page(2))
        let isUnchanged = transaction.isUnchanged
        #expect(isUnchanged)
        transaction.rollback()
        expectFree(fixture, page(1))
        expectFree(fixture, page(2))
        func fail() throws {
            var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 100, pins: 4)
            _ = try transaction.latchExclusive(page(1))
            _ = try transaction.latchExclusive(page(5000))
        }
        #expect(throws: RedoubtError.self) { try fail() }
        expectFree(fixture, page(1))
        #expect(fixture.log.currentLSN == before && fixture.pool.dirtyCount == 0)
    }

    @Test("A page latched twice is the same frame, and released when it was released as often")
    func twice() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 0, pins: 2)
        let frame = try transaction.latchExclusive(page(1))
        let again = try transaction.latchShared(page(1))
        let isHeld = transaction.holdsExclusively(frame)
        #expect(again == frame && isHeld)
        transaction.release(frame)
        #expect(!frame.tryLockShared())
        transaction.release(frame)
        #expect(frame.tryLockShared())
        frame.unlockShared()
        let nothing = transaction.commit()
        #expect(nothing == nil)
        expectFree(fixture, page(1))
    }

    @Test("A created page is dirty after its commit, and never was after a rollback")
    func create() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        var abandoned = try MiniTransaction.begin(fixture.kernel, redoBytes: 64, pins: 1)
        let zero = try abandoned.create(page(80))
        #expect(zero.bytes.isUnwritten)
        abandoned.rollback()
        #expect(fixture.pool.peek(page(80)) == nil)
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 64, pins: 1)
        let frame = try transaction.create(page(80))
        transaction.apply(.initialize(type: .blob), to: frame)
        transaction.commit()
        #expect(frame.pageID == page(80) && frame.bytes.id == page(80) && frame.isDirty)
        try fixture.flushing.flushAll()
        #expect(try fixture.fileValue(page(80)) == 0)
    }

    @Test("More memo entries and redo than fit at first spill, and nothing is lost")
    func spill() throws {
        let fixture = try PoolFixture(pageCount: 120)
        defer { fixture.close() }
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 100_000, pins: 100)
        for number: UInt32 in 0..<100 {
            let frame = try transaction.latchExclusive(page(number))
            for offset in 0..<20 { PoolFixture.write(number, at: 100 + 4 * offset, frame, &transaction) }
        }
        let committed = transaction.commit()
        let range = try #require(committed)
        #expect(range.end.rawValue - range.start.rawValue > 8192)
        #expect(fixture.pool.dirtyCount == 100)
        for number: UInt32 in 0..<100 { #expect(try fixture.value(page(number), at: 176) == number) }
    }

    @Test("In a memo of many pages each is found at its place, also after others before it were released")
    func manyPages() throws {
        let fixture = try PoolFixture(pageCount: 120)
        defer { fixture.close() }
        // Places that an earlier mini-transaction left behind name other pages now.
        var earlier = try MiniTransaction.begin(fixture.kernel, redoBytes: 0, pins: 60)
        for number: UInt32 in (0..<60).reversed() { _ = try earlier.latchExclusive(page(number)) }
        earlier.rollback()
        var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 10_000, pins: 60)
        var frames: [Frame] = []
        for number: UInt32 in 0..<60 {
            let isShared = number % 7 == 3
            frames.append(
                isShared ? try transaction.latchShared(page(number)) : try transaction.latchExclusive(page(number))
            )
        }
        // Of the first eight, of those behind them, and the last.
        for number in [2, 9, 10, 24, 59] { transaction.release(frames[number]) }
        for number in frames.indices {
            let isHeld = transaction.holdsExclusively(frames[number])
            #expect(isHeld == (number % 7 != 3 && ![2, 9, 59].contains(number)), "page \(number)")
            if isHeld { PoolFixture.write(UInt32(number), at: 100, frames[number], &transaction) }
        }
        let other = try #require(try? fixture.pool.fetchExclusive(page(100)))
        let isStrange = transaction.holdsExclusively(other)
        #expect(!isStrange)
        transaction.adopt(other)
        let isAdopted = transaction.holdsExclusively(other)
        #expect(isAdopted)
        for number in [3, 17, 31] { transaction.release(frames[number]) }
        transaction.commit()
        for number: UInt32 in 0..<60 { expectFree(fixture, page(number)) }
        #expect(try fixture.value(page(57), at: 100) == 57)
        #expect(fixture.pool.dirtyCount == 49)
    }

    @Test("The log holds the records of every commit in order")
    func records() throws {
        let fixture = try PoolFixture(logsPageImages: true)
        try fixture.change(page(3), to: 0xABCD)
        try fixture.change(page(4), to: 0xEF01)
        fixture.close()
        var scanner = try LogScanner.open(storage: fixture.storage, directory: "db/redo")
        var found: [String] = []
        var isMore = true
        while isMore {
            isMore = try unsafe scanner.next { (_, payload) throws(RedoubtError) in
                var reader = unsafe RedoGroupReader(payload)
                while let record = try reader.next() {
                    found.append("\(record.page) \(try record.operation().kind)")
                }
            }
        }
        #expect(found == ["7:3 writeBytes", "7:3 expectImage", "7:4 writeBytes", "7:4 expectImage"])
    }
}
