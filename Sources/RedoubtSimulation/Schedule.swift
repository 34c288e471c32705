import RedoubtCore
import RedoubtSystem

/// The threads of a simulated world, its clock, and the choice of who runs next: a state machine without threads.
struct Schedule: Sendable {
    /// What a thread is doing.
    enum Status: Sendable, Equatable {
        case runnable
        case running
        case waiting(address: UInt, expected: UInt32, deadline: UInt64?)
        case sleeping(deadline: UInt64)
        case joining(Int)
        case finished
    }

    /// A simulated thread.
    struct Thread: Sendable {
        let name: String
        let baton: Baton
        var status = Status.runnable
        /// The thread of the operating system behind it, once it is known.
        var system: EngineThread?
        /// Whether the last wait ended because its deadline passed.
        var hasTimedOut = false
    }

    /// What happened, for the hash of the history.
    enum Step: UInt64, Sendable {
        case start = 1, wait, wake, sleep, yield, join, finish
    }

    private(set) var threads: [Thread] = []
    private(set) var running = 0
    private(set) var now: UInt64 = 1_000_000_000
    private(set) var hash: UInt64 = 0
    private(set) var stepCount = 0
    private var random: SeededRandom
    private var priorities: SchedulePriorities?
    private let stepNanoseconds: UInt64

    init(seed: UInt64, choice: ScheduleChoice, stepNanoseconds: UInt64) {
        random = SeededRandom(seed: seed)
        if case .priorities(let changes, let steps) = choice {
            priorities = SchedulePriorities(seed: seed, changes: changes, steps: steps)
        }
        self.stepNanoseconds = stepNanoseconds
    }

    var isFinished: Bool { threads.allSatisfy { $0.status == .finished } }

    /// Adds a thread that may run, and returns its number.
    mutating func add(_ name: String) -> Int {
        threads.append(Thread(name: name, baton: Baton()))
        priorities?.add()
        return threads.count - 1
    }

    mutating func setSystemThread(_ thread: EngineThread, of number: Int) {
        threads[number].system = thread
    }

    /// Marks thread `number` as the one that runs; for the first.
    mutating func begin(_ number: Int) {
        threads[number].status = .running
        running = number
    }

    /// Changes what the running thread does, chooses who runs next, and returns that.
    ///
    /// - Returns: The number of the thread, or nil if all have finished.
    /// - Throws: `.systemLimit` with the wait graph, if no thread can ever run again.
    mutating func step(_ step: Step, _ status: Status) throws(RedoubtError) -> Int? {
        threads[running].status = status
        threads[running].hasTimedOut = false
        stepCount += 1
        now += stepNanoseconds
        let stepping = running
        if status == .finished { release { $0 == .joining(stepping) } }
        wakeSleepers()
        guard let next = try choose() else { return nil }
        hash = mix(hash ^ (step.rawValue << 32 | UInt64(running) << 16 | UInt64(next)) ^ mix(now))
        running = next
        threads[next].status = .running
        return next
    }

    /// Makes at most `count` threads that wait on `address` runnable, chosen by seed if not all.
    mutating func wake(address: UInt, count: Int32) {
        var waiters = threads.indices.filter {
            if case .waiting(address, _, _) = threads[$0].status { true } else { false }
        }
        var left = count
        while left > 0 && !waiters.isEmpty {
            let chosen = waiters.remove(at: waiters.count == 1 ? 0 : random.below(waiters.count))
            threads[chosen].status = .runnable
            hash = mix(hash ^ (Step.wake.rawValue << 32 | UInt64(running) << 16 | UInt64(chosen)))
            left -= 1
        }
    }

    private mutating func choose() throws(RedoubtError) -> Int? {
        while true {
            let runnable = threads.indices.filter { threads[$0].status == .runnable }
            if let only = runnable.first {
                if let chosen = priorities?.choose(runnable, after: running, step: stepCount) { return chosen }
                return runnable.count == 1 ? only : runnable[random.below(runnable.count)]
            }
            if isFinished { return nil }
            guard let earliest = threads.compactMap({ Self.deadline(of: $0.status) }).min() else {
                throw RedoubtError(.systemLimit, "deadlock: no simulated thread can run\n\(waitGraph())")
            }
            now = max(now, earliest)
            wakeSleepers()
        }
    }

    private mutating func wakeSleepers() {
        for index in threads.indices {
            guard let deadline = Self.deadline(of: threads[index].status), deadline <= now else { continue }
            threads[index].status = .runnable
            threads[index].hasTimedOut = true
        }
    }

    private mutating func release(_ isReleased: (Status) -> Bool) {
        for index in threads.indices where isReleased(threads[index].status) { threads[index].status = .runnable }
    }

    private static func deadline(of status: Status) -> UInt64? {
        switch status {
        case .waiting(_, _, let deadline): deadline
        case .sleeping(let deadline): deadline
        case .runnable, .running, .joining, .finished: nil
        }
    }

    /// Returns one line a thread: its name and what it waits for.
    func waitGraph() -> String {
        var words: [UInt] = []
        return threads.indices.map { index in
            let thread = threads[index]
            let doing: String
            switch thread.status {
            case .runnable: doing = "can run"
            case .running: doing = "runs"
            case .waiting(let address, let expected, let deadline):
                if !words.contains(address) { words.append(address) }
                let number = words.firstIndex(of: address) ?? 0
                let limit = deadline.map { " until \($0) ns" } ?? ""
                doing = "waits on word \(number) (0x\(String(address, radix: 16))) while it is \(expected)\(limit)"
            case .sleeping(let deadline): doing = "sleeps until \(deadline) ns"
            case .joining(let other): doing = "joins thread \(other) \"\(threads[other].name)\""
            case .finished: doing = "has finished"
            }
            return "    thread \(index) \"\(thread.name)\" \(doing)"
        }.joined(separator: "\n")
    }
}
