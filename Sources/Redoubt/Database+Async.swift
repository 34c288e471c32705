import RedoubtCore
import RedoubtEngine
import RedoubtLog

// How calls of tasks wait: never on a thread that tasks share.
//
// A write of a task is one call from before the change until it is as durable as asked, so closing waits for both, and
// nobody whose change was made is told that the database is closed. Who ends the call is a thread of the database or
// the log, which closing stops afterwards; not the task, because nothing may be there to run it before closing returns.
extension Database {
    private typealias Continuation<Result> = UnsafeContinuation<Swift.Result<Result, RedoubtError>, Never>

    /// Runs `call`, which may block, on a thread of the database while the task is suspended.
    func onThread<Result: Sendable>(
        _ call: @escaping @Sendable () throws(RedoubtError) -> Result
    ) async throws(RedoubtError) -> Result {
        unsafe try await suspended { (continuation: Continuation<Result>) in
            unsafe continuation.resume(returning: Swift.Result(catching: call))
        }
    }

    /// Runs `work` on a thread of the database while the task is suspended until somebody resumes it.
    private func suspended<Result: Sendable>(
        _ work: @escaping @Sendable (Continuation<Result>) -> Void
    ) async throws(RedoubtError) -> Result {
        try ThreadBorrow.check()
        let outcome = unsafe await withUnsafeContinuation { (continuation: Continuation<Result>) in
            do throws(RedoubtError) {
                if try threads.run({ unsafe work(continuation) }) { return }
                unsafe continuation.resume(returning: .failure(RedoubtError(.closed, "the database was closed")))
            } catch {
                unsafe continuation.resume(returning: .failure(error))
            }
        }
        return try outcome.get()
    }

    /// Runs `write` on a thread of the database, then suspends until its redo is as durable as asked.
    func writeOnThread<Result: Sendable>(
        _ durability: Durability?,
        _ slowdown: Slowdown = .wait,
        _ write: @escaping @Sendable () throws(RedoubtError) -> (result: Result, end: LogSequenceNumber?)
    ) async throws(RedoubtError) -> Result {
        let wanted = durability ?? engine.defaultDurability
        if wanted != .flushed {
            return try await onThread { () throws(RedoubtError) in
                try self.call(slowdown) { () throws(RedoubtError) in
                    let (result, end) = try write()
                    try self.settle(end, wanted)
                    return result
                }
            }
        }
        return unsafe try await suspended { (continuation: Continuation<Result>) in
            do throws(RedoubtError) {
                let (line, (result, end)) = try self.begin(slowdown, write)
                unsafe self.whenFlushed(end, leaving: line, continuation, result)
            } catch {
                unsafe continuation.resume(returning: .failure(error))
            }
        }
    }

    /// Suspends until the redo before `end`, or all redo, is as durable as asked, and ends the call that `line` counts;
    /// see ``settle(_:_:)``.
    ///
    /// No thread waits for the device meanwhile: the log resumes the task.
    func settleWithoutBlocking(
        _ end: LogSequenceNumber?,
        _ durability: Durability?,
        leaving line: Int
    ) async throws(RedoubtError) {
        switch durability ?? engine.defaultDurability {
        case .deferred: gate.leave(line)
        case .written:
            if engine.log.writtenLSN >= end ?? engine.log.currentLSN {
                defer { gate.leave(line) }
                return try engine.health.check()
            }
            let outcome = unsafe await withUnsafeContinuation { (continuation: Continuation<Void>) in
                unsafe whenWritten(end, leaving: line, continuation)
            }
            try outcome.get()
        case .flushed:
            let outcome = unsafe await withUnsafeContinuation { (continuation: Continuation<Void>) in
                unsafe whenFlushed(end, leaving: line, continuation, ())
            }
            try outcome.get()
        }
    }

    /// Has a thread wait until the redo before `end`, or all redo, is written, end the call and resume the task.
    private func whenWritten(_ end: LogSequenceNumber?, leaving line: Int, _ continuation: Continuation<Void>) {
        let isQueued = try? threads.run {
            let outcome = Swift.Result { () throws(RedoubtError) in try self.settle(end, .written) }
            self.gate.leave(line)
            unsafe continuation.resume(returning: outcome)
        }
        // Closing has begun, or the system has no thread for it; what is durable is written too.
        if isQueued != true { unsafe whenFlushed(end, leaving: line, continuation, ()) }
    }

    /// Has the log end the call and resume the task with `result` when the redo before `end`, or all redo, is durable.
    private func whenFlushed<Result: Sendable>(
        _ end: LogSequenceNumber?,
        leaving line: Int,
        _ continuation: Continuation<Result>,
        _ result: Result
    ) {
        // Not the database: a thread that closing joins must not let go of it last.
        engine.log.whenFlushed(end ?? engine.log.currentLSN) { [gate] error in
            gate.leave(line)
            if let error {
                unsafe continuation.resume(returning: .failure(end == nil ? error.ofNoChange : error))
            } else {
                unsafe continuation.resume(returning: .success(result))
            }
        }
    }
}
