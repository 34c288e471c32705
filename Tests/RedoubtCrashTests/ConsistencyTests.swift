import SiegeKit
import Testing

@testable import RedoubtSiege

/// Goal: the redo of every change says all of it. Method: workloads whose redo holds images of all changed pages are
/// killed and recovered, and each replayed page is compared; changes that are left out on purpose must be noticed.
@Suite(.timeLimit(.minutes(20))) struct ConsistencyTests {
    @Test func `every replayed page is what it was when it was changed`() {
        let figures = EngineConsistency.run(7..<8)
        #expect(figures.violations.isEmpty)
        #expect(figures.runCount == CrashProfile.all.count && figures.redoByteCount > 1 << 20)
        #expect(figures.canaries.count == 3 && figures.canaries.allSatisfy { $0.caughtAfter != nil })
    }
}
