import Foundation
import RedoubtCore
import Testing

@testable import FlushLab

/// Goal: what is shipped can be read, and its claims are judged and not only stated. Method: every file and variant is
/// read; claims are put to runs that cannot bear them. `flushlab check` judges the real ones, with optimised code.
@Suite struct ShippedScenarioTests {
    @Test(arguments: ShippedScenario.all.map(\.name))
    func `every scenario and variant can be read, and says what to look at`(name: String) throws {
        let shipped = try #require(ShippedScenario.named(name))
        let found = try shipped.scenarios()
        #expect(found.count == shipped.variants.count)
        #expect(!shipped.claims.isEmpty)
        #expect(Set(shipped.variants.map(\.name)).count == shipped.variants.count)
        for (variant, scenario) in found {
            #expect(
                scenario.notes.split { $0.isWhitespace }.joined(separator: " ").contains("Look at"),
                "\(name), \(variant.name)"
            )
            #expect(!scenario.title.isEmpty)
            #expect(scenario.seconds <= 600)
            #expect(try Scenario(name: name, text: scenario.text) == scenario)
        }
    }

    @Test func `the document beside the code is of these scenarios`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let written = try String(contentsOf: root.appending(path: "Sources/FlushLab/SCENARIOS.md"), encoding: .utf8)
        let current = try ShippedScenario.documentation() + "\n"
        #expect(written == current, "flushlab scenarios --markdown > Sources/FlushLab/SCENARIOS.md writes it")
        for shipped in ShippedScenario.all {
            #expect(current.contains("\n## \(shipped.name)\n"))
            for claim in shipped.claims { #expect(current.contains("\n- \(claim.text)\n"), "\(claim.text)") }
        }
    }

    @Test func `every bug of a cleaner has a scenario, and is named by its entry`() throws {
        let bugs = try ShippedScenario.bugs.map { try $0.scenarios().compactMap(\.scenario.bug) }
        #expect(bugs.allSatisfy { $0.count == 1 })
        #expect(Set(bugs.flatMap { $0 }) == Set(CleanerBug.allCases))
        for (shipped, bug) in zip(ShippedScenario.bugs, bugs.flatMap({ $0 })) {
            #expect(shipped.text.contains(bug.entry), "\(shipped.name)")
        }
    }

    @Test(arguments: ShippedScenario.all.map(\.name))
    func `runs in which nothing happens bear no claim`(name: String) throws {
        let shipped = try #require(ShippedScenario.named(name))
        var all: [ShippedScenario.Outcomes.Outcome] = []
        for (variant, scenario) in try shipped.scenarios() {
            for policy in scenario.policies {
                var result = RunResult(scenario: scenario, policy: policy)
                result.samples = (1...Int(scenario.seconds * 10)).map { tenth in
                    var sample = Sample()
                    sample.time = Double(tenth) / 10
                    return sample
                }
                all.append(
                    ShippedScenario.Outcomes.Outcome(variant: variant.name, result: result, verdict: Verdict(result))
                )
            }
        }
        let outcomes = ShippedScenario.Outcomes(all: all)
        for claim in shipped.claims { #expect(!claim.judge(outcomes).holds, "nothing at all bears: \(claim.text)") }
    }

    @Test func `a pause writes what a burst has left, and a bug of the cleaner keeps it`() throws {
        var scenario = try #require(ShippedScenario.named("idle-flushing-lost")?.scenarios().first?.scenario)
        // Smaller, for code that is not optimised.
        for index in scenario.phases.indices { scenario.phases[index].seconds /= 4 }
        let sound = VirtualRun.run(scenario, policy: .mariadb).samples
        scenario.bug = .idleFlushingLost
        let bug = VirtualRun.run(scenario, policy: .mariadb).samples
        #expect(try #require(sound.last).dirty == 0)
        #expect(try #require(bug.last).dirty > 1000)
    }
}
