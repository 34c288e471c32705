import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// Goal: writers that were stopped before a limit go on again, whatever the policy thinks of the silence.
/// Method: the watchdog beside all threads of flushing in virtual time.
@Suite(.timeLimit(.minutes(20))) struct WriterThrottleTests {
    @Test(arguments: [UInt64(1), 2, 3])
    func `stopped writers go on under a policy that writes nothing while nothing changes`(seed: UInt64) throws {
        var options = CleanerWorld.Options()
        options.seed = seed
        options.pageCount = 1000
        options.configuration.memory = .mebibytes(24)
        // Two decisions do not bring the dirty share back below the limit, and then the writers count as idle.
        options.configuration.flushing.dirtyPagePercentMaximum = 10
        options.configuration.flushing.ioCapacity = 100
        options.configuration.flushing.ioCapacityMaximum = 100
        let isServed = try CleanerWorld.run(options, breaking: []) { fixture in
            let watchdog = Watchdog(fixture.kernel, fixture.flushing)
            try watchdog.start()
            Scheduling.sleep(microseconds: 300_000)
            for number: UInt32 in 0..<1000 { try fixture.change(page(number), to: 1) }
            let isStopped = fixture.wait(milliseconds: 1000) { fixture.log.backPressure == .stopped }
            let isDone = SharedFlag()
            let writer = try Scheduling.start("writer") {
                if (try? fixture.change(page(0), to: 2)) != nil { isDone.set() }
            }
            let isServed = fixture.wait(milliseconds: 30_000) { isDone.isSet }
            watchdog.stop()
            Scheduling.join(writer)
            return isStopped && isServed
        }
        #expect(isServed)
    }
}
