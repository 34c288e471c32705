import RedoubtCore

// What load a trace shows, as a scenario that other policies can be run with.
extension LoadTrace {
    /// The most phases of a scenario that a trace becomes.
    private static let mostPhases = 120
    /// Below so many reads for a change all data counts as being in memory.
    private static let fewReads = 0.01

    /// What changes do to pages: how many pages they go to, and the redo of one.
    package struct Spread: Sendable, Hashable {
        /// Pages that changes go to, each as likely as any other.
        package let pageCount: Int
        /// Bytes of redo of one change.
        package let redoPerChange: Double
    }

    /// The share of the time in which writers were held back, so that the load is what came through.
    package var heldBackShare: Double {
        var held = 0.0
        for (before, look) in zip(looks, looks.dropFirst()) where look.backPressure != .normal {
            held += look.time - before.time
        }
        return held / max(1e-9, seconds)
    }

    /// What changes did to pages, found by how often they came to a page that was clean.
    ///
    /// A change of a page drawn from `P`, `D` of which are dirty, makes another one dirty with a probability of
    /// `1 - D / P`. So pages made dirty for each byte of redo lie on a falling line over `D`, which is fitted; its
    /// height is one over the redo of a change, and it meets zero at `P`. If `D` hardly varied, `P` is taken to be all
    /// pages in the files.
    package var spread: Spread {
        var sum = (weight: 0.0, x: 0.0, y: 0.0, xx: 0.0, xy: 0.0)
        var most = 1
        for (before, look) in zip(looks, looks.dropFirst()) where look.end > before.end {
            let weight = Double(look.end - before.end)
            let made = Double(look.dirty - before.dirty + look.written - before.written)
            let (x, y) = (Double(look.dirty + before.dirty) / 2, max(0, made) / weight)
            sum.weight += weight
            sum.x += weight * x
            sum.y += weight * y
            sum.xx += weight * x * x
            sum.xy += weight * x * y
            most = max(most, look.dirty)
        }
        let (x, y) = (sum.x / sum.weight, sum.y / sum.weight)
        let variance = sum.xx / sum.weight - x * x
        let slope = variance > 0 ? (sum.xy / sum.weight - x * y) / variance : 0
        let bounds = (least: Double(most) * 1.02 + 16, most: Double(max(filePages, most)) * 1.05 + 32)
        let isTold = variance.squareRoot() > 0.05 * x && slope < 0
        let pages = min(bounds.most, max(bounds.least, isTold ? x - y / slope : bounds.most))
        // Made dirty by each byte if all were clean.
        let height = isTold ? y - slope * x : y / max(0.01, 1 - x / pages)
        return Spread(pageCount: Int(pages), redoPerChange: min(65536, max(16, height > 0 ? 1 / height : 65536)))
    }

    /// The load as a scenario, which has the sizes of the database, and as policies all there are.
    ///
    /// Changes come at the rate at which redo was written; reads as often as pages were read. Numbers may be out of
    /// bounds, as those of the trace may be: ``Scenario/set(_:to:devices:)`` says so. What a trace does not
    /// say, such as options and device, is as in a new scenario.
    package func scenario(name: String) -> Scenario {
        let spread = spread
        var scenario = Scenario()
        scenario.name = name
        scenario.title = "the load of a recorded database"
        scenario.notes = "What a database said while it ran, for \(NumberText.duration(seconds))."
        scenario.frameCount = max(64, frameCount)
        scenario.redoCapacity = max(8 << 20, redoCapacity)
        scenario.policies = FlushingPolicy.allCases
        // The load is a rate: processors are not what limits it.
        scenario.machine.processors = 64
        var workload = Workload()
        workload.processorTime = 2000
        workload.redoPerChange = spread.redoPerChange
        let changes = Double((looks.last?.end ?? 0) - (looks.first?.end ?? 0)) / spread.redoPerChange
        let misses = Double((looks.last?.reads ?? 0) - (looks.first?.reads ?? 0)) / max(1, changes)
        if misses > Self.fewReads {
            // So much data that as many accesses miss.
            scenario.pageCount = max(64, Int(Double(scenario.frameCount) / (1 - min(0.95, misses))))
            workload.reads = max(0, misses / 0.95 - 1)
        } else {
            // Whatever else is in the files, what is used is in memory.
            let reserve = max(4, min(scenario.freeFrameTarget, scenario.frameCount / 8))
            scenario.pageCount = max(64, min(spread.pageCount, scenario.frameCount - reserve))
        }
        scenario.phases = phases(workload)
        return scenario
    }

