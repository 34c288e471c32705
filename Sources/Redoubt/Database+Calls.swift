import RedoubtCore
import RedoubtEngine
import RedoubtLog
import RedoubtSystem

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

    /// Runs `body` as above; with `.refuse` it throws `.busy` instead of being slowed down.
    @inline(__always)
    func call<Result: ~Copyable>(
        _ slowdown: Slowdown,
        _ body: () throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        if slowdown == .wait { return try call(body) }
        return try call { () throws(RedoubtError) in try Scheduling.with(.fails, body) }
    }

    /// Runs `body` as the first part of a call that ``close()`` waits for until the gate is given back `line`; unless
    /// `body` throws, which ends the call.
    ///
    /// What follows may end on another thread, and is never told that the database is closed.
    @inline(__always)
    func begin<Result>(
        _ slowdown: Slowdown = .wait,
        _ body: () throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> (line: Int, result: Result) {
        let line = try gate.enter()
        do throws(RedoubtError) {
            if slowdown == .wait { return (line, try body()) }
            return (line, try Scheduling.with(.fails, body))
        } catch {
            gate.leave(line)
            throw error
        }
    }

    /// Waits until the redo before `end` is as durable as asked; nil of a call that had nothing to change.
    ///
    /// Such a call waits for all redo: what it saw, such as a row that is gone, may be the work of another commit that
    /// is not durable yet.
    /// - Throws: `.fenced`; `.notDurable` if the redo finds no space, and `.diskFull` if `end` is nil.
    func settle(_ end: LogSequenceNumber?, _ durability: Durability?) throws(RedoubtError) {
        guard let end else { return try settleAll(durability) }
        switch durability ?? engine.defaultDurability {
        case .flushed: try engine.log.waitUntilFlushed(end)
        case .written: try engine.log.waitUntilWritten(end)
        case .deferred: break
        }
    }

    private func settleAll(_ durability: Durability?) throws(RedoubtError) {
        do throws(RedoubtError) {
            try settle(engine.log.currentLSN, durability)
        } catch {
            throw error.ofNoChange
        }
    }

    /// Applies `changes` in one step; returns the end of the redo to wait for.
    func apply(_ changes: WriteBatch.Changes) throws(RedoubtError) -> LogSequenceNumber? {
        guard let first = changes.keyspaces.first else { return nil }
        var batch = TreeBatch(like: first.tree, bytes: changes.bytes)
        for keyspace in changes.keyspaces where keyspace.database !== self {
            throw RedoubtError(.mixedFiles, "the keyspace \"\(keyspace.name)\" belongs to another database")
        }
        var tree = first.tree
        var keyspace = 0
        for change in changes.list {
            if change.keyspace != keyspace {
                keyspace = change.keyspace
                tree = changes.keyspaces[keyspace].tree
            }
            try batch.add(tree, change.key, change.value, isDelete: change.kind == .delete)
        }
        return try batch.commit()
    }
}
