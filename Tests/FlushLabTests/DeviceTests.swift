import RedoubtCore
import Testing

@testable import FlushLab

/// Goal: a device does what its parameters say: times, caps, bursts, heads. Method: operations at chosen times, and the
/// times at which they end.
@Suite struct DeviceTests {
    private struct Bench {
        var device: Device
        var events = EventQueue()
        var ends: [UInt64] = []

        init(_ change: (inout DeviceModel) -> Void) {
            var model = DeviceModel()
            (model.spread, model.bandwidth) = (0, 0)
            change(&model)
            device = Device(model, seed: 1)
        }

        mutating func submit(_ operation: Device.Operation, page: Int = 0, bytes: Int = 16384, at now: UInt64 = 0) {
            device.submit(
                operation,
                at: UInt64(page) * 16384,
                bytes: bytes,
                .pageRead,
                page,
                now: now,
                &events
            )
        }

        /// Lets everything end; returns pages and times in order.
        mutating func finish() -> [(page: Int, time: UInt64)] {
            var found: [(Int, UInt64)] = []
            while let event = events.take() {
                if event.kind == .headFree {
                    device.releaseHead(event.time, &events)
                } else {
                    device.complete(now: event.time)
                    found.append((Int(event.index), event.time))
                }
            }
            return found
        }
    }

    @Test func `as many operations as channels proceed at once`() {
        var bench = Bench { ($0.channels, $0.readTime) = (4, 100_000) }
        for _ in 0..<10 { bench.submit(.read) }
        #expect(bench.device.outstanding == 10)
        let ends = bench.finish().map(\.time)
        #expect(ends == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3].map { $0 * 100_000 })
        #expect(bench.device.outstanding == 0)
        #expect(bench.device.queueTime == Double(10 + 6 + 2) * 100_000)
    }

    @Test func `bandwidth is shared by all`() throws {
        var bench = Bench { ($0.bandwidth, $0.writeTime) = (16_384_000, 0) }
        for _ in 0..<100 { bench.submit(.write) }
        let last = try #require(bench.finish().last)
        #expect(last.time == 100_000_000)
        #expect(bench.device.bytesWritten == 100 * 16384)
    }

    @Test func `reads and writes have caps of their own`() throws {
        var bench = Bench { model in
            (model.readRate, model.writeRate, model.readTime, model.writeTime) = (1000, 500, 0, 0)
            // Few, because what a cap holds back must not keep the others from the device.
            model.channels = 2
        }
        for _ in 0..<100 {
            bench.submit(.read, page: 1)
            bench.submit(.write, page: 2)
        }
        let ends = bench.finish()
        // The first begins at once.
        #expect(ends.last { $0.page == 1 }?.time == 99_000_000)
        #expect(ends.last { $0.page == 2 }?.time == 198_000_000)
    }

    @Test func `each operation under way makes those that begin longer, until it ends`() {
        var bench = Bench { model in
            (model.readTime, model.writeTime, model.flushTime) = (60_000, 50_000, 30_000)
            (model.readLoad, model.writeLoad, model.bandwidth) = (20_000, 10_000, 16_384_000_000)
        }
        for page in 1...3 { bench.submit(.read, page: page) }
        bench.submit(.write, page: 4)
        bench.submit(.flush, page: 5)
        // 128 pages more than one, a microsecond each.
        bench.submit(.write, page: 6, bytes: 129 * 16384)
        bench.submit(.read, page: 7)
        // When all but the last two have ended, and when all have.
        bench.submit(.read, page: 8, at: 240_000)
        bench.submit(.read, page: 9, at: 2_000_000)
        let ends = Dictionary(uniqueKeysWithValues: bench.finish().map { ($0.page, $0.time / 1000) })
        #expect([1, 2, 3, 4, 5].map { ends[$0] } == [60, 80, 100, 110, 100])
        #expect(ends[6] == 50 + 70 + 128)
        #expect(ends[7] == 60 + 70 + 10 + 128)
        #expect(ends[8] == 240 + 60 + 20 + 10 + 128)
        #expect(ends[9] == 2060)
    }

    @Test func `a long write under a cap ended before its pages had passed`() {
        var bench = Bench { ($0.writeRate, $0.writeTime) = (10_000, 50_000) }
        bench.submit(.write, bytes: 100 * 16384)
        #expect(bench.finish().map(\.time) == [9_900_000])
    }

