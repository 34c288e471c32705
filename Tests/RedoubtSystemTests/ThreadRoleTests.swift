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

    @Test func `what a preferred thread starts is not preferred because of that`() throws {
        let before = Scheduling.niceness
        let possible = try niceness { body throws in try Scheduling.startBackground("preferred", body) }
        let second = try niceness { body throws in
            try Self.startWithin { try Scheduling.startBackground("preferred too", body) }
        }
        // A process that is nice itself starts anew at 0.
        #expect(second >= min(possible, -Scheduling.backgroundPreference) && second <= before)
        let plain = try niceness { body throws in try Self.startWithin { try Scheduling.start("plain", body) } }
        #expect(plain >= min(before, 0))
    }

    /// Starts a preferred thread that starts another and waits for it.
    private static func startWithin(_ start: @escaping @Sendable () throws -> EngineThread) throws -> EngineThread {
        try Scheduling.startBackground("outer") {
            do { Scheduling.join(try start()) } catch { Issue.record(error) }
        }
    }

    /// The nice value in a thread that `start` starts.
    private func niceness(_ start: (@escaping @Sendable () -> Void) throws -> EngineThread) throws -> Int32 {
        let found = Found()
        Scheduling.join(try start { found.value.store(Scheduling.niceness, ordering: .releasing) })
        return found.value.load(ordering: .acquiring)
    }

    private final class Found: Sendable { let value = Atomic<Int32>(99) }
}
