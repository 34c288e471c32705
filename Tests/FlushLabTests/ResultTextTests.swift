import RedoubtCore
import TestSupport
import Testing

@testable import FlushLab

/// Goal: a run comes back from its file as it was, and no file whatever traps or is taken for a run that it is not.
/// Method: a round trip with awkward values; then lines that are wrong in one way each, every cut, and random damage.
@Suite struct ResultTextTests {
    /// A run whose scenario can be written and read, with values that are not easy on text.
    private func awkward() throws -> RunResult {
        let text = """
            # Notes with "quotes" and \\ in them.

            title = A <title> & more
            seed = 18446744073709551615
            policies = redoubt, mariadb
            [phase one]
            seconds = 0.3
            [phase <script>]
            seconds = 1
            threads = 0
            """
        var result = RunResult(scenario: try Scenario(name: "awk\"ward\u{7F}\u{2028}", text: text), policy: .mariadb)
        result.scenario.device.name = "my \"own\" \\ device"
        result.isReal = true
        (result.asyncLimit, result.syncLimit, result.stopLimit) = (1, 1 << 53, 0)
        let times = [0.1, 0.2, 0.1 + 0.2, 1e300]
        for (index, time) in times.enumerated() {
            var sample = Sample()
            sample.time = time
            (sample.p99, sample.longest, sample.queue) = (1.0 / 3, Double.leastNonzeroMagnitude, -0.0)
            (sample.transactions, sample.deviceBytes) = (index, 1 << 53)
            sample.waitCommit = Double.greatestFiniteMagnitude
            sample.waitRedo = 1e-7
            sample.backPressure = [.normal, .delayed, .stopped, .normal][index]
            result.samples.append(sample)
        }
        return result
    }

    private func read(_ text: String) throws(ScenarioProblem) -> RunResult {
        try RunResult(jsonLines: Array(text.utf8), file: "some.jsonl")
    }

