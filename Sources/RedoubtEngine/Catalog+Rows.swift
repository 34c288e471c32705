import RedoubtCore

/// The rows of the catalog's tree, as arrays: names and values are small.
extension Catalog {
    /// All rows in the order of their keys.
    ///
    /// Waits.
    static func rows(_ tree: Tree) throws(RedoubtError) -> [(key: [UInt8], value: [UInt8])] {
        var rows: [(key: [UInt8], value: [UInt8])] = []
        var cursor = Cursor(tree)
        var isMore = true
        while isMore {
            isMore = unsafe try cursor.next { (key, value) throws(RedoubtError) in
                unsafe rows.append((Array(key), try value.copy()))
            }
        }
        return rows
    }

    /// Gives `key` the value `value`; returns the end of the redo to wait for.
    ///
    /// Waits.
    func put(_ key: [UInt8], _ value: [UInt8]) throws(RedoubtError) -> LogSequenceNumber? {
        var batch = TreeBatch(like: tree)
        try add(&batch, key, value)
        return try batch.commit()
    }

    /// Removes `key`; returns the end of the redo to wait for.
    ///
    /// Waits.
    func delete(_ key: [UInt8]) throws(RedoubtError) -> LogSequenceNumber? {
        var batch = TreeBatch(like: tree)
        try add(&batch, key, nil)
        return try batch.commit()
    }

    /// Removes `key` and gives `newKey` the value `value`, in one step; returns the end of the redo to wait for.
    ///
    /// Waits.
    func move(_ key: [UInt8], to newKey: [UInt8], _ value: [UInt8]) throws(RedoubtError) -> LogSequenceNumber? {
        var batch = TreeBatch(like: tree)
        try add(&batch, key, nil)
        try add(&batch, newKey, value)
        return try batch.commit()
    }

    private func add(_ batch: inout TreeBatch, _ key: [UInt8], _ value: [UInt8]?) throws(RedoubtError) {
        let bytes = key + (value ?? [])
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { unsafe memory.deallocate() }
        unsafe memory.copyBytes(from: bytes)
        let keyBytes = unsafe UnsafeRawBufferPointer(rebasing: memory[..<key.count])
        if value == nil {
            unsafe try batch.delete(tree, keyBytes)
        } else {
            unsafe try batch.put(tree, keyBytes, UnsafeRawBufferPointer(rebasing: memory[key.count...]))
        }
    }
}