    @Test func `an automatic capacity is a quarter of what the device writes, or half without images`() {
        func capacity(_ doublewrite: Configuration.Doublewrite, _ change: (inout DeviceModel) -> Void) -> Int {
            Bench(change).device.automaticCapacity(doublewrite)
        }
        let steady = { (model: inout DeviceModel) in (model.channels, model.writeTime) = (10, 1_000_000) }
        #expect((2400...2500).contains(capacity(.on, steady)))
        #expect((4800...5000).contains(capacity(.changedSectors, steady)))
        #expect(capacity(.off, steady) == 2000, "nothing is measured")
        let disk = { (model: inout DeviceModel) in
            (model.longestSeek, model.shortestSeek, model.rotation) = (16_000_000, 1_000_000, 8_333_000)
        }
        #expect(capacity(.on, disk) == 100, "the least")
    }

    @Test func `burst credit is spent, and saved up again`() throws {
        var bench = Bench { model in
            (model.operationRate, model.burst, model.burstRate, model.channels) = (100, 500, 1000, 1000)
            (model.readTime, model.writeTime) = (0, 0)
        }
        for _ in 0..<1000 { bench.submit(.read) }
        let first = try #require(bench.finish().last).time
        // About 550 at 1000 a second, for meanwhile some is saved, and the rest at 100.
        #expect((4_800_000_000...5_200_000_000).contains(first), "\(first)")
        // Ten seconds later all of the credit is there again.
        let later = first + 10_000_000_000
        for _ in 0..<400 { bench.submit(.read, at: later) }
        let second = try #require(bench.finish().last).time - later
        #expect(second <= 410_000_000, "\(second)")
    }

    @Test func `flushes take turns, and those that wait share the next`() throws {
        var bench = Bench { ($0.flushTime, $0.channels) = (1_000_000, 1) }
        bench.submit(.flush, page: 1)
        for page in 2...4 { bench.submit(.flush, page: page, at: 300_000) }
        bench.submit(.flush, page: 5, at: 1_500_000)
        let ends = bench.finish()
        #expect(ends.map(\.page) == [1, 2, 3, 4, 5])
        #expect(ends.map(\.time) == [1_000_000, 2_000_000, 2_000_000, 2_000_000, 3_000_000])
    }

    @Test func `one in so many operations stalls`() {
        var bench = Bench { model in
            (model.stallEvery, model.stallTime, model.writeTime, model.channels) = (10, 5_000_000, 1000, 1000)
        }
        for _ in 0..<100 { bench.submit(.write) }
        let slow = bench.finish().count { $0.time >= 5_000_000 }
        #expect(slow == 10)
    }

    @Test func `the head serves the nearest first and moves without cost along a track`() {
        var bench = Bench { model in
            (model.longestSeek, model.shortestSeek, model.rotation) = (16_000_000, 1_000_000, 0)
            (model.bandwidth, model.size) = (163_840_000, 1e12)
        }
        // The first is taken at once; of the others the nearest to its end is next.
        for page in [1000, 9_000_000, 1001, 5_000_000] { bench.submit(.read, page: page) }
        let ends = bench.finish()
        #expect(ends.map(\.page) == [1000, 1001, 5_000_000, 9_000_000])
        #expect(ends[1].time - ends[0].time == 100_000, "the next page on the track takes its transfer only")
        #expect(ends[2].time - ends[1].time > 1_000_000)
    }

    @Test func `nothing overtakes a flush on a disk`() {
        var bench = Bench { ($0.longestSeek, $0.shortestSeek, $0.size) = (16_000_000, 1_000_000, 1e12) }
        bench.submit(.write, page: 1)
        bench.submit(.write, page: 9_000_000)
        bench.submit(.flush, page: 5)
        bench.submit(.write, page: 2)
        #expect(bench.finish().map(\.page) == [1, 9_000_000, 5, 2])
    }

    @Test func `times spread as they should around their mean`() {
        var bench = Bench { ($0.spread, $0.channels, $0.readTime) = (0.5, 100_000, 100_000) }
        for _ in 0..<20_000 { bench.submit(.read) }
        let times = bench.finish().map { Double($0.time) }
        let mean = times.reduce(0, +) / Double(times.count)
        #expect((98_000...102_000).contains(mean), "\(mean)")
        let middle = times.sorted()[times.count / 2]
        // The median of such a distribution is its mean by exp(spread^2 / 2).
        #expect((86_000...91_000).contains(middle), "\(middle)")
    }

    @Test func `events of one time keep their order`() {
        var events = EventQueue()
        var random = SeededRandom(seed: 7)
        var added: [(time: UInt64, number: Int)] = []
        for number in 0..<2000 {
            let time = UInt64(random.below(50))
            added.append((time, number))
            events.add(.pageRead, number, at: time)
        }
        let wanted = added.sorted { ($0.time, $0.number) < ($1.time, $1.number) }.map(\.number)
        var found: [Int] = []
        while let event = events.take() { found.append(Int(event.index)) }
        #expect(found == wanted)
    }
}
