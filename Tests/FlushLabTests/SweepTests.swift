import RedoubtCore
import RedoubtPolicy
import Testing

@testable import FlushLab

/// Goal: a sweep has every combination once, a search finds the best of what it may choose from, and settings mean what
/// they say. Method: grids whose values are known, and figures that are made up.
@Suite struct SweepTests {
    private static func scenario() throws -> Scenario {
        try Scenario(
            name: "small",
            text: """
                # What it is about.
                policies = mysql80, redoubt
                [data]
                pages = 1024
                [phase load]
                seconds = 1
                """
        )
    }

    @Test func `every combination is there once`() throws {
        let axes = [
            Sweep.Axis(key: "ioCapacity", values: ["100", "200", "300"]),
            Sweep.Axis(key: "capacity", values: ["64 MiB", "128 MiB"]),
        ]
        let sweep = try Sweep(Self.scenario(), over: axes) { (scenario, key, value) throws(ScenarioProblem) in
            try scenario.set(key, to: value)
        }
        #expect(sweep.points.count == 12)
        #expect(Set(sweep.points.map { "\($0.values) \($0.policy)" }).count == 12)
        #expect(sweep.points.map(\.number) == Array(0..<12))
        for point in sweep.points {
            #expect(point.scenario.options.ioCapacity == .pagesPerSecond(Int(point.values[0]) ?? 0))
            #expect(point.scenario.redoCapacity == (point.values[1] == "64 MiB" ? 64 << 20 : 128 << 20))
            #expect(point.scenario.notes == "What it is about.")
        }
    }

    @Test func `a sweep that is too large is refused before anything is made of it`() throws {
        let many = Sweep.Axis(key: "seed", values: (0..<1000).map(String.init))
        #expect(throws: ScenarioProblem.self) {
            try Sweep(Self.scenario(), over: [many, many, many, many, many, many, many]) {
                (scenario, key, value) throws(ScenarioProblem) in try scenario.set(key, to: value)
            }
        }
    }

    @Test(arguments: [
        ("innodb_io_capacity", "777"), ("ioCapacity", "50000"), ("pool", "64 MiB"), ("frames", "5000"),
        ("size", "32 MiB"), ("device", "disk7200"), ("policies", "mariadb"), ("seed", "9"), ("threads", "12"),
        ("rate", "500"), ("workload", "tpcc"), ("changes", "3"), ("capacity", "32 MiB"), ("bug", "syncSkipsLRU"),
        ("innodb_flush_neighbors", "2"), ("title", "another"), ("processors", "8"), ("targetRecoveryTime", "5 s"),
    ])
    func `a setting changes what it names and nothing else`(key: String, value: String) throws {
        let before = try Self.scenario()
        var after = before
        try after.set(key, to: value)
        #expect(after != before, "\(key) = \(value) changed nothing")
        let isTold = after.text.split(separator: "\n").filter { !before.text.split(separator: "\n").contains($0) }
        // A workload that is named is all of its keys, and who raises a capacity raises its maximum.
        let most = ["workload", "changes"].contains(key) ? 12 : key == "ioCapacity" ? 2 : 1
        #expect((1...most).contains(isTold.count), "\(isTold)")
    }

    @Test(arguments: [("ioCapacityy", "1"), ("ioCapacity", "many"), ("pool", "1"), ("device", "drum"), ("rate", "-5")])
    func `a setting that is none is refused and left`(key: String, value: String) throws {
        var scenario = try Self.scenario()
        let before = scenario
        #expect(throws: ScenarioProblem.self) { try scenario.set(key, to: value) }
        #expect(scenario == before)
    }

    @Test func `a search for a time of recovery gave up where nothing near kept to it`() {
        let axis = Sweep.Axis(key: "capacity", values: (0..<300).map(String.init))
        var search = Search(axes: [axis])
        while case let points = search.next(), !points.isEmpty {
            for point in points {
                // The ends and the middle, with which it begins, are all too slow.
                let seconds = point[0] == 0 ? 1000 : Double(point[0])
                search.note(point, .recovering(in: seconds, within: 100, rate: Double(point[0])))
            }
        }
        #expect(search.best == [100])
    }

    @Test func `a search climbs to the best of a grid and is never worse than its coarse points`() {
        let axes = [
            Sweep.Axis(key: "a", values: (0..<9).map(String.init)),
            Sweep.Axis(key: "b", values: (0..<7).map(String.init)),
        ]
        var search = Search(axes: axes)
        // One hill, whose top is at 6, 2.
        func worth(_ point: [Int]) -> Merit {
            Merit(figures: [-Double((point[0] - 6) * (point[0] - 6) + 3 * (point[1] - 2) * (point[1] - 2))])
        }
        var rounds = 0
        while !search.next().isEmpty, rounds < 100 {
            rounds += 1
            for point in search.next() { search.note(point, worth(point)) }
        }
        #expect(search.best == [6, 2])
        #expect(search.order.count == 63, "a small grid is judged as a whole")
    }

    @Test func `a large grid is searched in part, values without order all`() {
        let axes = [
            Sweep.Axis(key: "a", values: (0..<40).map(String.init)),
            Sweep.Axis(key: "b", values: (0..<40).map(String.init)),
            Sweep.Axis(key: "policies", values: ["p", "q", "r", "s"]),
        ]
        var search = Search(axes: axes)
        // The best policy is neither first nor last, nor beside what is nearly as good.
        func worth(_ point: [Int]) -> Merit {
            let hill = -Double((point[0] - 31) * (point[0] - 31) + (point[1] - 7) * (point[1] - 7))
            return Merit(figures: [hill + [5.0, 0, 1, 4][point[2]] + (point[2] == 1 ? 10 : 0)])
        }
        var rounds = 0
        while !search.next().isEmpty, rounds < 500 {
            rounds += 1
            for point in search.next() { search.note(point, worth(point)) }
        }
        #expect(search.best == [31, 7, 1])
        #expect(search.order.count < 6400 / 10, "\(search.order.count) points of 6400 were judged")
    }

    @Test func `merits put stalls before throughput, and throughput before small differences of stalls`() throws {
        func verdict(_ counts: [Int]) -> Verdict {
            var result = RunResult(scenario: Scenario(), policy: .mysql80)
            result.samples = counts.enumerated().map { index, count in
                var sample = Sample()
                (sample.time, sample.transactions) = (Double(index + 1) / 10, count)
                return sample
            }
            return Verdict(result)
        }
        let steady = verdict([Int](repeating: 100, count: 100))
        let faster = verdict([Int](repeating: 120, count: 100))
        let stalling = verdict([Int](repeating: 200, count: 70) + [Int](repeating: 0, count: 30))
        #expect(Merit(stalling, for: .noStalls, best: 2000) < Merit(steady, for: .noStalls, best: 2000))
        #expect(Merit(steady, for: .noStalls, best: 2000) < Merit(faster, for: .noStalls, best: 2000))
        #expect(Merit(steady, for: .throughput, best: 2000) < Merit(stalling, for: .throughput, best: 2000))
    }
}
