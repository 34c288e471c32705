import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtPolicy

/// Goal: the policy `redoubt` holds the redo age at its target, writes no more than that takes, and is smoother than
/// the others. Method: a simulation of pages, device and writers in virtual time, under the same load for all policies.
@Suite struct FlushSimulationTests {
    @Test func `redoubt holds the age through steps of load and overload, and the others do not`() throws {
        var reports: [FlushingPolicy: FlushReport] = [:]
        for policy in FlushingPolicy.allCases {
            var simulation = FlushSimulation(policy: policy, seed: 1)
            let report = simulation.run()
            print(report.table)
            reports[policy] = report
        }
        let found = reports.removeValue(forKey: .redoubt)
        let redoubt = try #require(found)
        for (number, phase) in redoubt.phases.enumerated() {
            #expect(phase.largestAge < 1, "phase \(number)")
            #expect(phase.redoVariation <= 0.06, "phase \(number)")
            #expect(phase.writeRatio <= 1.1, "phase \(number)")
            // The first phase fills the log.
            guard number > 0 else { continue }
            #expect(phase.leastAge > AgeControl.targetShare - 0.05, "phase \(number)")
            #expect(phase.mostAge < AgeControl.targetShare + 0.05, "phase \(number)")
        }
        // At what the device sustains nothing is held back.
        let full = redoubt.phases[2]
        #expect(full.redoMean > 0.98 * redoubt.phases[1].redoMean / 0.3)
        for (policy, other) in reports {
            #expect(other.phases.contains { $0.largestAge > 1 }, "\(policy) passes the limit")
            #expect(full.redoMean > other.phases[2].redoMean, "\(policy) stalls at full load")
            #expect(full.redoVariation < other.phases[2].redoVariation, "\(policy) at full load")
            #expect(redoubt.phases[4].redoVariation < other.phases[4].redoVariation, "\(policy) in overload")
        }
    }

    @Test func `the age stays below its limit whatever the load, the device and the pages`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<8 {
            var simulation = FlushSimulation(policy: .redoubt, seed: random.next())
            simulation.pageCount = 1024 << random.below(5)
            simulation.devicePages = Double(500 << random.below(4))
            simulation.updateSize = Double(1600 << random.below(2))
            // Writers of at most a gigabyte a second.
            let most = min(20, 1e9 / simulation.sustainedRedo)
            simulation.phases = (0..<4).map { _ in
                let load = [0.1, 0.3, 1, 2, most][random.below(5)]
                return FlushSimulation.Phase(10, load: load, device: [1, 1, 0.5, 0.25][random.below(4)])
            }
            let report = simulation.run()
            #expect(report.phases.allSatisfy { $0.largestAge < 1 }, "seed \(seed)\n\(report.table)")
        }
    }

    @Test func `a hump that the device can take when it is due does not pull the age down`() {
        var simulation = FlushSimulation(policy: .redoubt, seed: 4)
        // Too short for the pages to spread over the log.
        simulation.phases = [.init(3, load: 3), .init(15, load: 0.3)]
        let phase = simulation.run().phases[1]
        #expect(phase.leastAge > AgeControl.targetShare - 0.05)
        #expect(phase.mostAge < AgeControl.targetShare + 0.05)
    }

    @Test func `the recovery time bounds the age`() {
        var simulation = FlushSimulation(policy: .redoubt, seed: 3)
        simulation.options.targetRecoveryTime = .milliseconds(500)
        simulation.phases = [.init(20, load: 0.2), .init(10, load: 3)]
        let report = simulation.run()
        // Half a second at 100 MB/s, less the window of the lists.
        let most = (50e6 - 1_048_576) / FlushSimulation.redoubtLimit
        for phase in report.phases { #expect(phase.largestAge < most) }
        #expect(report.phases[1].leastAge > 0.8 * most)
    }
}
