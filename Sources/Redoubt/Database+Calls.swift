import RedoubtCore
import RedoubtEngine
import RedoubtLog

extension Database {
    /// Runs `body` as a call that ``close()`` waits for.
    ///
    /// - Throws: `.closed`, `.reentered`, and what `body` throws.
    @inline(__always)
    func call<Result: ~Copyable>(_ body: () throws(RedoubtError) -> Result) throws(RedoubtError) -> Result {
        let line = try gate.enter()
        defer { gate.leave(line) }
        return try body()
    }

    /// Waits until the redo before `end` is as durable as asked; nil means that there is none to wait for.
    func settle(_ end: LogSequenceNumber?, _ durability: Durability?) throws(RedoubtError) {
        guard let end else { return }
        switch durability ?? configuration.durability {
        case .flushed: try engine.log.waitUntilFlushed(end)
        case .written: try engine.log.waitUntilWritten(end)
        case .deferred: break
        }
    }

    /// Applies `changes` in one step; returns the end of the redo to wait for.
    func apply(_ changes: WriteBatch.Changes) throws(RedoubtError) -> LogSequenceNumber? {
        guard let first = changes.keyspaces.first else { return nil }
        var batch = TreeBatch(like: first.tree)
        for keyspace in changes.keyspaces where keyspace.database !== self {
            throw RedoubtError(.mixedFiles, "the keyspace \"\(keyspace.name)\" belongs to another database")
        }
        let bytes = unsafe changes.bytes.span.bytes
        for change in changes.list {
            let tree = changes.keyspaces[change.keyspace].tree
            let valueOffset = change.offset + change.keyByteCount
            let key = bytes.extracting(change.offset..<valueOffset)
            let value = bytes.extracting(valueOffset..<valueOffset + change.valueByteCount)
            unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
                switch change.kind {
                case .delete: unsafe try batch.delete(tree, keyBytes)
                case .put:
                    unsafe try value.withBytes { (valueBytes) throws(RedoubtError) in
                        unsafe try batch.put(tree, keyBytes, valueBytes)
                    }
                }
            }
        }
        return try batch.commit()
    }

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
    ///
    /// No thread waits for the device meanwhile: the log resumes the task.
    func writeOnThread<Result: Sendable>(
        _ durability: Durability?,
        _ write: @escaping @Sendable () throws(RedoubtError) -> (result: Result, end: LogSequenceNumber?)
    ) async throws(RedoubtError) -> Result {
        let wanted = durability ?? configuration.durability
        if wanted != .flushed {
            return try await onThread { () throws(RedoubtError) in
                let (result, end) = try self.call(write)
                try self.call { () throws(RedoubtError) in try self.settle(end, wanted) }
                return result
            }
        }
        let (result, end) = try await onThread { () throws(RedoubtError) in try self.call(write) }
        guard let end else { return result }
        let line = try gate.enter()
        let error: RedoubtError? = unsafe await withUnsafeContinuation { continuation in
            engine.log.whenFlushed(end) { error in unsafe continuation.resume(returning: error) }
        }
        gate.leave(line)
        if let error { throw error }
        return result
    }
}
