import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization

@testable import RedoubtEngine

/// A pool, a log and all threads of flushing in a simulated world, where a second takes no time and one seed is one
/// history.
enum CleanerWorld {
    /// What a scenario can set.
    struct Options: Sendable {
        var configuration = CleanerWorld.quiet
        var pageCount: UInt32 = 600
        /// The virtual time that each call of the storage takes.
        var latencyMicroseconds = 0
        /// How long a thread waits for a frame before it gives up.
        var waitMilliseconds = 5000
        var seed: UInt64 = 1
    }

    /// A pool of some 200 frames whose policy finds no reason to write anything.
    static var quiet: Configuration {
        var configuration = PoolFixture.small
        configuration.redoLog.capacity = .mebibytes(64)
        configuration.flushing.policy = .mysql80
        configuration.flushing.dirtyPagePercentLowWater = 0
        configuration.flushing.dirtyPagePercentMaximum = 99
        configuration.flushing.adaptive = false
        configuration.flushing.idlePercent = 0
        return configuration
    }

    /// Returns what `body` says about a running engine in which the rules `broken` are broken.
    static func run(
        _ options: Options,
        breaking broken: [CleanerFault],
        _ body: @escaping @Sendable (PoolFixture) throws -> Bool
    ) throws -> Bool {
        let scheduler = SimulatedScheduler(seed: options.seed)
        let result = scheduler.run { () -> Result<Bool, any Error> in
            Result {
                let fixture = try PoolFixture(
                    options.configuration,
                    pageCount: options.pageCount,
                    waitMilliseconds: options.waitMilliseconds,
                    latencyMicroseconds: options.latencyMicroseconds
                )
                #if REDOUBT_INTERLEAVING
                fixture.kernel.faults.store(broken.reduce(0) { $0 | $1.rawValue }, ordering: .relaxed)
                #endif
                try fixture.flushing.start()
                let outcome = Result { try body(fixture) }
                // Whatever the broken rule lets threads wait for, a fence ends.
                if !broken.isEmpty { fixture.pool.fence(RedoubtError(.systemCallFailed, "the scenario is over")) }
                fixture.close()
                return try outcome.get()
            }
        }
        return try result.get()
    }
}

extension PoolFixture {
    /// Waits until `condition` holds, at most so many milliseconds; returns whether it does.
    func wait(milliseconds: Int, until condition: () throws -> Bool) rethrows -> Bool {
        let deadline = Scheduling.now().advanced(milliseconds: milliseconds)
        while try !condition() {
            if Scheduling.now() >= deadline { return false }
            Scheduling.sleep(microseconds: 500)
        }
        return true
    }

    /// Changes one page again and again with `redoBytes` bytes of redo or a little more.
    func change(_ id: PageID, redoBytes: Int) throws {
        var transaction = try MiniTransaction.begin(kernel, redoBytes: 2 * redoBytes + 256, pins: 1)
        let frame = try transaction.latchExclusive(id)
        for offset in 0..<redoBytes / 12 { Self.write(UInt32(offset), at: 100 + 4 * offset, frame, &transaction) }
        transaction.commit()
    }

    /// Pages written from the flush list at the pace of the policy.
    var adaptivelyWritten: UInt64 { flushing.statistics.pagesWritten(.adaptive) }
}
