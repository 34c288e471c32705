package import RedoubtCore
import RedoubtSystem

// The way of a point read where nothing is in its way: every page in memory and in the frame where its parent last saw
// it, every search index built, no writer. So it is straight code; whatever else is the case, `latchLeaf` begins at the
// root again, and does what is missing.
extension Tree {
    /// Returns the leaf that covers `key`, latched shared.
    ///
    /// Waits.
    @inline(always)
    func latchLeaf(covering key: UnsafeRawBufferPointer) throws(RedoubtError) -> Frame {
        if let leaf = unsafe hitLeaf(key) { return leaf }
        return unsafe try latchLeaf(.covering(key), exclusively: false)
    }

    /// Returns the leaf that covers `key`, latched shared, or nil if that takes more than looking at pages in memory.
    ///
    /// Each node is judged by what was read of it once the version of its child has been taken: the child was the child
    /// then. The versions of nodes and the latch of the leaf hold what follows together, as in ``latchLeaf(_:_:)``.
    @inline(always)
    private func hitLeaf(_ key: UnsafeRawBufferPointer) -> Frame? {
        let pool = kernel.pool
        guard BufferPool.readsOptimistically, var (node, version) = pool.hit(rootID, in: space.rootHint)
        else { return nil }
        var level = IndexPage(node.bytes).level
        guard level > 0, isNode(node, level: level) else { return nil }
        while true {
            let index = pool.currentSearchIndex(node)
            let state = index.state
            guard state.isNode else { return nil }
            let found = unsafe IndexPage(node.bytes).child(for: key, index, state)
            let child = id(found.child)
            level &-= 1
            if level == 0 {
                guard found.frame < pool.frameBound else { return nil }
                let leaf = pool.frame(found.frame)
                return hold(leaf, child, under: node, version) ? leaf : nil
            }
            guard let (next, nextVersion) = pool.hit(child, in: found.frame), node.validate(version),
                isNode(next, level: level)
            else { return nil }
            (node, version) = (next, nextVersion)
        }
    }

    /// Latches `leaf` shared if it holds page `id`, the child of `node` as of `version`, and that needs no waiting.
    @inline(always)
    private func hold(_ leaf: Frame, _ id: PageID, under node: Frame, _ version: UInt64) -> Bool {
        guard leaf.packedPageID == id.packed, leaf.tryLockShared() else { return false }
        leaf.prefetchSearchIndex()
        if leaf.packedPageID == id.packed, node.validate(version), isNode(leaf, level: 0) {
            kernel.pool.touch(leaf)
            return true
        }
        leaf.unlockShared()
        return false
    }

    /// Whether `frame` looks like a page of this tree at `level`.
    @inline(always)
    private func isNode(_ frame: Frame, level: Int) -> Bool {
        let page = IndexPage(frame.bytes)
        return page.bytes.typeCode == PageType.index.rawValue && page.level == level && page.indexID == space.indexID
    }

    /// Returns the record of `key` in the latched `leaf`, unless there is none or it is marked as deleted.
    @inline(always)
    func visibleRecord(of key: UnsafeRawBufferPointer, in leaf: Frame) -> Record? {
        let page = IndexPage(leaf.bytes)
        guard let origin = unsafe page.origin(of: key, kernel.pool.searchIndex(for: leaf)) else { return nil }
        let record = page.record(at: origin)
        return record.isDeleted ? nil : record
    }

    // MARK: Values without closures over them

    /// Copies the value of `key` from its byte `offset` on, as far as it fits into `memory`; returns the length of the
    /// whole value, or -1 if there is none.
    ///
    /// Waits.
    ///
    /// - Throws: as ``read(_:_:)``.
    package func copyValue(
        of key: UnsafeRawBufferPointer,
        from offset: Int,
        to memory: UnsafeMutableRawBufferPointer
    ) throws(RedoubtError) -> Int {
        unsafe try Self.checkKey(key)
        let leaf = unsafe try latchLeaf(covering: key)
        defer { leaf.unlockShared() }
        guard let record = unsafe visibleRecord(of: key, in: leaf) else { return -1 }
        let shape = record.leafShape
        if shape.isOffPage { return unsafe try copyChain(of: record, from: offset, to: memory) }
        let value = unsafe record.value(shape)
        if offset < value.count { unsafe memory.take(value, from: offset, at: 0) }
        return value.count
    }

    /// Lends the value of `key` to `body` in order, in parts of at most 16330 bytes, each with its offset and the
    /// length of the whole value; returns false if there is none.
    ///
    /// Waits.
    ///
    /// `body` runs while the leaf is latched: it must be short and must not enter the engine.
    ///
    /// - Throws: as ``read(_:_:)``.
    package func lendValue(
        of key: UnsafeRawBufferPointer,
        to body: (UnsafeRawBufferPointer, Int, Int) throws(RedoubtError) -> Void
    ) throws(RedoubtError) -> Bool {
        unsafe try Self.checkKey(key)
        let leaf = unsafe try latchLeaf(covering: key)
        defer { leaf.unlockShared() }
        guard let record = unsafe visibleRecord(of: key, in: leaf) else { return false }
        let shape = record.leafShape
        if shape.isOffPage {
            unsafe try lendChain(of: record, to: body)
            return true
        }
        let value = unsafe record.value(shape)
        unsafe try body(value, 0, value.count)
        return true
    }

    @inline(never)
    private func lendChain(
        of record: Record,
        to body: (UnsafeRawBufferPointer, Int, Int) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        let value = TreeValue(record: record, tree: self)
        let total = value.count
        var offset = 0
        unsafe try value.forEachChunk { (chunk) throws(RedoubtError) in
            unsafe try body(chunk, offset, total)
            offset += chunk.count
            return true
        }
    }

    @inline(never)
    private func copyChain(
        of record: Record,
        from offset: Int,
        to memory: UnsafeMutableRawBufferPointer
    ) throws(RedoubtError) -> Int {
        let value = TreeValue(record: record, tree: self)
        let count = value.count
        // What stands outside the page is read only as far as it is wanted.
        if unsafe memory.isEmpty || offset >= count { return count }
        var start = 0
        unsafe try value.forEachChunk { (chunk) throws(RedoubtError) in
            let end = start + chunk.count
            if end > offset {
                let skipped = max(offset - start, 0)
                unsafe memory.take(chunk, from: skipped, at: start + skipped - offset)
            }
            start = end
            return start - offset < memory.count
        }
        return count
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Copies `bytes` from their byte `start` on to `offset`, as far as they fit.
    @inline(__always)
    fileprivate func take(_ bytes: UnsafeRawBufferPointer, from start: Int, at offset: Int) {
        guard offset < count, start < bytes.count, let target = baseAddress, let source = bytes.baseAddress
        else { return }
        let length = Swift.min(bytes.count &- start, count &- offset)
        unsafe (target + offset).copyMemory(from: source + start, byteCount: length)
    }
}
