import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: the memory option bounds everything, and small budgets work.
///
/// Method: the parts added up again.
@Suite struct MemoryPlanTests {
    private func configuration(_ memory: ByteCount, log: ByteCount) -> Configuration {
        var configuration = Configuration()
        configuration.memory = memory
        configuration.redoLog.bufferCapacity = log
        return configuration
    }

    private func total(_ plan: MemoryPlan, _ configuration: Configuration) -> Int {
        configuration.redoLog.bufferCapacity.rawValue + MemoryPlan.slackByteCount
            + plan.writeBufferByteCount
            + plan.frameCount * (pageByteCount + Frame.controlByteCount) + plan.bucketCount * 4
            + plan.searchIndexByteCount
    }

    @Test(
        "The parts fit in the memory and leave little of it",
        arguments: [
            (ByteCount.mebibytes(8), ByteCount.kibibytes(256)), (.mebibytes(8), .mebibytes(1)),
            (.mebibytes(64), .mebibytes(16)), (.mebibytes(256), .mebibytes(16)), (.gibibytes(4), .mebibytes(64)),
        ]
    )
    func fits(_ memory: ByteCount, _ log: ByteCount) throws {
        let configuration = configuration(memory, log: log)
        let plan = try MemoryPlan(configuration)
        #expect(plan.frameCount >= 64)
        #expect(plan.frameCount % plan.instanceCount == 0)
        #expect(total(plan, configuration) <= memory.rawValue)
        #expect(total(plan, configuration) >= memory.rawValue - memory.rawValue / 16)
    }

    @Test("A log buffer that leaves too few frames is refused")
    func tooSmall() {
        #expect { try MemoryPlan(configuration(.mebibytes(8), log: .mebibytes(8))) } throws: { error in
            (error as? RedoubtError)?.code == .invalidConfiguration
        }
    }
}
