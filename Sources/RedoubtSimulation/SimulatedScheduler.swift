package import RedoubtCore
package import RedoubtSystem
import Synchronization

/// A scheduler that runs the engine's threads one at a time, in an order that its seed alone decides.
///
/// Threads are those of the operating system, but all except one wait for a baton. Whoever blocks, sleeps, yields or
/// does I/O hands it to a thread that ``ScheduleChoice`` draws from the seed. Time is virtual: each step takes a
/// little, and when no thread can run the clock jumps to the next deadline. When there is none, that is a deadlock: the
/// wait graph is printed and the process stops.
///
/// Several schedulers run side by side; a thread belongs to the one that started it.
public final class SimulatedScheduler: Sendable {
    /// The seed of the history.
    public let seed: UInt64
    /// How it chooses who runs next.
    public let choice: ScheduleChoice
    private let schedule: Mutex<Schedule>
    private let done = Baton()
    private let patienceSeconds: Int
    /// Where large buffers come from; nil for the kernel.
    package let keptMemory: KeptMemory?

    /// Creates a world whose history follows from `seed`.
    ///
    /// - Parameters:
    ///   - seed: The seed.
    ///   - choice: How it is chosen who runs next.
    ///   - stepNanoseconds: The virtual time that passes from one blocking point to the next.
    ///   - patienceSeconds: The real time after which a thread that never reaches a blocking point stops the process.
    public convenience init(
        seed: UInt64,
        choice: ScheduleChoice = .uniform,
        stepNanoseconds: UInt64 = 1000,
        patienceSeconds: Int = 120
    ) {
        self.init(
            seed: seed,
            choice: choice,
            stepNanoseconds: stepNanoseconds,
            patienceSeconds: patienceSeconds,
            memory: nil
        )
    }

    /// Creates a world whose large buffers come from `memory`, which several worlds may share.
    package init(
        seed: UInt64,
        choice: ScheduleChoice = .uniform,
        stepNanoseconds: UInt64 = 1000,
        patienceSeconds: Int = 120,
        memory: KeptMemory?
    ) {
        self.seed = seed
        self.choice = choice
        self.patienceSeconds = patienceSeconds
        keptMemory = memory
        schedule = Mutex(Schedule(seed: seed, choice: choice, stepNanoseconds: stepNanoseconds))
    }

    /// A hash of all choices so far: equal for equal seeds, if nothing outside the seed had a part in them.
    public var traceHash: UInt64 { schedule.withLock { $0.hash } }
    /// The blocking points passed so far.
    public var stepCount: Int { schedule.withLock { $0.stepCount } }
    /// The virtual time in nanoseconds.
    public var nanoseconds: UInt64 { schedule.withLock { $0.now } }

    /// Runs `body` as the first thread of the world; returns when it and all threads that it started have ended.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        let box = ResultBox<Result>()
        runThreads {
            let result = body()
            box.result.withLock { $0 = result }
        }
        guard let value = box.result.withLock({ $0 }) else { preconditionFailure("the first thread left no result") }
        return value
    }

    private func runThreads(_ body: @escaping @Sendable () -> Void) {
        let number = schedule.withLock { schedule in
            let number = schedule.add("main")
            schedule.begin(number)
            return number
        }
        do throws(RedoubtError) {
            let thread = try startThread(number, "main", body)
            schedule.withLock { $0.threads[number].baton }.give()
            waitUntilDone()
            Scheduling.joinOnSystem(thread)
        } catch {
            fatalError("the simulation could not start a thread: \(error)")
        }
    }

    private func waitUntilDone() {
        var last = -1
        var idleSeconds = 0
        while !done.take(nanoseconds: 1_000_000_000) {
            let (count, graph) = schedule.withLock { ($0.stepCount, $0.waitGraph()) }
            idleSeconds = count == last ? idleSeconds + 1 : 0
            last = count
            if idleSeconds >= patienceSeconds {
                fatalError("a simulated thread passed no blocking point for \(idleSeconds) s (seed \(seed))\n\(graph)")
            }
        }
    }

    private func startThread(
        _ number: Int,
        _ name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(RedoubtError) -> EngineThread {
        let baton = schedule.withLock { $0.threads[number].baton }
        return try Scheduling.startOnSystem(name) { [self] in
            baton.take()
            Scheduling.adopt(self, body)
            finish()
        }
    }

    private func finish() {
        let next = take(.finish, .finished)
        if let next { next.give() } else { done.give() }
    }

    /// Lets the running thread do `status`, and returns when it runs again.
    private func block(_ step: Schedule.Step, _ status: Schedule.Status) {
        let own = schedule.withLock { $0.threads[$0.running].baton }
        guard let next = take(step, status), next !== own else { return }
        next.give()
        own.take()
    }

    private func take(_ step: Schedule.Step, _ status: Schedule.Status) -> Baton? {
        let choice = schedule.withLock { schedule -> Swift.Result<Baton?, RedoubtError> in
            do throws(RedoubtError) {
                return .success(try schedule.step(step, status).map { schedule.threads[$0].baton })
            } catch {
                return .failure(error)
            }
        }
        switch choice {
        case .success(let baton): return baton
        case .failure(let error): fatalError("\(error.message)\n(seed \(seed))")
        }
    }
}

/// Where the first thread leaves its result.
private final class ResultBox<Result: Sendable>: Sendable {
    let result = Mutex<Result?>(nil)
}

extension SimulatedScheduler: Scheduler {
    /// The virtual time.
    package func now() -> EngineInstant { EngineInstant(nanoseconds: schedule.withLock { $0.now }) }

    /// Starts a thread that runs when the seed says so.
    package func start(
        _ name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(RedoubtError) -> EngineThread {
        let number = schedule.withLock { $0.add(name) }
        let system = try startThread(number, name, body)
        schedule.withLock { $0.setSystemThread(system, of: number) }
        block(.start, .runnable)
        return EngineThread(name: name, handle: UInt64(number))
    }

    /// Waits until `body` of `thread` has returned.
    package func join(_ thread: EngineThread) {
        let number = Int(thread.handle)
        if schedule.withLock({ $0.threads[number].status != .finished }) { block(.join, .joining(number)) }
        if let system = schedule.withLock({ $0.threads[number].system }) { Scheduling.joinOnSystem(system) }
    }

    /// Waits while the word at `address` equals `expected`, until woken or until `deadline`.
    package func wait(on address: UnsafeRawPointer, while expected: UInt32, deadline: EngineInstant?) -> Bool {
        let word = UInt(bitPattern: address)
        guard unsafe address.load(as: UInt32.self) == expected else {
            block(.yield, .runnable)
            return true
        }
        if let deadline, deadline <= now() { return false }
        block(.wait, .waiting(address: word, expected: expected, deadline: deadline?.nanoseconds))
        return !schedule.withLock { $0.threads[$0.running].hasTimedOut }
    }

    /// Lets at most `count` threads that wait on `address` run again, drawn from the seed.
    package func wake(_ address: UnsafeRawPointer, count: Int32) {
        schedule.withLock { $0.wake(address: UInt(bitPattern: address), count: count) }
    }

    /// Waits until the virtual time is `deadline`.
    package func sleep(until deadline: EngineInstant) {
        block(.sleep, .sleeping(deadline: deadline.nanoseconds))
    }

    /// Waits for its next turn.
    package func yield() {
        block(.yield, .runnable)
    }
}
