import RedoubtCore
import RedoubtSystem
import Synchronization

/// The threads that run the calls of tasks: a call that may block must not block the few threads that tasks share.
///
/// Started by the first call, at most ``countMaximum`` of them, ended by ``stop()``. The queue has no bound of its
/// own: each waiting call is a suspended task, which its owner bounds.
///
/// ## Concurrency
/// `state` is guarded by `lock`. `arrived` is signalled after a call was queued, or after the end was announced.
final class CallThreads: Sendable {
    /// The most threads at once.
    static let countMaximum = 8

    private struct State {
        var calls: [@Sendable () -> Void] = []
        var next = 0
        var idleCount = 0
        var threads: [EngineThread] = []
        /// The ordinals of those that run.
        var ordinals = [UInt32?](repeating: nil, count: CallThreads.countMaximum)
        var isStopped = false

        /// Returns the oldest call, and whether the end was announced.
        mutating func take() -> (call: (@Sendable () -> Void)?, isStopped: Bool) {
            guard next < calls.count else { return (nil, isStopped) }
            let call = calls[next]
            next += 1
            if next == calls.count || next >= 256 {
                calls.removeFirst(next)
                next = 0
            }
            return (call, isStopped)
        }
    }

    private let lock = EngineLock()
    private let arrived = Event()
    // Guarded by `lock`; the mutex is never contended.
    private let state = Mutex(State())

    /// Runs `call` on one of the threads; returns false if they were stopped.
    func run(_ call: @escaping @Sendable () -> Void) throws(RedoubtError) -> Bool {
        lock.lock()
        let (isStopped, wantsThread) = state.withLock { state in
            if state.isStopped { return (true, false) }
            state.calls.append(call)
            let waiting = state.calls.count - state.next
            return (false, waiting > state.idleCount && state.threads.count < Self.countMaximum)
        }
        defer { lock.unlock() }
        if isStopped { return false }
        if wantsThread {
            do throws(RedoubtError) {
                let number = state.withLock { $0.threads.count }
                let thread = try Scheduling.start("redoubt-call-\(number)") { [self] in
                    let ordinal = Scheduling.threadOrdinal
                    lock.withLock { state.withLock { $0.ordinals[number] = ordinal } }
                    serve()
                }
                state.withLock { $0.threads.append(thread) }
            } catch {
                // With no thread at all the call would never run.
                let isAlone = state.withLock { state in
                    if state.threads.isEmpty { state.calls.removeLast() }
                    return state.threads.isEmpty
                }
                if isAlone { throw error }
            }
        }
        arrived.signal()
        return true
    }

    /// Runs what is queued, then ends the threads.
    ///
    /// Waits for all but the calling one: a call that was the last to know a database closes it.
    func stop() {
        let (threads, ordinals) = lock.withLock {
            state.withLock { state in
                state.isStopped = true
                let threads = state.threads
                state.threads = []
                return (threads, state.ordinals)
            }
        }
        arrived.signal()
        let own = Scheduling.threadOrdinal
        for (thread, ordinal) in zip(threads, ordinals) {
            if ordinal == own { Scheduling.detach(thread) } else { Scheduling.join(thread) }
        }
    }

    private func serve() {
        while let call = next() { call() }
    }

    private func next() -> (@Sendable () -> Void)? {
        while true {
            let ticket = arrived.ticket
            let (call, isStopped) = lock.withLock { state.withLock { $0.take() } }
            if let call { return call }
            if isStopped { return nil }
            lock.withLock { state.withLock { $0.idleCount += 1 } }
            arrived.wait(ticket)
            lock.withLock { state.withLock { $0.idleCount -= 1 } }
        }
    }
}
