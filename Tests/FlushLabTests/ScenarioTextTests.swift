import RedoubtCore
import TestSupport
import Testing

@testable import FlushLab

/// Goal: a scenario is what its text says, every scenario has a text, and a wrong text is refused with its line.
///
/// Method: a text that uses every key, changed in one line each time; then changed at random.
@Suite(.timeLimit(.minutes(20))) struct ScenarioTextTests {
    static let good = """
        # What it shows.
        #
        #   Indented, and more.

        title = A load = and a pause
        seed = 18_446_744_073_709_551_615
        policies = mysql80, redoubt
        device = sataSSD

        [data]
        size = 256 MiB
        frames = 1000
        instances = 2
        freeFrames = 512

        [redo]
        capacity = 96 MiB
        checkpointInterval = 1.5 s
        replayRate = 200 MB/s

        [machine]
        processors = 2.5
        pageWriteTime = 8.33 us
        wakeTime = 0.03 ms

        [options]
        ioCapacity = 2_000
        innodb_io_capacity_max = 4000
        innodb_flush_neighbors = 1
        adaptive = false
        innodb_doublewrite = detect_only
        innodb_max_dirty_pages_pct = 75.000000
        targetRecoveryTime = 1 min

        [workload]
        workload = tpcc
        durable = false

        # Not a note.
        [phase warm up]
        seconds = 2 min

        [phase]
        threads = 16
        rate = 1000 /s
        endRate = 5000
        workload = zipfian
        pattern = hot 20% 70%
        redoPerChange = 1 KiB

        """

    private func complaint(_ text: String) -> ScenarioProblem? {
        do throws(ScenarioProblem) {
            _ = try Scenario(name: "file", text: text)
            return nil
        } catch {
            return error
        }
    }

    /// The good text with the line `old` replaced, and the number of that line.
    private func changed(_ old: String, to new: String) throws -> (text: String, line: Int) {
        var lines = Self.good.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let index = try #require(lines.firstIndex(of: old), "the text has no line \(old)")
        lines[index] = new
        return (lines.joined(separator: "\n"), index + 1)
    }

    @Test func `every key has its value`() throws {
        let scenario = try Scenario(name: "file", text: Self.good)
        #expect(scenario.notes == "What it shows.\n\n  Indented, and more.")
        #expect(scenario.title == "A load = and a pause" && scenario.seed == .max)
        #expect(scenario.policies == [.mysql80, .redoubt] && scenario.device == DeviceModel.shipped(named: "sataSSD"))
        #expect(scenario.pageCount == 16384 && scenario.frameCount == 1000)
        #expect(scenario.instanceCount == 2 && scenario.freeFrameTarget == 512)
        #expect(scenario.redoCapacity == 96 << 20 && scenario.checkpointInterval == 1500)
        #expect(scenario.replayRate == 200_000_000)
        #expect(scenario.machine.processors == 2.5 && scenario.machine.pageWriteTime == 8330)
        #expect(scenario.machine.pageReadTime == MachineModel().pageReadTime && scenario.machine.wakeTime == 30_000)
        var options = Configuration.Flushing()
        options.ioCapacity = 2000
        options.ioCapacityMaximum = 4000
        options.neighbours = .contiguous
        options.adaptive = false
        options.doublewrite = .detectOnly
        options.dirtyPagePercentMaximum = 75
        options.targetRecoveryTime = .seconds(60)
        #expect(scenario.options == options)
    }

    @Test func `a phase begins with its own workload, else with that of all`() throws {
        let phases = try Scenario(name: "file", text: Self.good).phases
        try #require(phases.map(\.name) == ["warm up", "2"])
        var usual = Workload.tpcc
        usual.isDurable = false
        #expect(phases[0].workload == usual && phases[0].seconds == 120)
        #expect(phases[0].rate == nil && phases[0].endRate == nil)
        var own = Workload.zipfian
        own.pattern = .hot(pages: 20, accesses: 70)
        own.redoPerChange = 1024
        #expect(phases[1].workload == own && phases[1].threads == 16)
        #expect(phases[1].rate == 1000 && phases[1].endRate == 5000)
    }

    @Test func `what the text does not say is as usual`() throws {
        let scenario = try Scenario(name: "file", text: "[phase a]")
        var usual = Scenario()
        usual.name = "file"
        usual.device = try #require(DeviceModel.shipped(named: "nvme"))
        var phase = Scenario.Phase()
        phase.name = "a"
        usual.phases = [phase]
        #expect(scenario == usual)
    }

    @Test func `the text of a scenario reads back to it, and is its own text`() throws {
        for text in [Self.good, "[phase a]", "#\n#a\n#\n\n# b\n[phase a]\nrate = 0\nthreads = 0"] {
            let scenario = try Scenario(name: "file", text: text)
            let again = try Scenario(name: "file", text: scenario.text)
            #expect(again == scenario)
            #expect(again.text == scenario.text)
        }
        #expect(try Scenario(name: "file", text: "#\n#a\n#\n\n# b\n[phase a]").notes == "\na\n")
    }

    @Test func `line ends, blanks and a byte order mark do not matter`() throws {
        let scenario = try Scenario(name: "file", text: Self.good)
        let lines = Self.good.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(try Scenario(name: "file", text: "\u{FEFF}" + lines.joined(separator: "\r\n")) == scenario)
        #expect(try Scenario(name: "file", text: lines.map { "\t \($0) \t" }.joined(separator: "\n")) == scenario)
    }

    @Test func `a device is one that was found, or one that is shipped`() throws {
        var own = DeviceModel()
        own.name = "nvme"
        own.flushTime = 12345
        let text = "device = nvme\n[phase a]"
        #expect(try Scenario(name: "file", text: text, devices: [own]).device == own)
        #expect(try Scenario(name: "file", text: text).device == DeviceModel.shipped(named: "nvme"))
    }

    @Test func `every workload has a name that reads back to it`() throws {
        for shape in Workload.shapes {
            let scenario = try Scenario(name: "file", text: "[phase a]\nworkload = \(shape.name)")
            #expect(scenario.phases[0].workload == shape.workload)
            #expect(scenario.text.contains("workload = \(shape.name)\n"))
        }
        #expect(Set(Workload.shapes.map(\.workload)).count == Workload.shapes.count)
    }

    @Test(arguments: WrongLine.all) func `a wrong line is named, with what is right`(_ wrong: WrongLine) throws {
        let (text, line) = try changed(wrong.old, to: wrong.new)
        let problem = try #require(complaint(text), "\(wrong.new) was taken")
        #expect(problem.line == line + wrong.offset, "\(problem)")
        #expect(problem.key == wrong.key, "\(problem)")
        #expect(wrong.key.isEmpty || problem.message.contains(wrong.key), "\(problem)")
        #expect(problem.message.contains(wrong.remedy), "\(problem)")
        #expect(problem.description == "file:\(problem.line): \(problem.message)")
    }

    @Test func `phases are neither too many nor too long, and at least one`() throws {
        #expect(complaint("title = x")?.message == "there is no phase; add [phase steady], and below it seconds = 60")
        #expect(complaint("title = x")?.description.hasPrefix("file: there") == true)
        let many = String(repeating: "[phase a]\n", count: 1000)
        #expect(try Scenario(name: "file", text: many).phases.count == 1000)
        #expect(complaint(many + "[phase b]")?.line == 1001)
        let day = "[phase a]\nseconds = 24 h\n"
        #expect(try Scenario(name: "file", text: day).seconds == 86400)
        let long = complaint(day + "[phase b]\nseconds = 1")
        #expect(long?.line == 4 && long?.message.contains("24 h") == true)
    }

    @Test func `a text that is too long is not read`() {
        let long = "# " + String(repeating: "x", count: 1 << 20)
        #expect(complaint(long)?.message.contains("1048578 bytes; at most 1048576") == true)
        #expect(complaint("# " + String(repeating: "x", count: 300_000))?.message.contains("comment") == true)
    }

    @Test func `messages have nothing in them that a terminal obeys`() {
        let problem = complaint("[phase a]\nseconds = \u{9B}31m\u{202E}x")
        #expect(problem?.message.utf8.allSatisfy { (32..<127).contains($0) } == true)
        #expect(complaint("[phase a]\nseconds = \u{1B}[2J")?.message.contains("control character 27") == true)
    }

    @Test func `text changed at random never traps, and what is read has a text`() throws {
        var random = SeededRandom(seed: testSeed())
        let words: [String] = [
            "=", "[", "]", "[phase x]", "1e308", "99999999999999999999", "-1", "e", "_", "%", "\u{E9}", "0", "1.5",
            "\n", "#", " ", "\t", "GiB", "ms", "/s", "maximum", "hot 0.1% 100%", "zipfian 0.5", "\u{0}",
        ]
        var read = 0
        for _ in 0..<3000 {
            var bytes = Array(Self.good.utf8)
            for _ in 0...random.below(4) {
                let place = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[place] = UInt8(random.below(256))
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(40)))
                case 2: bytes.insert(contentsOf: words[random.below(words.count)].utf8, at: place)
                default: bytes.insert(contentsOf: "\n\(words[random.below(words.count)])\n".utf8, at: place)
                }
                if bytes.isEmpty { bytes = [10] }
            }
            guard let scenario = try? Scenario(name: "file", text: String(decoding: bytes, as: UTF8.self)) else {
                continue
            }
            let again = try Scenario(name: "file", text: scenario.text)
            #expect(again == scenario)
            read += 1
        }
        #expect(read > 50)
    }
}
