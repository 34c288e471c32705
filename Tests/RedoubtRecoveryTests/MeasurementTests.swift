import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: what the engine finds out about its machine at opening is used, kept where it must be, and harms nothing.
///
/// Method: openings of simulated disks on which each call takes a given time, after crashes and after orderly closes;
/// recorded traces are looked through for copies that a measurement spoiled.
@Suite struct MeasurementTests {
    /// A database whose redo since the checkpoint has some 6 MiB, as a power cut leaves it.
    private func crashed() throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage, Self.large)
        _ = try engine.createKeyspace("rows")
        for number in 0..<30 { try engine.put("rows", "key \(number)", [UInt8](repeating: 1, count: 200_000)) }
        let left = storage.powerCut()
        try engine.close()
        return left
    }

    private static func large(_ configuration: inout Configuration) {
        configuration.redoLog.capacity = .mebibytes(16)
    }

    /// Returns what `body` says about the database on `disk`, opened in a world where each call takes 100 us.
    private func opened<Result: Sendable>(
        _ disk: SimulatedStorage,
        threads: Bool = false,
        _ change: @escaping @Sendable (inout Configuration) -> Void = Self.large,
        _ body: @escaping @Sendable (Engine) throws -> Result
    ) throws -> (result: Result, storage: SimulatedStorage) {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = 100
        let storage = SimulatedStorage(disk.image, options: options)
        let outcome = SimulatedScheduler(seed: 1).run { () -> Swift.Result<Result, any Error> in
            Swift.Result {
                let engine = try EngineFixture.open(storage, threads: threads, change)
                let result = Swift.Result { try body(engine) }
                try engine.close()
                return try result.get()
            }
        }
        return (try outcome.get(), storage)
    }

    @Test func `a long recovery is measured, and the next opening counts on it`() throws {
        let first = try opened(crashed()) { engine in
            (recorded: engine.kernel.log.replayRate, groups: engine.recoveredGroupCount)
        }
        #expect(first.result.groups > 0)
        #expect(ReplayRate.believed.contains(Double(first.result.recorded)))
        let second = try opened(first.storage) { engine in
            var sensors = FlushingSensors(engine.flushing)
            return (
                recorded: engine.kernel.log.replayRate, groups: engine.recoveredGroupCount,
                sensed: sensors.read(engine.flushing.options, at: 1).replayRate,
                shown: engine.statistics()[.redoReplayRate]
            )
        }
        #expect(second.result.groups == 0)
        #expect(second.result.recorded == first.result.recorded)
        #expect(second.result.sensed == Double(first.result.recorded))
        #expect(second.result.shown == first.result.recorded)
    }

    @Test func `a rate that no recovery can have is not believed`() throws {
        for (recorded, expected) in [(UInt64(5_000_000), 5_000_000), (3, ReplayRate.assumed)] {
            let spoiled = try opened(SimulatedStorage()) { $0.kernel.log.replayRate = recorded }
            let sensed = try opened(spoiled.storage) { engine in
                var sensors = FlushingSensors(engine.flushing)
                return sensors.read(engine.flushing.options, at: 1).replayRate
            }
            #expect(sensed.result == expected)
        }
    }

    @Test func `an automatic capacity is measured at opening, and is the same in the same world`() throws {
        let disk = try crashed()
        let automatic: @Sendable (inout Configuration) -> Void = {
            Self.large(&$0)
            $0.flushing.ioCapacity = .automatic
        }
        let measured = try (0..<2).map { _ in
            try opened(disk, threads: true, automatic) { engine in
                var sensors = FlushingSensors(engine.flushing)
                let inputs = sensors.read(engine.flushing.options, at: 1)
                return (speed: engine.statistics()[.measuredPageRate], capacity: inputs.ioCapacity)
            }
        }
        let (speed, capacity) = measured[0].result
        #expect(speed > 0 && measured[1].result.speed == speed)
        #expect(capacity == IOCapacityEstimate(measured: Double(speed)).pagesPerSecond)
        // A queue that ends all its writes at once, in 100 us: the depth, each written twice.
        let depth = UInt64(EngineFixture.configuration.storage.queueDepth)
        #expect(speed <= depth * 10_000 / 2)
        #expect(WriteTrace(measured[0].storage.trace).breaches == [])
        #expect(FlushTrace(measured[0].storage).breaches == [])
        for isFixed in [true, false] {
            let unmeasured: @Sendable (inout Configuration) -> Void = {
                Self.large(&$0)
                $0.flushing.ioCapacity = isFixed ? 500 : .automatic
                if !isFixed { $0.flushing.doublewrite = .off }
            }
            let other = try opened(disk, threads: true, unmeasured) { $0.statistics()[.measuredPageRate] }
            #expect(other.result == 0, "fixed \(isFixed)")
        }
    }

    @Test func `a power cut after a measurement loses nothing`() throws {
        let disk = try crashed()
        let content = try opened(disk) { try $0.content() }.result
        let storage = SimulatedStorage(disk.image)
        let engine = try EngineFixture.open(storage, threads: true) {
            Self.large(&$0)
            $0.flushing.ioCapacity = .automatic
        }
        #expect(engine.statistics()[.measuredPageRate] > 0)
        let left = storage.powerCut(PowerCut(.seeded(7)))
        try engine.close()
        let again = try EngineFixture.open(left, Self.large)
        #expect(try again.content() == content)
        #expect(try again.check() == [])
        try again.close()
    }

    @Test func `a full disk ends the measurement, and the database opens`() throws {
        let storage = SimulatedStorage()
        try EngineFixture.open(storage).close()
        let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
        storage.inject(SimulatedFault(.write, role: .doublewrite, effect: full))
        let engine = try EngineFixture.open(storage, threads: true) { $0.flushing.ioCapacity = .automatic }
        #expect(engine.statistics()[.measuredPageRate] == 0 && !engine.health.isFenced)
        #expect(storage.firedFaultCount == 1)
        try engine.close()
    }
}