    /// Reads `text`, which must be refused; returns why.
    private func problem(_ text: String) -> ScenarioProblem? {
        do throws(ScenarioProblem) {
            _ = try read(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func `what is written is read back as it was`() throws {
        let result = try awkward()
        let text = result.jsonLines
        let again = try read(text)
        #expect(again == result)
        #expect(again.jsonLines == text)
        #expect(again.csv == result.csv)
    }

    @Test func `a run without samples, and one whose lines end as Windows ends them, are read`() throws {
        var result = try awkward()
        #expect(try read(result.jsonLines.split(separator: "\n").joined(separator: "\r\n")) == result)
        result.samples = []
        #expect(try read(result.jsonLines) == result)
    }

    @Test func `the seed of the run counts, not that of its file`() throws {
        let text = try awkward().jsonLines.replacing("\"seed\":18446744073709551615", with: "\"seed\":7")
        #expect(try read(text).scenario.seed == 7)
    }

    @Test func `CSV has a row for each sample and a column for each field`() throws {
        let lines = try awkward().csv.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 6)
        #expect(lines.last == "", "the last line ends")
        #expect(lines[0].hasPrefix("time,transactions,p99,longest,checkpointAge,"))
        #expect(lines[0].hasSuffix(",waitCommit,backPressure"))
        for line in lines.dropLast() { #expect(line.count { $0 == "," } == 22) }
        #expect(lines[1].hasPrefix("0.1,0,0.3333333333333333,5e-324,"))
        #expect(lines[3].hasSuffix(",stopped"))
    }

    @Test func `what has no digits is left empty in CSV and refused in JSON`() throws {
        var result = try awkward()
        result.samples[1].queue = .nan
        #expect(result.csv.contains(",,"))
        #expect(result.jsonLines.contains("\"queue\":null"))
        #expect(problem(result.jsonLines)?.line == 3)
    }

    @Test func `a file that is wrong in one thing is refused, with the line`() throws {
        let text = try awkward().jsonLines
        let wrong: [(old: String, new: String, line: Int, key: String)] = [
            ("flushlab run", "something", 1, "format"), ("\"version\":1", "\"version\":2", 1, "version"),
            ("\"policy\":\"mariadb\"", "\"policy\":\"furious\"", 1, "policy"), ("true", "1", 1, "isReal"),
            ("\"sampleCount\":4", "\"sampleCount\":5", 1, "sampleCount"),
            ("\"asyncLimit\":1", "\"asyncLimit\":-1", 1, "asyncLimit"),
            ("\"asyncLimit\":1", "\"asyncLimit\":1e3", 1, "asyncLimit"),
            ("\"asyncLimit\":1", "\"asyncLimit\":9007199254740993", 1, "asyncLimit"),
            ("\"asyncLimit\"", "\"asyncLimits\"", 1, "asyncLimit"),
            ("{\"format\"", "{\"more\":1,\"format\"", 1, ""),
            ("{\"format\"", "{\"format\":\"\",\"format\"", 1, "format"),
            ("\"time\":0.2", "\"time\":0.1", 3, "time"), ("\"time\":0.2", "\"time\":\"0.2\"", 3, "time"),
            ("\"time\":0.2", "\"time\":-0.2", 3, "time"), ("\"time\":0.2", "\"time\":1e999", 3, "time"),
            ("\"time\":0.2", "\"time\":0x1", 3, ""), ("\"time\":0.2", "\"time\":02", 3, ""),
            ("\"time\":0.2", "\"time\":0.", 3, ""), ("\"time\":0.2", "\"time\":nan", 3, ""),
            ("\"time\":0.2", "\"time\":[0.2]", 3, ""), ("\"time\":0.2", "\"time\":0.2,\"time\":0.2", 3, ""),
            ("\"delayed\"", "\"late\"", 3, "backPressure"), ("\"delayed\"", "\"delayed\"}{", 3, ""),
            ("\"delayed\"}", "\"delayed\"", 3, ""), ("\"delayed\"", "\"\\ud800\"", 3, ""),
            ("\"delayed\"", "\"\\q\"", 3, ""),
        ]
        for (old, new, line, key) in wrong {
            let found = problem(String(text.replacing(old, with: new, maxReplacements: 1)))
            #expect(found?.line == line, "\(new)")
            #expect(found?.key == key, "\(new)")
            #expect(found?.file == "some.jsonl", "\(new)")
        }
        #expect(problem("")?.line == 0)
        #expect(problem("\n")?.line == 1)
        #expect(problem(text + "\n")?.key == "sampleCount")
    }

    @Test func `no cut of a file is taken for a run`() throws {
        let bytes = Array(try awkward().jsonLines.utf8)
        // Without its last line feed the file is still whole.
        for count in stride(from: 0, to: bytes.count - 1, by: 7) {
            #expect(throws: ScenarioProblem.self, "\(count)") {
                try RunResult(jsonLines: Array(bytes.prefix(count)), file: "cut")
            }
        }
    }

    @Test func `no damage traps, and what can be read can be judged and drawn`() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let bytes = Array(try awkward().jsonLines.utf8)
        let signs = Array("0123456789eE+-.,:{}[]\"\\ nulltrue\u{0}\u{7F}".utf8) + [0x80, 0xC3, 0xFF]
        for round in 0..<500 {
            var damaged = bytes
            for _ in 0...random.below(3) {
                let place = random.below(damaged.count)
                switch random.below(3) {
                case 0: damaged[place] = signs[random.below(signs.count)]
                case 1: damaged.insert(signs[random.below(signs.count)], at: place)
                default: damaged.removeSubrange(place..<min(damaged.count, place + 1 + random.below(4)))
                }
            }
            guard let result = try? RunResult(jsonLines: damaged, file: "damaged") else { continue }
            let page = LabPage([LabRun(name: "damaged", result)]).html
            #expect(page.hasSuffix("</html>\n"), "round \(round), seed \(seed)")
        }
    }

    @Test func `texts survive their escapes`() throws {
        let texts = ["", "a\"b\\c/d", "line\nfeed\ttab\r", "\u{0}\u{1F}\u{7F}\u{85}\u{2028}", "\u{E9}\u{1F600}"]
        for text in texts {
            let line = "{\"a\":\(FlatJSON.quoted(text))}"
            #expect(line.utf8.allSatisfy { $0 >= 32 && $0 != 127 })
            var fields = try FlatJSON(Array(line.utf8)[...], at: FlatJSON.Place(file: "", line: 1))
            let again = try fields.takeText("a")
            #expect(again == text)
            try fields.checkIsTaken()
        }
        let others = Array("{ \"a\" : \"\\/\\b\\f\\u00e9\\uD83D\\uDE00\" }".utf8)
        var fields = try FlatJSON(others[...], at: FlatJSON.Place(file: "", line: 1))
        let text = try fields.takeText("a")
        #expect(text == "/\u{8}\u{C}\u{E9}\u{1F600}")
    }
}
