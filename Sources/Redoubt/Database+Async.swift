import RedoubtCore
import RedoubtEngine
import RedoubtLog

// How calls of tasks wait: never on a thread that tasks share.
extension Database {
    /// Runs `call`, which may block, on a thread of the database while the task is suspended.
    func onThread<Result: Sendable>(
        _ call: @escaping @Sendable () throws(RedoubtError) -> Result
    ) async throws(RedoubtError) -> Result {
        try ThreadBorrow.check()
        let outcome: Swift.Result<Result, RedoubtError> = unsafe await withUnsafeContinuation { continuation in
            do throws(RedoubtError) {
                let isQueued = try threads.run {
                    do throws(RedoubtError) {
                        unsafe continuation.resume(returning: .success(try call()))
                    } catch {
                        unsafe continuation.resume(returning: .failure(error))
                    }
                }
                if !isQueued {
                    unsafe continuation.resume(
                        returning: .failure(RedoubtError(.closed, "the database was closed"))
                    )
                }
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
                let (result, end) = try self.call(slowdown, write)
                try self.call { () throws(RedoubtError) in try self.settle(end, wanted) }
                return result
            }
        }
        let (result, end) = try await onThread { () throws(RedoubtError) in try self.call(slowdown, write) }
        try await settleWithoutBlocking(end, wanted)
        return result
    }

    /// Suspends until the redo before `end`, or all redo, is as durable as asked; see ``settle(_:_:)``.
    ///
    /// No thread waits for the device meanwhile: the log resumes the task.
    func settleWithoutBlocking(_ end: LogSequenceNumber?, _ durability: Durability?) async throws(RedoubtError) {
        guard let end else { return try await settleAllWithoutBlocking(durability) }
        switch durability ?? engine.defaultDurability {
        case .deferred: return
        case .written:
            if engine.log.writtenLSN >= end { return try engine.health.check() }
            try await onThread { () throws(RedoubtError) in
                try self.call { () throws(RedoubtError) in try self.settle(end, .written) }
            }
        case .flushed:
            let line = try gate.enter()
            let error: RedoubtError? = unsafe await withUnsafeContinuation { continuation in
                engine.log.whenFlushed(end) { error in unsafe continuation.resume(returning: error) }
            }
            gate.leave(line)
            if let error { throw error }
        }
    }

    private func settleAllWithoutBlocking(_ durability: Durability?) async throws(RedoubtError) {
        do throws(RedoubtError) {
            try await settleWithoutBlocking(engine.log.currentLSN, durability)
        } catch {
            throw error.ofNoChange
        }
    }
}
