import Dispatch
package import RedoubtCore
package import RedoubtSystem

/// A scheduler that runs the threads of a test one at a time and takes one path through the tree of all schedules.
///
/// The running thread hands the baton on: at an atomic step if the path says so, and when it blocks, yields or ends.
/// Time stands still; a deadline passes only when nobody can run. Used through
/// ``exploreInterleavings(threads:preemptions:limit:make:body:check:)``.
package final class InterleavingScheduler: Scheduler, @unchecked Sendable {
    private enum State {
        case runnable
        case blocked(address: UInt, hasDeadline: Bool)
        case ended
    }

    /// Where a schedule branches: the branch taken, and how many there are.
    struct Branch {
        var taken: Int
        let count: Int
    }

    // Only the thread with the baton touches these; the semaphores order the accesses.
    private var states: [State] = []
    private var hasTimedOut: [Bool] = []
    private var running = 0
    private var depth = 0
    private var preemptionsLeft = 0
    private var branches: [Branch] = []
    private var isStopping = false
    private(set) var trace: [Int] = []
    private(set) var timeoutCount = 0
    private(set) var stepCount = 0
    private(set) var deadlock: String?
    private let batons: [DispatchSemaphore]
    private let isOver = DispatchSemaphore(value: 0)
    private let threadCount: Int
    private let preemptions: Int

    init(threads count: Int, preemptions: Int) {
        threadCount = count
        self.preemptions = preemptions
        batons = (0..<count).map { _ in DispatchSemaphore(value: 0) }
    }

    // MARK: Runs

    /// Runs one schedule to its end; the workers must be parked in ``takePart(_:_:)``. Returns false if it hung.
    func runOnce(within seconds: Double) -> Bool {
        states = Array(repeating: .runnable, count: threadCount)
        hasTimedOut = Array(repeating: false, count: threadCount)
        depth = 0
        preemptionsLeft = preemptions
        trace = []
        handOver(to: choose(Array(0..<threadCount)))
        return isOver.wait(timeout: .now() + seconds) == .success
    }

    /// Moves on to the next schedule; returns false if that was the last.
    func advance() -> Bool {
        while let last = branches.last, last.taken + 1 == last.count { branches.removeLast() }
        guard !branches.isEmpty else { return false }
        branches[branches.count - 1].taken += 1
        return true
    }

    /// Waits for the baton, runs `body` as thread `index`, and hands the baton on. Returns false once ``stop()`` was
    /// called.
    func takePart(_ index: Int, _ body: () -> Void) -> Bool {
        batons[index].wait()
        if isStopping { return false }
        body()
        states[index] = .ended
        passOn()
        return true
    }

    /// Ends the workers, which must be parked in ``takePart(_:_:)``.
    func stop() {
        isStopping = true
        for baton in batons { baton.signal() }
    }

    private func choose(_ options: [Int]) -> Int {
        guard options.count > 1 else { return options[0] }
        if depth == branches.count { branches.append(Branch(taken: 0, count: options.count)) }
        let branch = branches[depth]
        precondition(branch.count == options.count, "the test does not repeat itself")
        depth += 1
        return options[branch.taken]
    }

    private var runnable: [Int] {
        states.indices.filter {
            if case .runnable = states[$0] { return true }
            return false
        }
    }

    private func handOver(to next: Int) {
        running = next
        trace.append(next)
        batons[next].signal()
    }

    private func switchTo(_ next: Int) {
        let own = running
        guard next != own else { return }
        handOver(to: next)
        batons[own].wait()
    }

    /// Gives the baton to somebody who can run; ends the schedule if nobody is left.
    private func passOn() {
        let options = runnable
        if !options.isEmpty { return handOver(to: choose(options)) }
        for index in states.indices {
            if case .blocked(_, hasDeadline: true) = states[index] {
                states[index] = .runnable
                hasTimedOut[index] = true
                timeoutCount += 1
                return handOver(to: index)
            }
        }
        let stuck = states.indices.filter {
            if case .blocked = states[$0] { return true }
            return false
        }
        if !stuck.isEmpty { deadlock = "threads \(stuck) wait for ever; schedule \(trace)" }
        isOver.signal()
    }

    // MARK: Scheduler

    package func atomicStep() {
        stepCount += 1
        let own = running
        guard preemptionsLeft > 0 else { return }
        let next = choose([own] + runnable.filter { $0 != own })
        if next != own { preemptionsLeft -= 1 }
        switchTo(next)
    }

    package func yield() {
        let own = running
        let others = runnable.filter { $0 != own }
        if let next = others.first(where: { $0 > own }) ?? others.first { switchTo(next) }
    }

    package func wait(on address: UnsafeRawPointer, while expected: UInt32, deadline: EngineInstant?) -> Bool {
        atomicStep()
        guard unsafe address.load(as: UInt32.self) == expected else { return true }
        let own = running
        states[own] = .blocked(address: UInt(bitPattern: address), hasDeadline: deadline != nil)
        passOn()
        batons[own].wait()
        defer { hasTimedOut[own] = false }
        return !hasTimedOut[own]
    }

    package func wake(_ address: UnsafeRawPointer, count: Int32) {
        atomicStep()
        var left = count
        for index in states.indices where left > 0 {
            if case .blocked(let place, _) = states[index], place == UInt(bitPattern: address) {
                states[index] = .runnable
                left -= 1
            }
        }
    }

    package func now() -> EngineInstant { EngineInstant(nanoseconds: 1) }

    package func sleep(until deadline: EngineInstant) { yield() }

    package func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(RedoubtError) -> EngineThread {
        preconditionFailure("the threads of an exhaustive check are given at its start")
    }

    package func join(_ thread: EngineThread) {
        preconditionFailure("the threads of an exhaustive check are joined at its end")
    }
}
