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

    @Test(arguments: [(8, 16), (16, 64), (64, 4096), (300, 300)])
    func `another size is what an opening with it would be, less what the maximum costs`(
        _ low: Int,
        _ high: Int
    ) throws {
        var configuration = configuration(.mebibytes(low), log: .mebibytes(1))
        configuration.memoryMaximum = .mebibytes(high)
        let plan = try MemoryPlan(configuration)
        #expect(plan.frameCount == plan.frameCount(memory: low << 20, laidOut: 0))
        #expect(plan.frameCountMaximum == plan.frameCount(memory: high << 20, laidOut: plan.frameCount))
        #expect(plan.bucketCount >= plan.frameCountMaximum)
        #expect(total(plan, configuration) <= low << 20)
        var last = 0
        for laidOut in [0, plan.frameCount, plan.frameCountMaximum] {
            let least = plan.memoryMinimum(laidOut: laidOut)
            #expect(plan.frameCount(memory: least, laidOut: laidOut) >= MemoryPlan.frameCountMinimum)
            for memory in stride(from: least, through: high << 20, by: max(1, (high << 20 - least) / 50)) {
                let frames = plan.frameCount(memory: memory, laidOut: laidOut)
                let used =
                    frames * pageByteCount + max(frames, laidOut) * Frame.controlByteCount
                    + MemoryPlan.searchIndexByteCount(frameCount: frames) + plan.bucketCount * 4
                    + plan.writeBufferByteCount + MemoryPlan.slackByteCount + (1 << 20)
                #expect(used <= memory && frames <= plan.frameCountMaximum)
                #expect(frames >= last || memory == least)
                last = frames
            }
        }
    }
}
