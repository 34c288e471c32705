public import RedoubtCore
import RedoubtEngine
import RedoubtLog

/// The calls for asynchronous code: the same names; the compiler chooses.
///
/// A get, put or delete that needs no waiting, because the pages are in memory and nobody is in the way, is done at
/// once. Any other call runs on a thread of the database while the task is suspended. A commit that waits for the
/// device holds no thread: the log resumes the task. A cancelled task still gets the result of what was begun.
extension Keyspace {
    /// Returns a copy of the value of `key`, or nil if there is none; see ``get(_:)``.
    public func get(_ key: [UInt8]) async throws(RedoubtError) -> [UInt8]? {
        if case .done(let value) = try tryCopy(key) { return value }
        return try await database.onThread { () throws(RedoubtError) in try self.copy(key) }
    }

    /// Gives `key` the value `value`; see ``put(_:_:durability:slowdown:)``.
    public func put(
        _ key: [UInt8],
        _ value: [UInt8],
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) async throws(RedoubtError) {
        let (line, attempt) = try tryPut(key, value)
        if case .done(let result) = attempt {
            return try await database.settleWithoutBlocking(result.end, durability, leaving: line)
        }
        database.gate.leave(line)
        try await database.writeOnThread(durability, slowdown) { () throws(RedoubtError) in
            let result = unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
                unsafe try value.withBytes { (valueBytes) throws(RedoubtError) in
                    unsafe try self.tree.put(keyBytes, valueBytes)
                }
            }
            return ((), result.end)
        }
    }

    /// Removes `key`; returns whether it was there; see ``delete(_:durability:slowdown:)``.
    @discardableResult
    public func delete(
        _ key: [UInt8],
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) async throws(RedoubtError) -> Bool {
        let (line, attempt) = try tryDelete(key)
        if case .done(let result) = attempt {
            try await database.settleWithoutBlocking(result.end, durability, leaving: line)
            return result.existed
        }
        database.gate.leave(line)
        return try await database.writeOnThread(durability, slowdown) { () throws(RedoubtError) in
            let result = unsafe try key.withBytes { (bytes) throws(RedoubtError) in
                unsafe try self.tree.delete(bytes)
            }
            return (result.existed, result.end)
        }
    }

    /// Gives `key` the value `new` if its value is `expected`; see
    /// ``compareAndPut(_:expected:new:durability:slowdown:)``.
    public func compareAndPut(
        _ key: [UInt8],
        expected: [UInt8]?,
        new: [UInt8]?,
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) async throws(RedoubtError) -> Bool {
        try await database.writeOnThread(durability, slowdown) { () throws(RedoubtError) in
            let result = unsafe try key.withBytes { (bytes) throws(RedoubtError) in
                unsafe try withOptionalBytes(expected) { (before) throws(RedoubtError) in
                    unsafe try withOptionalBytes(new) { (after) throws(RedoubtError) in
                        unsafe try self.tree.compareAndPut(bytes, expected: before, new: after)
                    }
                }
            }
            return (result.isApplied, result.end)
        }
    }

    /// Removes every row of `range`; returns how many there were; see ``deleteRange(_:durability:)``.
    @discardableResult
    public func deleteRange(_ range: KeyRange, durability: Durability? = nil) async throws(RedoubtError) -> Int {
        try await database.writeOnThread(durability) { () throws(RedoubtError) in
            let result = unsafe try withOptionalBytes(range.lower) { (lower) throws(RedoubtError) in
                unsafe try withOptionalBytes(range.upper) { (upper) throws(RedoubtError) in
                    unsafe try self.tree.deleteRange(from: lower, to: upper)
                }
            }
            return (result.count, result.end)
        }
    }

    // MARK: At once

    private func tryCopy(_ key: [UInt8]) throws(RedoubtError) -> Tree.Attempt<[UInt8]?> {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in
            try database.call { () throws(RedoubtError) in unsafe try tree.tryGetCopy(bytes) }
        }
    }

    /// Begins a call, which ends when the gate is given back `line`.
    private func tryPut(
        _ key: [UInt8],
        _ value: [UInt8]
    ) throws(RedoubtError) -> (line: Int, result: Tree.Attempt<WriteResult>) {
        unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
            unsafe try value.withBytes { (valueBytes) throws(RedoubtError) in
                try database.begin { () throws(RedoubtError) in unsafe try tree.tryPut(keyBytes, valueBytes) }
            }
        }
    }

    /// Begins a call, which ends when the gate is given back `line`.
    private func tryDelete(
        _ key: [UInt8]
    ) throws(RedoubtError) -> (line: Int, result: Tree.Attempt<WriteResult>) {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in
            try database.begin { () throws(RedoubtError) in unsafe try tree.tryDelete(bytes) }
        }
    }

    private func copy(_ key: [UInt8]) throws(RedoubtError) -> [UInt8]? {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in
            try database.call { () throws(RedoubtError) in unsafe try tree.getCopy(bytes) }
        }
    }
}

/// The calls of a database for asynchronous code.
extension Database {
    /// Applies all changes of `batch`, or none; see ``write(_:durability:slowdown:)``.
    public func write(
        _ batch: consuming WriteBatch,
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) async throws(RedoubtError) {
        let changes = batch.takeChanges()
        try await writeOnThread(durability, slowdown) { () throws(RedoubtError) in ((), try self.apply(changes)) }
    }

    /// Makes everything that was written before the call durable; see ``flush()``.
    public func flush() async throws(RedoubtError) {
        let line = try gate.enter()
        try await settleWithoutBlocking(engine.log.currentLSN, .flushed, leaving: line)
    }

    /// Writes every changed page to its file; see ``checkpoint()``.
    public func checkpoint() async throws(RedoubtError) {
        try await onThread { () throws(RedoubtError) in
            try self.call { () throws(RedoubtError) in try self.engine.checkpoint() }
        }
    }

    /// Changes the size of all redo files together; see ``setRedoCapacity(_:)``.
    public func setRedoCapacity(_ capacity: ByteCount) async throws(RedoubtError) {
        try await onThread { () throws(RedoubtError) in
            try self.change { $0.redoLog.capacity = capacity }
        }
    }

    /// Reads every page and returns what is wrong; see ``check()``.
    public func check() async throws(RedoubtError) -> [Finding] {
        try await onThread { () throws(RedoubtError) in
            try self.call { () throws(RedoubtError) in try self.engine.check().map(Finding.init) }
        }
    }
}
