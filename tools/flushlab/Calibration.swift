import FlushLab
import Glibc
import RedoubtCommands
import RedoubtCore

/// What the engine takes on this machine, found by short runs in which nothing has to be waited for.
struct Calibration: CustomStringConvertible {
    /// Nanoseconds of processor of a transaction of one change, and of one read.
    var changeTime = 0.0
    var redoPerChange = 0.0
    /// More redo of a page's first change.
    var redoPerPage = 0.0
    var pageWriteTime = 0.0
    var pageReadTime = 0.0
    var processors = 1.0

    var description: String {
        "a change takes \(NumberText.duration(changeTime / 1e9)) and \(NumberText.short(redoPerChange)) bytes of redo, "
            + "writing a page \(NumberText.duration(pageWriteTime / 1e9)), reading one "
            + "\(NumberText.duration(pageReadTime / 1e9)); \(NumberText.short(processors)) processors"
    }

    /// Measures in `folder`.
    static func measure(in folder: String) throws(CommandFailure) -> Calibration {
        var scenario = Scenario()
        (scenario.pageCount, scenario.frameCount, scenario.redoCapacity) = (16384, 32768, 4 << 30)
        var found = Calibration()
        found.processors = Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var phase = Scenario.Phase()
        (phase.name, phase.seconds, phase.threads) = ("all processors", 5, Int(found.processors))
        scenario.phases = [phase]
        let samples = try run(scenario, .mysql80, folder).result.samples.dropFirst(10)
        let done = samples.reduce(0.0) { $0 + Double($1.transactions) }
        found.changeTime = found.processors * Double(samples.count) * 1e8 / max(1, done)
        found.redoPerChange = samples.reduce(0.0) { $0 + Double($1.redo) } / max(1, done)
        // The same load twice, at a rate that leaves room, with a redo that asks for hardly any pages and one that asks
        // for many: what the second took more, its pages took.
        phase.rate = 0.2 * found.processors * 1e9 / found.changeTime
        phase.seconds = 6
        scenario.phases = [phase]
        let few = try run(scenario, .mysql80, folder)
        scenario.redoCapacity = 32 << 20
        let many = try run(scenario, .mysql80, folder)
        let pages = Self.pages(many.result) - Self.pages(few.result)
        let more = (many.processorSeconds - few.processorSeconds) * 1e9
        found.pageWriteTime = max(1000, min(200_000, more / max(1, pages)))
        // And once more with a pool that holds a quarter of the data: what it took more, its reads took. As many at
        // once as in the runs: a processor that would else be idle charges each for going to sleep and waking up.
        (scenario.frameCount, scenario.redoCapacity) = (4096, 4 << 30)
        (scenario.phases[0].rate, scenario.phases[0].threads) = (nil, 4 * Int(found.processors))
        let reading = try run(scenario, .mysql80, folder)
        let usual = few.processorSeconds * 1e9 / max(1, Self.done(few.result)) * Self.done(reading.result)
        let reads = reading.result.samples.reduce(0) { $0 + Double($1.reads) }
        let rest = reading.processorSeconds * 1e9 - usual - Self.pages(reading.result) * found.pageWriteTime
        found.pageReadTime = max(1000, min(200_000, rest / max(1, reads)))
        return found
    }

    private static func done(_ result: RunResult) -> Double {
        result.samples.reduce(0) { $0 + Double($1.transactions) }
    }

    private static func pages(_ result: RunResult) -> Double {
        result.samples.reduce(0) { $0 + Double($1.writes) }
    }

    private static func run(
        _ scenario: Scenario,
        _ policy: FlushingPolicy,
        _ folder: String
    ) throws(CommandFailure) -> RealRun.Outcome {
        try explaining { () throws(RedoubtError) in try RealRun(in: folder).run(scenario, policy: policy) }
    }

    /// Returns the scenario with what was measured in the place of what it says of the machine.
    func applied(to scenario: Scenario) -> Scenario {
        var result = scenario
        result.machine.processors = processors
        result.machine.pageWriteTime = pageWriteTime
        result.machine.pageReadTime = pageReadTime
        // Threads wait for their own reads, and the device was measured from where they wait.
        result.machine.wakeTime = 5000
        for index in result.phases.indices {
            let workload = result.phases[index].workload
            let count = workload.changes + 0.4 * workload.reads
            result.phases[index].workload.processorTime = max(500, changeTime * count)
            result.phases[index].workload.redoPerChange = redoPerChange
        }
        return result
    }
}
