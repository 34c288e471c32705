import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: the tail is always the first hole, whatever order ranges finish in and however often the ring wraps.
///
/// Method: hand-made orders, then every order of a few ranges with tail advances everywhere, then real threads that
/// finish ranges in shuffled order: when all are finished, there is no hole.
@Suite struct LinkBufferTests {
    @Test func `the tail stops at the first hole`() {
        let buffer = SharedLinkBuffer(LinkBuffer(window: 64, origin: lsn(8)))
        buffer.addLink(range(16, 24))
        #expect(buffer.advanceTail() == lsn(8))
        buffer.addLink(range(8, 12))
        #expect(buffer.advanceTail() == lsn(12))
        buffer.addLink(range(12, 16))
        #expect(buffer.advanceTail() == lsn(24), "closing the hole releases what was finished behind it")
    }

    @Test func `space ends one window past the tail`() {
        let buffer = SharedLinkBuffer(LinkBuffer(window: 64, origin: lsn(100)))
        #expect(buffer.hasSpace(at: lsn(160)))
        #expect(!buffer.hasSpace(at: lsn(161)))
        buffer.addLink(range(100, 110))
        #expect(!buffer.hasSpace(at: lsn(161)), "space comes with the tail")
        buffer.advanceTail()
        #expect(buffer.hasSpace(at: lsn(170)))
    }

    @Test func `a range may be longer than the window`() {
        let buffer = SharedLinkBuffer(LinkBuffer(window: 16, origin: lsn(0)))
        buffer.addLink(range(0, 1000))
        #expect(buffer.advanceTail() == lsn(1000))
        buffer.addLink(range(1000, 1005))
        #expect(buffer.advanceTail() == lsn(1005))
    }

    @Test func `every order of six ranges of mixed lengths leaves the right tail, turn after turn`() {
        let lengths: [UInt64] = [4, 7, 5, 20, 4, 9]
        let buffer = SharedLinkBuffer(LinkBuffer(window: 64, origin: lsn(3)))
        var origin: UInt64 = 3
        forEachPermutation(of: lengths.count) { order in
            var starts: [UInt64] = []
            var end = origin
            for length in lengths {
                starts.append(end)
                end += length
            }
            var done: Set<Int> = []
            for index in order {
                buffer.addLink(range(starts[index], starts[index] + lengths[index]))
                done.insert(index)
                let hole = lengths.indices.first { !done.contains($0) }
                #expect(buffer.advanceTail() == lsn(hole.map { starts[$0] } ?? end))
            }
            origin = end
        }
    }

    @Test func `a range without space traps`() async {
        await #expect(processExitsWith: .failure) {
            let buffer = LinkBuffer(window: 16, origin: LogSequenceNumber(rawValue: 0))
            buffer.addLink(
                LogRange(start: LogSequenceNumber(rawValue: 16), end: LogSequenceNumber(rawValue: 20))
            )
        }
    }

    @Test(arguments: [1, 2, 4])
    func `threads leave no hole`(producers: Int) throws {
        let count: UInt64 = 30_000
        let shared = SharedLinkBuffer(LinkBuffer(window: 256, origin: lsn(0)))
        try onThreads(producers + 1) { thread in
            if thread == producers {
                #expect(spin { shared.advanceTail().rawValue == count * 5 })
            } else {
                for index in stride(from: UInt64(thread), to: count, by: producers) {
                    let range = LogRange(
                        start: LogSequenceNumber(rawValue: index * 5),
                        end: LogSequenceNumber(rawValue: index * 5 + 5)
                    )
                    while !shared.buffer.hasSpace(at: range.start) { Scheduling.yield() }
                    shared.buffer.addLink(range)
                    if index % 3 == 0 { shared.buffer.advanceTail() }
                }
            }
        }
        #expect(shared.advanceTail().rawValue == count * 5)
    }

    private func lsn(_ value: UInt64) -> LogSequenceNumber { LogSequenceNumber(rawValue: value) }

    private func range(_ start: UInt64, _ end: UInt64) -> LogRange { LogRange(start: lsn(start), end: lsn(end)) }

    /// Calls `body` with each order of `0..<count`, by Heap's algorithm.
    private func forEachPermutation(of count: Int, _ body: ([Int]) -> Void) {
        var order = Array(0..<count)
        var counters = [Int](repeating: 0, count: count)
        body(order)
        var index = 1
        while index < count {
            if counters[index] < index {
                order.swapAt(index % 2 == 0 ? 0 : counters[index], index)
                body(order)
                counters[index] += 1
                index = 1
            } else {
                counters[index] = 0
                index += 1
            }
        }
    }
}

/// Lets several threads borrow one noncopyable buffer.
private final class SharedLinkBuffer: Sendable {
    let buffer: LinkBuffer

    init(_ buffer: consuming LinkBuffer) {
        self.buffer = buffer
    }

    func addLink(_ range: LogRange) { buffer.addLink(range) }

    @discardableResult
    func advanceTail() -> LogSequenceNumber { buffer.advanceTail() }

    func hasSpace(at start: LogSequenceNumber) -> Bool { buffer.hasSpace(at: start) }
}
