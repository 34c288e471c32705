import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Testing

/// Goal: a world of one thread never hangs, and never hands out what another world left. Method: each way to wait, and
/// buffers that were written before.
@Suite struct InlineSchedulerTests {
    private static func fill(_ byteCount: Int, _ memory: KeptMemory, needsZeros: Bool) throws -> [UInt8] {
        try InlineScheduler(memory: memory).run {
            Result {
                let buffer = try AlignedBuffer(byteCount: byteCount, needsZeros: needsZeros)
                let found = unsafe Array(Set(buffer.bytes)).sorted()
                unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 7)
                return found
            }
        }.get()
    }

    @Test func `memory is zero when it is handed out again, unless that is not needed`() throws {
        let memory = KeptMemory()
        #expect(try Self.fill(40_000, memory, needsZeros: true) == [0])
        #expect(memory.usedCount == 0 && memory.byteCount == 40_000)
        #expect(try Self.fill(40_000, memory, needsZeros: false) == [7])
        #expect(try Self.fill(40_000, memory, needsZeros: true) == [0])
        #expect(memory.byteCount == 40_000)
        #expect(try Self.fill(50_000, memory, needsZeros: true) == [0])
        #expect(memory.byteCount == 90_000 && memory.usedCount == 0)
    }

    @Test func `a wait with a deadline ends at it, and sleeping moves the clock`() {
        let world = InlineScheduler()
        world.run {
            let begin = Scheduling.now()
            let event = Event()
            #expect(!event.wait(event.ticket, deadline: begin.advanced(milliseconds: 500)))
            #expect(Scheduling.now() == begin.advanced(milliseconds: 500))
            Scheduling.sleep(microseconds: 300)
            #expect(Scheduling.now() >= begin.advanced(microseconds: 500_300))
            let ticket = event.ticket
            event.signal()
            #expect(event.wait(ticket))
        }
        #expect(world.stepCount > 2)
    }

    @Test func `no thread can be started`() {
        InlineScheduler().run {
            _ = #expect(throws: RedoubtError.self) { _ = try Scheduling.start("other") {} }
        }
    }

    @Test func `a wait that nobody can end stops the process`() async {
        await #expect(processExitsWith: .failure) {
            InlineScheduler().run {
                let event = Event()
                event.wait(event.ticket)
            }
        }
    }
}
