import RedoubtCore
import RedoubtSystem
import Synchronization

/// Runs `body` with 0, 1, ... on `count` threads of the operating system, and returns once all have ended.
///
/// - Throws: The first error that a body threw. A thread that does not end within `seconds` ends the test run, because
///   nothing can stop it.
package func onThreads(
    _ count: Int,
    within seconds: Double = 60,
    _ body: @escaping @Sendable (Int) throws -> Void
) throws {
    let failures = Mutex<[any Error]>([])
    try withoutActuallyEscaping(body) { body in
        let group = ThreadsOfTest(count: count, body)
        try group.run(within: seconds)
        failures.withLock { $0 = group.failures }
    }
    if let failure = failures.withLock({ $0.first }) { throw failure }
}

/// Waits until `condition` holds, looking again and again; returns false if it does not within `seconds`.
package func spin(within seconds: Double = 20, until condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Scheduling.now().advanced(microseconds: Int(seconds * 1_000_000))
    while try !condition() {
        if Scheduling.now() > deadline { return try condition() }
        Scheduling.sleep(microseconds: 50)
    }
    return true
}

private final class ThreadsOfTest: Sendable {
    private let count: Int
    private let body: @Sendable (Int) throws -> Void
    private let ended = Atomic<Int>(0)
    private let recorded = Mutex<[any Error]>([])

    init(count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
        self.count = count
        self.body = body
    }

    var failures: [any Error] { recorded.withLock { $0 } }

    func run(within seconds: Double) throws {
        var threads: [EngineThread] = []
        for index in 0..<count {
            threads.append(try Scheduling.start("test-\(index)") { self.runBody(index) })
        }
        let areEnded = spin(within: seconds) { ended.load(ordering: .acquiring) == count }
        guard areEnded else {
            fatalError("\(count - ended.load(ordering: .relaxed)) of \(count) threads still run after \(seconds) s")
        }
        for thread in threads { Scheduling.join(thread) }
    }

    private func runBody(_ index: Int) {
        do {
            try body(index)
        } catch {
            recorded.withLock { $0.append(error) }
        }
        ended.wrappingAdd(1, ordering: .releasing)
    }
}
