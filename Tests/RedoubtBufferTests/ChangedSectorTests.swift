import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: the sectors in a copy are enough: with them every mixture of the images that a page has had since the last
/// sync becomes the newest one.
/// Method: ``SectorWorld`` with seeded histories; the same with one rule broken on purpose.
@Suite(.serialized, .timeLimit(.minutes(20))) struct ChangedSectorTests {
    /// Takes 120 steps, and as many more as it takes until `wanted` disks were torn, 1,200 at the most: what a seed
    /// happens to write decides how many there are.
    private func run(
        _ seed: UInt64,
        modes: [Configuration.Doublewrite] = [.changedSectors],
        breaking fault: CleanerFault? = nil,
        atomicWriteUnit: Int = 0,
        tearing wanted: Int = 50,
        during: (SectorWorld, Int) -> Void = { _, _ in }
    ) throws -> SectorWorld.Outcome {
        let world = try SectorWorld(seed: seed, modes: modes, breaking: fault, atomicWriteUnit: atomicWriteUnit)
        // That a copy is overwritten too early is for other judges.
        let isNoticed = fault != nil && fault != .forgetsUnsyncedSegments
        defer { world.fixture.close(breaking: isNoticed ? .copyBeforePage : nil) }
        for number in 0..<1200 where number < 120 || world.outcome.tornCount <= wanted {
            during(world, number)
            try world.step()
        }
        if fault == nil && modes == [.changedSectors] && atomicWriteUnit == 0 {
            let statistics = world.fixture.pool.statistics
            let images = statistics[.doublewritePages] + statistics[.doublewriteBatches]
            #expect(statistics[.doublewriteSavedBytes] > 0)
            #expect(statistics[.doublewriteSavedBytes] < images * UInt64(pageByteCount))
        }
        return world.outcome
    }

    @Test("Every mixture of the images since the last sync becomes the newest one")
    func mixtures() throws {
        let seed = testSeed()
        let outcome = try run(seed, tearing: 100)
        print("mixtures of sectors, seed \(seed): \(outcome)")
        #expect(outcome.failureCount == 0 && outcome.tornCount > 100, "seed \(seed): \(outcome)")
    }

    @Test("Also when the writes before had whole copies, names only, or none because the device was relied on")
    func otherModes() throws {
        let seed = testSeed()
        let modes = try run(seed, modes: [.changedSectors, .detectOnly, .on])
        #expect(modes.failureCount == 0 && modes.tornCount > 50, "seed \(seed): \(modes)")
        let atomic = try run(seed, atomicWriteUnit: 16384) { world, number in
            if number == 60 { world.fixture.kernel.files.file(SpaceID(rawValue: 7))?.stopAtomicWrites() }
        }
        #expect(atomic.failureCount == 0 && atomic.tornCount > 50, "seed \(seed): \(atomic)")
        let refused = try run(seed, atomicWriteUnit: 16384) { world, number in
            guard number == 60 else { return }
            let refusal = SimulatedFault(.atomicWrite, isPermanent: true, effect: .failure(errno: 22))
            world.fixture.storage.inject(refusal)
        }
        #expect(refused.failureCount == 0 && refused.tornCount > 50, "seed \(seed): \(refused)")
    }

    @Test(
        "Also when writes find no space now and then, of pages or of copies",
        arguments: [FileRole.data, .doublewrite]
    )
    func fullDisk(_ role: FileRole) throws {
        let seed = testSeed()
        let outcome = try run(seed, modes: [.changedSectors, .on]) { world, number in
            let isFull = number % 20 >= 12
            world.fixture.storage.removeFaults()
            let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
            let fault = SimulatedFault(.write, role: role, skipping: number % 3, isPermanent: true, effect: full)
            if isFull { world.fixture.storage.inject(fault) }
        }
        #expect(outcome.failureCount == 0 && outcome.tornCount > 50, "seed \(seed): \(outcome)")
    }

    #if REDOUBT_INTERLEAVING
    @Test(
        "A broken rule is found out",
        arguments: [CleanerFault.forgetsUnsyncedSectors, .losesChangedSector, .forgetsUnsyncedSegments]
    )
    func broken(_ fault: CleanerFault) throws {
        let outcome = try run(6, breaking: fault)
        print("mixtures of sectors, \(fault): \(outcome)")
        #expect(outcome.failureCount > 0)
    }
    #endif
}