    /// Rates that are as good as the same, as a share.
    private static let alike = 0.15

    /// The load in phases of a second or more; what goes on alike is one phase, so that slowness within it is seen.
    private func phases(_ workload: Workload) -> [Scenario.Phase] {
        let length = max(1, (seconds / Double(Self.mostPhases)).rounded(.up))
        var phases: [Scenario.Phase] = []
        var begin = looks[0]
        for (index, look) in looks.enumerated().dropFirst() {
            let isLast = index == looks.count - 1
            // Phases are of whole tenths: so these are counted from the beginning, and no error adds up.
            let tenths = Self.tenth(look) - Self.tenth(begin)
            guard look.time - begin.time >= length || isLast, tenths > 0 else { continue }
            var phase = Scenario.Phase()
            phase.name = "from \(NumberText.duration(begin.time))"
            phase.seconds = Double(tenths) / 10
            phase.workload = workload
            let rate = Double(look.end - begin.end) / phase.seconds / workload.redoPerChange
            (phase.threads, phase.rate) = rate < 0.1 ? (0, nil) : (32, rate)
            begin = look
            guard let last = phases.last, Self.areAlike(last, phase) else {
                phases.append(phase)
                continue
            }
            let sum = last.seconds + phase.seconds
            let mean = ((last.rate ?? 0) * last.seconds + (phase.rate ?? 0) * phase.seconds) / sum
            phases[phases.count - 1].rate = last.rate.map { _ in mean }
            phases[phases.count - 1].seconds = (sum * 10).rounded() / 10
        }
        return phases
    }

    private static func tenth(_ look: Look) -> Int { Int((look.time * 10).rounded()) }

    private static func areAlike(_ one: Scenario.Phase, _ other: Scenario.Phase) -> Bool {
        let (rate, next) = (one.rate ?? 0, other.rate ?? 0)
        return one.threads == other.threads && abs(rate - next) <= alike * rate
    }

    /// What was seen, as a run of `scenario`; its transactions are the changes that its redo comes to.
    package func result(_ scenario: Scenario) -> RunResult {
        var result = RunResult(scenario: scenario, policy: scenario.policies.first ?? .mysql80)
        (result.isReal, result.isOutline, result.isLoadKnown) = (true, true, false)
        (result.asyncLimit, result.syncLimit, result.stopLimit) = (asyncLimit, syncLimit, stopLimit)
        let redoPerChange = scenario.phases.first?.workload.redoPerChange ?? 1
        var next = 1
        var carry = 0.0
        var before = looks[0]
        for look in looks.dropFirst() where Self.tenth(look) >= next {
            defer { before = look }
            let tenths = Self.tenth(look) - next + 1
            for tenth in 0..<tenths {
                /// A tenth's part, so that all parts are the whole.
                func part(_ path: KeyPath<Look, Int>) -> Int {
                    let whole = Double(look[keyPath: path] - before[keyPath: path]) / Double(tenths)
                    return Int(whole * Double(tenth + 1)) - Int(whole * Double(tenth))
                }
                var sample = Sample()
                sample.time = Double(next) / 10
                let done = Double(part(\.end)) / redoPerChange + carry
                sample.transactions = Int(done)
                carry = done - done.rounded(.down)
                sample.checkpointAge = look.end - min(look.end, look.checkpoint)
                sample.redoAge = look.end - min(look.end, look.bound)
                (sample.dirty, sample.free) = (look.dirty, look.free)
                sample.reads = part(\.reads)
                sample.writesActive = part(\.writtenActive)
                sample.writesIdle = part(\.writtenIdle)
                sample.writesSync = part(\.writtenSync)
                sample.writesLRU = part(\.writtenLRU)
                sample.redo = part(\.end)
                sample.backPressure = look.backPressure
                result.samples.append(sample)
                next += 1
            }
        }
        return result
    }
}
