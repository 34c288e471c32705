import RedoubtCore

/// What a simulated run of flushing showed, phase by phase.
struct FlushReport {
    let policy: FlushingPolicy
    let syncLimit: Double
    private(set) var phases: [Phase] = []
    /// The millisecond at which the present phase began.
    private(set) var phaseStart = 0
    private var now = 0
    private var lastLSN = 0.0
    private var lastWritten: UInt64 = 0

    /// One phase of constant load, without its first two seconds but for the sums.
    struct Phase {
        let load: Double
        /// The redo admitted in each second.
        var redo: [Double] = []
        /// The pages written in each second.
        var writes: [Double] = []
        /// Pages that had to be written: dirty / (age / redo rate), summed up.
        var needed = 0.0
        /// Ages as shares of the sync limit, each 10 ms.
        var ages: [Double] = []
        var largestAge = 0.0

        /// Pages written for each that had to be.
        var writeRatio: Double { writes.reduce(0, +) / max(1, needed) }
        var redoVariation: Double { Self.variation(redo) }
        var writeVariation: Double { Self.variation(writes) }
        var redoMean: Double { redo.reduce(0, +) / Double(max(1, redo.count)) }
        var leastAge: Double { ages.min() ?? 0 }
        var mostAge: Double { ages.max() ?? 0 }

        /// The standard deviation by the mean.
        static func variation(_ series: [Double]) -> Double {
            let mean = series.reduce(0, +) / Double(max(1, series.count))
            let square = series.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, series.count))
            return mean > 0 ? square.squareRoot() / mean : 0
        }
    }

    init(policy: FlushingPolicy, syncLimit: Double) {
        self.policy = policy
        self.syncLimit = syncLimit
    }

    mutating func begin(load: Double) {
        phases.append(Phase(load: load))
        phaseStart = now
    }

    mutating func sample(millisecond: Int, sinceStep: Int, lsn: Double, age: Double, dirty: Int, written: UInt64) {
        now = millisecond + 1
        let index = phases.count - 1
        phases[index].largestAge = max(phases[index].largestAge, age / syncLimit)
        if (sinceStep + 1) % 1000 == 0 {
            let redo = lsn - lastLSN
            let writes = Double(written - lastWritten)
            (lastLSN, lastWritten) = (lsn, written)
            if sinceStep >= 2000 {
                phases[index].redo.append(redo)
                phases[index].writes.append(writes)
                if age > 0 { phases[index].needed += Double(dirty) * redo / age }
            }
        }
        if sinceStep >= 2000, sinceStep % 10 == 0 { phases[index].ages.append(age / syncLimit) }
    }

    /// One line a phase.
    var table: String {
        phases.map { phase in
            let name = policy.rawValue + String(repeating: " ", count: max(0, 10 - policy.rawValue.count))
            return "\(name) load \(pad(phase.load)) redo \(pad(phase.redoMean / 1e6)) MB/s"
                + " cv \(pad(phase.redoVariation))"
                + " writes cv \(pad(phase.writeVariation)) ratio \(pad(phase.writeRatio))"
                + " age \(pad(phase.leastAge))...\(pad(phase.mostAge)) worst \(pad(phase.largestAge))"
        }.joined(separator: "\n")
    }

    private func pad(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
