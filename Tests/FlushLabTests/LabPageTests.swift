import RedoubtCore
import Testing

@testable import FlushLab

/// Goal: a page is whole by itself, obeys nothing that a file says, shows every spike, and is the same every time.
/// Method: pages of runs that are written down; what must and must not be in them, and that their elements match.
@Suite struct LabPageTests {
    /// A run of ten minutes with a wave, noise and a stall of 3.2 s.
    private func wave(_ policy: FlushingPolicy, count: Int = 6000) -> RunResult {
        var random = SeededRandom(seed: 7)
        let half = count / 2
        let counts = (0..<count).map { index in
            (half..<half + 32).contains(index) ? 0 : 500 + index % 100 * 5 + random.below(200)
        }
        let first = HandMadeRun.Part(Array(counts[..<half]), name: "rising")
        var run = HandMadeRun.of(first, .init(Array(counts[half...]), name: "steady")) { sample, index in
            sample.checkpointAge = (index % 300 + random.below(30)) << 18
            sample.redoAge = sample.checkpointAge + random.below(1 << 20)
            (sample.dirty, sample.free) = (random.below(60_000), random.below(2000))
            (sample.writesActive, sample.writesIdle) = (random.below(900), random.below(50))
            (sample.writesSync, sample.writesLRU) = (random.below(400), random.below(300))
            (sample.writesNeighbours, sample.reads) = (random.below(200), random.below(100))
            (sample.redo, sample.deviceBytes) = (random.below(1 << 20), random.below(1 << 24))
            sample.queue = Double(random.below(3000)) / 100
            (sample.waitRedo, sample.waitFrames) = (Double(random.below(100)) * 1e6, Double(random.below(9)) * 1e6)
            (sample.waitReads, sample.waitCommit) = (Double(random.below(100)) * 1e6, Double(random.below(9)) * 1e6)
            sample.waitAdmission = Double(random.below(100)) * 1e6
            sample.backPressure = [.normal, .normal, .delayed, .stopped][random.below(4)]
        }
        run.policy = policy
        (run.asyncLimit, run.syncLimit, run.stopLimit) = (60 << 20, 70 << 20, 80 << 20)
        return run
    }

    private var map: HeatMap {
        HeatMap(
            .longestStall,
            rows: ("ioCapacity", ["100", "2000"]),
            columns: ("redo <capacity>", ["64 MiB", "1 GiB", "2 GiB"])
        ) { row, column in
            row == 0 && column == 1 ? nil : Double(3 - row - column)
        }
    }

    // MARK: The whole page

