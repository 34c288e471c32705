import Glibc
import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// The process that has the database open: it updates at the pace and under the policy that it is told on standard
/// input, and writes a sample to standard output ten times a second, until it is told to end or is killed.
struct LoadChild {
    /// The time between samples in milliseconds.
    static let intervalMilliseconds = 100

    private let setup: LoadSetup

    init(_ setup: LoadSetup) { self.setup = setup }

    func run() throws {
        let database = try Database.open(at: setup.path, configuration: setup.configuration)
        let keyspace = try database.keyspace(named: "rows")
        if setup.readsAll { _ = try keyspace.count() }
        let load = UpdateLoad(keyspace, rows: Rows(count: setup.rowCount), threadCount: setup.threadCount)
        var threads = try load.start()
        let sampler = Sampler(EngineFigures(database), load)
        threads.append(try Scheduling.start("sampler") { sampler.run() })
        say("ready")
        while let line = readLine() {
            if let pace = Int(line) {
                load.pace = pace
            } else if let policy = FlushingPolicy(rawValue: line) {
                try database.change { $0.flushing.policy = policy }
            } else {
                break
            }
        }
        sampler.stop()
        load.stop()
        for thread in threads { Scheduling.join(thread) }
        if let error = load.error { throw error }
        try database.close()
        say("closed")
    }
}

/// Takes and writes the samples.
private final class Sampler: Sendable {
    private let figures: EngineFigures
    private let load: UpdateLoad
    private let ending = Atomic<Bool>(false)

    init(_ figures: EngineFigures, _ load: UpdateLoad) {
        self.figures = figures
        self.load = load
    }

    func stop() { ending.store(true, ordering: .releasing) }

    func run() {
        var before: [UInt64] = []
        var next = Scheduling.now()
        while !ending.load(ordering: .acquiring) {
            var sample = Sample()
            load.read(into: &sample, before: &before)
            do {
                try figures.read(into: &sample)
            } catch {
                return say("failed: \(error)")
            }
            if let error = load.error { return say("failed: \(error)") }
            sample[.deviceBytes] = ProcessFigures.deviceBytes
            let now = Scheduling.now()
            sample[.time] = Int(now.nanoseconds)
            say(sample.line)
            next = next.advanced(milliseconds: LoadChild.intervalMilliseconds)
            // A sampler that was kept from running does not catch up.
            if next < now { next = now }
            Scheduling.sleep(microseconds: Int(next.nanoseconds(since: now)) / 1000)
        }
    }
}
