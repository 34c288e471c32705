import RedoubtSystem
import Synchronization
import Testing

/// Goal: threads of the engine get processors before those that wait for them. Method: nice values, as the kernel says.
@Suite struct ThreadRoleTests {
    @Test func `a thread of the engine is preferred as far as the process may, and no other`() throws {
        let before = Scheduling.niceness
        let possible = try niceness { body throws in
            try Scheduling.start("plain") {
                Scheduling.preferThread()
                body()
            }
        }
        // Without the right to it nothing changes.
        #expect([before, max(-20, before - Scheduling.backgroundPreference)].contains(possible))
        #expect(try niceness { body throws in try Scheduling.startBackground("preferred", body) } == possible)
        let notPreferred = try niceness { body throws in
            try Scheduling.startBackground("background", isPreferred: false, body)
        }
        #expect(notPreferred == before)
        #expect(try niceness { body throws in try Scheduling.start("plain", body) } == before)
        #expect(Scheduling.niceness == before)
    }

    /// The nice value in a thread that `start` starts.
    private func niceness(_ start: (@escaping @Sendable () -> Void) throws -> EngineThread) throws -> Int32 {
        let found = Found()
        Scheduling.join(try start { found.value.store(Scheduling.niceness, ordering: .releasing) })
        return found.value.load(ordering: .acquiring)
    }

    private final class Found: Sendable { let value = Atomic<Int32>(99) }
}