    @Test func `a page loads nothing, runs nothing, and is the same twice`() {
        let runs = LabRun.named([wave(.mysql80, count: 400), wave(.redoubt, count: 300)])
        let page = LabPage(runs, heatMaps: [map]).html
        for word in ["http", "<script", "javascript", "src=", "href", "url(", "@import", "<link", "<iframe", "<img"] {
            #expect(!page.contains(word), "\(word)")
        }
        #expect(page == LabPage(LabRun.named(runs.map(\.result)), heatMaps: [map]).html)
        #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("<title>made - FlushLab</title>"))
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("role=\"img\" aria-label=\"Throughput of"))
        #expect(mismatch(page) == nil)
    }

    @Test func `a claim that does not hold is told, on its page and on the one that leads there`() {
        let wrong = ShippedScenario.Judgement(claim: "a < b", holds: false, figures: "1 & 2")
        let right = ShippedScenario.Judgement(claim: "b > a", holds: true, figures: "3")
        let page = LabPage(LabRun.named([wave(.mysql80, count: 100)]), judgements: [wrong, right]).html
        let index = LabIndex([.init(name: "furious", title: "a & b", judgements: [wrong, right])]).html
        for html in [page, index] {
            #expect(html.contains("a &#60; b") && html.contains("1 &#38; 2") && html.contains("b &#62; a"))
            #expect(html.split(separator: "does not hold").count == 2 && html.split(separator: ">holds<").count == 2)
            #expect(mismatch(html) == nil)
        }
        #expect(index.contains("href=\"furious.html\"") && index.contains("a &#38; b"))
    }

    @Test func `no text of a file becomes markup`() {
        let evil = "<script>alert('1')</script>\"&\u{202E}"
        var run = wave(.redoubt, count: 200)
        (run.scenario.name, run.scenario.title, run.scenario.notes) = (evil, evil, "\(evil)\n\n\(evil)")
        (run.scenario.device.name, run.scenario.device.title) = (evil, evil)
        run.scenario.phases[0].name = evil
        var evilMap = map
        (evilMap.title, evilMap.rowName, evilMap.columns[0], evilMap.rows[1]) = (evil, evil, evil, evil)
        let named = LabPage([LabRun(name: evil, run), LabRun(name: "b", run)], title: evil, heatMaps: [evilMap])
        for page in [named.html, LabPage(LabRun.named([run])).html] {
            #expect(!page.contains("<script"))
            #expect(!page.contains("alert('"))
            #expect(!page.unicodeScalars.contains("\u{202E}"))
            #expect(page.contains("&#60;script&#62;alert(&#39;1&#39;)"))
            #expect(mismatch(page) == nil)
        }
    }

    @Test func `six runs of ten minutes stay small`() {
        let page = LabPage(LabRun.named(FlushingPolicy.allCases.map { wave($0) })).html
        #expect(page.utf8.count < 1_500_000, "\(page.utf8.count)")
        #expect(mismatch(page) == nil)
    }

    @Test(arguments: [0, 1, 2, 3, 4, 7, 9])
    func `any number of runs has a page`(count: Int) {
        let page = LabPage((0..<count).map { LabRun(name: "run \($0)", wave(.redoubt, count: 20)) }).html
        #expect(mismatch(page) == nil)
        for number in 0..<count { #expect(count == 0 || page.contains("run \(number)")) }
    }

    @Test func `runs without samples, or of nothing but odd numbers, have pages`() {
        let empty = LabPage(LabRun.named([RunResult(scenario: Scenario(), policy: .redoubt)])).html
        #expect(empty.contains("There is nothing to judge"))
        #expect(mismatch(empty) == nil)
        var odd = wave(.redoubt, count: 300)
        let values: [Double] = [.nan, .infinity, -.infinity, 1e300, -1]
        for index in odd.samples.indices {
            odd.samples[index].queue = values[index % 5]
            odd.samples[index].time = values[(index + 1) % 5]
            (odd.samples[index].longest, odd.samples[index].waitRedo) = (.infinity, .nan)
        }
        odd.scenario.phases[0].seconds = .infinity
        odd.scenario.phases[1].seconds = .nan
        (odd.scenario.replayRate, odd.scenario.phases[1].rate) = (-1, .infinity)
        let page = LabPage(LabRun.named([odd, wave(.textbook, count: 10)])).html
        #expect(mismatch(page) == nil)
        #expect(!page.contains("nan"))
    }

    @Test func `phases, limits, verdicts and settings are there`() {
        var run = wave(.mysql80, count: 600)
        run.scenario.options.ioCapacity = 777
        run.scenario.notes = "First line\nof a paragraph.\n\nSecond one."
        let page = LabPage(LabRun.named([run, wave(.redoubt, count: 500)])).html
        let words = [
            ">rising</text>", ">steady</text>", ">async</text>", ">sync</text>", ">stop</text>", "flushing.ioCapacity",
            "777", "<p>First line\nof a paragraph.</p>", "<p>Second one.</p>", "<b class=\"best\">", "All runs in one",
            "Writers stood still for 3.2 s from 30.0 s on",
        ]
        for word in words { #expect(page.contains(word), "\(word)") }
        #expect(!LabPage(LabRun.named([run])).html.contains("All runs in one"))
    }

    @Test func `runs are named by what they differ in`() {
        let (one, other) = (wave(.mysql80, count: 10), wave(.redoubt, count: 10))
        var real = one
        real.isReal = true
        var elsewhere = other
        elsewhere.scenario.name = "elsewhere"
        #expect(LabRun.named([one, other]).map(\.name) == ["mysql80", "redoubt"])
        #expect(LabRun.named([one, real]).map(\.name) == ["mysql80, model", "mysql80, real"])
        #expect(LabRun.named([one, elsewhere]).map(\.name) == ["made, mysql80", "elsewhere, redoubt"])
        #expect(LabRun.named([one, other, one]).map(\.name) == ["mysql80, 1", "redoubt", "mysql80, 2"])
    }

    // MARK: Charts

    @Test func `a spike of one tenth in ten minutes is drawn, and so is a gap`() {
        var values = [Double](repeating: 5, count: 6000)
        values[1234] = 900
        values[4321] = 0
        for index in 2000..<2100 { values[index] = .nan }
        let chosen = ChartPoints.extremes(of: values, count: 350)
        #expect(chosen.contains(1234) && chosen.contains(4321))
        #expect(chosen.contains { values[$0].isNaN })
        #expect(chosen.count <= 700 && chosen == chosen.sorted())
        #expect(ChartPoints.extremes(of: [1, 2, 3], count: 2) == [0, 1, 2])
        #expect(ChartPoints.extremes(of: [], count: 2).isEmpty)
    }

    @Test func `a path is written in steps, level stretches as one`() {
        var path = ChartPath()
        for (x, y) in [(10, 50), (11, 50), (15, 50), (16, 40), (18, 45)] { path.draw(x, y) }
        path.lift()
        path.draw(30, 1)
        path.lift()
        #expect(path.text == "M10 50h5l1-10l2 5M30 1h0")
    }

    @Test func `scales have round numbers and whole decades`() {
        #expect(ChartScale(upTo: 950).ticks == [0, 500, 1000])
        #expect(ChartScale(upTo: 1000).ticks == [0, 500, 1000])
        #expect(ChartScale(upTo: 70).ticks == [0, 20, 40, 60, 80])
        #expect(ChartScale(upTo: .nan).top == 1)
        let decades = ChartScale(decadesFrom: 0.2, to: 3200)
        #expect(decades.ticks.count == 6 && decades.bottom == -1 && decades.top == 4)
        #expect(abs((decades.height(of: 10) ?? 0) - 0.4) < 1e-6)
        #expect(decades.height(of: 0) == 0 && decades.height(of: .infinity) == 1 && decades.height(of: .nan) == nil)
        #expect(ChartScale(decadesFrom: 10, to: 10).ticks.count == 2, "never without a height")
        for (value, log) in [
            (1.0, 0.0), (1000, 3), (0.01, -2), (2, 0.301_03), (Double.leastNonzeroMagnitude, -323.306_2),
        ] {
            #expect(abs(ChartScale.log10(value) - log) < 1e-4, "\(value)")
        }
    }

    // MARK: Maps and comparisons

    @Test func `a map marks its best and its holes`() {
        #expect(map.best.map { [$0.row, $0.column] } == [1, 2])
        let expected = """
            Longest stall
            ioCapacity down, redo <capacity> across; * is the best

                  64 MiB   1 GiB   2 GiB
            100      3 s       -     1 s
            2000     2 s     1 s     0 s*

            """
        #expect(map.text == expected)
        #expect(map.svg.contains("class=\"best\"") && map.svg.contains("class=\"hole\""))
        #expect(mismatch(map.svg) == nil)
        var alike = map
        alike.values = [[1, 1], [1]]
        #expect(alike.best == nil && alike.text.contains("-"))
        (alike.rows, alike.columns) = ([], [])
        #expect(alike.best == nil && mismatch(alike.svg) == nil)
    }

    @Test func `a comparison says which run is better in what`() {
        let counts = same(100, 50) + same(0, 20) + same(100, 50)
        let stalls = HandMadeRun.of(.init(counts)) { sample, _ in sample.writesActive = 10 }
        var even = HandMadeRun.of(.init(same(100, 120))) { sample, _ in sample.writesActive = 30 }
        even.policy = .redoubt
        even.scenario.seed = 9
        even.scenario.options.ioCapacity = 400
        let comparison = Comparison(LabRun(name: "old", stalls), LabRun(name: "new", even))
        let row = comparison.rows.first { $0.figure == .longestStall }
        #expect(row?.isRightBetter == true && row?.isLeftBetter == false && row?.ratio == 0)
        #expect(comparison.words.contains("new is better in mean throughput (1k/s, not 833/s)"))
        #expect(comparison.words.contains("longest stall (0 s, not 2 s)"))
        #expect(comparison.words.contains("old is better in pages written for a transaction (0.12, not 0.3)"))
        #expect(comparison.words.contains("The seeds differ."))
        #expect(comparison.words.contains("flushing.ioCapacity=2000 against flushing.ioCapacity=400"))
        #expect(comparison.text.contains("2 s "))
        let alike = Comparison(LabRun(name: "a", even), LabRun(name: "b", even))
        #expect(alike.words == "No figure differs by more than 2 %.")
    }

    /// The first element of `markup` that is not closed where it should be; nil if all are.
    private func mismatch(_ markup: String) -> String? {
        var open: [Substring] = []
        var rest = markup[...]
        while let start = rest.firstIndex(of: "<") {
            guard let end = rest[start...].firstIndex(of: ">") else { return "an end" }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("!") || tag.hasSuffix("/") || tag.hasPrefix("meta") || tag == "br" { continue }
            if tag.hasPrefix("/") {
                guard open.popLast() == tag.dropFirst() else { return String(tag) }
            } else {
                open.append(tag.prefix { $0 != " " })
            }
        }
        return open.last.map(String.init)
    }
}
