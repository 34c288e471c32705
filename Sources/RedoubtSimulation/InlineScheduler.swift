package import RedoubtCore
package import RedoubtSystem
import Synchronization

/// A world of one thread: the caller's, which does everything that an engine without threads of its own has to do.
///
/// The cheapest way to run a recovery again and again: no thread is started, nothing is handed over, and large buffers
/// are those of the world before. Time is virtual: every step takes a little, and who waits with a deadline finds that
/// it has passed. Who waits without one would wait for ever: the process stops with a message.
public final class InlineScheduler: Sendable {
    private let memory: KeptMemory
    /// Says whether what follows a merge point was explored before; nil if nothing is explored.
    private let explored: (@Sendable (MergePoint, () -> UInt64) -> Bool)?
    /// What is in memory, as digests.
    private let parts = Mutex<[MemoryPart: UInt64]>([:])
    private let time = Atomic<UInt64>(1_000_000_000)
    private let steps = Atomic<Int>(0)
    /// The virtual time of a step, in nanoseconds.
    private static let step: UInt64 = 1000

    /// Creates a world whose large buffers come from `memory`, which several worlds may share.
    package convenience init(memory: KeptMemory) {
        self.init(memory: memory, explored: nil)
    }

    /// Creates a world that asks `explored` at each merge point.
    init(memory: KeptMemory, explored: (@Sendable (MergePoint, () -> UInt64) -> Bool)?) {
        self.memory = memory
        self.explored = explored
    }

    /// Creates a world with memory of its own.
    public convenience init() {
        self.init(memory: KeptMemory())
    }

    /// The places passed so far at which a thread could have waited.
    public var stepCount: Int { steps.load(ordering: .relaxed) }

    /// Runs `body` in this world, on the calling thread.
    public func run<Result>(_ body: () -> Result) -> Result { Scheduling.adopt(self, body) }

    private func pass() {
        steps.wrappingAdd(1, ordering: .relaxed)
        time.wrappingAdd(Self.step, ordering: .relaxed)
    }

    private func jump(to deadline: EngineInstant) {
        pass()
        let present = time.load(ordering: .relaxed)
        if deadline.nanoseconds > present { time.store(deadline.nanoseconds, ordering: .relaxed) }
    }
}

extension InlineScheduler: Scheduler {
    /// The virtual time.
    package func now() -> EngineInstant { EngineInstant(nanoseconds: time.load(ordering: .relaxed)) }

    /// Fails: there is one thread here.
    package func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(RedoubtError) -> EngineThread {
        throw RedoubtError(.systemLimit, "thread \"\(name)\" was to be started in a world of one thread")
    }

    /// Never called, as no thread is started.
    package func join(_ thread: EngineThread) {
        preconditionFailure("thread \"\(thread.name)\" is joined in a world of one thread")
    }

    /// Returns when the word has changed or the deadline passed; stops the process where neither can ever be.
    package func wait(on address: UnsafeRawPointer, while expected: UInt32, deadline: EngineInstant?) -> Bool {
        pass()
        guard unsafe address.load(as: UInt32.self) == expected else { return true }
        guard let deadline else {
            fatalError("deadlock: the only thread waits on a word that is \(expected), after \(stepCount) steps")
        }
        jump(to: deadline)
        return false
    }

    /// Wakes nobody: nobody sleeps.
    package func wake(_ address: UnsafeRawPointer, count: Int32) {}

    /// Moves the clock.
    package func sleep(until deadline: EngineInstant) { jump(to: deadline) }

    /// Moves the clock a step.
    package func yield() { pass() }

    /// The memory that it was made with.
    package var keptMemory: KeptMemory? { memory }

    /// Whether somebody is asked at merge points.
    package var isExploring: Bool { explored != nil }

    /// What the one says who was given for it.
    package func isExplored(at point: MergePoint, _ digest: () -> UInt64) -> Bool {
        guard let explored else { return false }
        return explored(point) {
            parts.withLock { parts in
                parts.reduce(mix(digest())) { $0 &+ mix($1.key.rawValue << 56 ^ mix($1.value)) }
            }
        }
    }

    /// Keeps it for the merge points that follow.
    package func remember(_ part: MemoryPart, _ digest: UInt64) {
        parts.withLock { $0[part] = digest == 0 ? nil : digest }
    }
}
