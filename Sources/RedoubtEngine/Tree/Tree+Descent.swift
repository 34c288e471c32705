import RedoubtCore
import RedoubtSystem

/// Where a descent goes.
@safe
enum DescentTarget {
    /// To the leaf whose range holds the key.
    case covering(UnsafeRawBufferPointer)
    /// To the leaf that holds the greatest keys below the key.
    case before(UnsafeRawBufferPointer)
    /// To the leftmost leaf.
    case first
    /// To the rightmost leaf.
    case last
}

/// A leaf as an unlatched descent found it: right only as long as `parent` keeps `version`.
struct LeafPlace {
    /// The leaf.
    let page: PageNumber
    /// The frame it was in, or nil if the root is the leaf.
    let frame: Frame
    /// The node above; nil if the root is the leaf.
    let parent: Frame?
    /// The version of the node above.
    let version: UInt64
}

extension Tree {
    /// Returns the leaf for `target`, latched shared or exclusively.
    ///
    /// Waits.
    func latchLeaf(_ target: DescentTarget, exclusively: Bool) throws(RedoubtError) -> Frame {
        var attempt = 0
        while BufferPool.readsOptimistically && attempt < Self.optimisticAttemptMaximum {
            if let leaf = try tryLatchLeaf(target, exclusively: exclusively) { return leaf }
            attempt &+= 1
            Scheduling.spinOnce()
        }
        return try coupleToLeaf(target, exclusively: exclusively)
    }

    /// One optimistic descent; returns nil if a change of structure or an eviction got in the way.
    ///
    /// Waits.
    func tryLatchLeaf(_ target: DescentTarget, exclusively: Bool) throws(RedoubtError) -> Frame? {
        guard let (frame, version) = try findParent(target) else { return nil }
        guard let version else {
            // The root is the leaf, or was.
            let leaf = try latch(.root, hint: frame.index, exclusively: exclusively)
            if IndexPage(leaf.bytes).level == 0 {
                if let reason = nodeFault(leaf, level: 0) {
                    leaf.unlock(exclusively: exclusively)
                    throw corrupt(.root, reason)
                }
                return leaf
            }
            leaf.unlock(exclusively: exclusively)
            return nil
        }
        let found = child(of: frame, frame.pageID, for: target)
        guard frame.validate(version) else { return nil }
        let leaf: Frame
        do throws(RedoubtError) {
            leaf = try latch(found.child, hint: found.frame, exclusively: exclusively)
        } catch {
            // A page that is no child any more may be anything.
            if frame.validate(version) { throw error }
            return nil
        }
        leaf.prefetchSearchIndex()
        guard frame.validate(version) else {
            leaf.unlock(exclusively: exclusively)
            return nil
        }
        if let reason = nodeFault(leaf, level: 0) {
            leaf.unlock(exclusively: exclusively)
            throw corrupt(found.child, reason)
        }
        noteChild(of: frame, version: version, found, leaf)
        return leaf
    }

    /// Returns the node of level 1 on the way to `target` and its version, or the root and no version if that is a
    /// leaf; nil if the descent must start again.
    ///
    /// Latches nothing. Waits.
    private func findParent(_ target: DescentTarget) throws(RedoubtError) -> (frame: Frame, version: UInt64?)? {
        var (frame, version) = try kernel.pool.fetchOptimistic(rootID, hint: space.rootHint)
        var level = IndexPage(frame.bytes).level
        let rootFault = nodeFault(frame, level: level)
        guard frame.validate(version) else { return nil }
        space.noteRoot(frame.index)
        if let rootFault { throw corrupt(.root, rootFault) }
        if level == 0 { return (frame, nil) }
        while level > 1 {
            let found = child(of: frame, frame.pageID, for: target)
            guard frame.validate(version) else { return nil }
            let next: Frame
            let nextVersion: UInt64
            do throws(RedoubtError) {
                (next, nextVersion) = try kernel.pool.fetchOptimistic(id(found.child), hint: found.frame)
            } catch {
                if frame.validate(version) { throw error }
                return nil
            }
            let fault = nodeFault(next, level: level &- 1)
            // The child was the child when its version was taken, and `fault` was judged at that version.
            guard frame.validate(version), next.validate(nextVersion) else { return nil }
            if let fault { throw corrupt(found.child, fault) }
            noteChild(of: frame, version: version, found, next)
            frame = next
            version = nextVersion
            level &-= 1
        }
        return (frame, version)
    }

    /// Descends with shared latches, each taken before the one above is given back.
    ///
    /// Waits.
    func coupleToLeaf(_ target: DescentTarget, exclusively: Bool) throws(RedoubtError) -> Frame {
        while true {
            var frame = try kernel.pool.fetchShared(rootID, hint: space.rootHint)
            var level = IndexPage(frame.bytes).level
            if let reason = nodeFault(frame, level: level) {
                frame.unlockShared()
                throw corrupt(.root, reason)
            }
            if level == 0 {
                if !exclusively { return frame }
                frame.unlockShared()
                frame = try kernel.pool.fetchExclusive(rootID, hint: frame.index)
                if IndexPage(frame.bytes).level == 0 { return frame }
                frame.unlockExclusive()
                continue
            }
            while level > 0 {
                let found = child(of: frame, frame.pageID, for: target)
                let next: Frame
                do throws(RedoubtError) {
                    // The one page of which a latch is held.
                    if found.child == frame.pageID.number { throw corrupt(found.child, "has a pointer to itself") }
                    next = try latch(found.child, hint: found.frame, exclusively: exclusively && level == 1)
                } catch {
                    frame.unlockShared()
                    throw error
                }
                frame.unlockShared()
                level &-= 1
                if let reason = nodeFault(next, level: level) {
                    next.unlock(exclusively: exclusively && level == 0)
                    throw corrupt(found.child, reason)
                }
                frame = next
            }
            return frame
        }
    }

    /// Returns where the leaf that covers `key` is, without latching anything, or nil if the descent must start
    /// again.
    ///
    /// The leaf is in memory. Waits.
    func locateLeaf(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> LeafPlace? {
        if !BufferPool.readsOptimistically { return unsafe try locateLeafLatching(key) }
        let target = unsafe DescentTarget.covering(key)
        guard let (parent, version) = try findParent(target) else { return nil }
        guard let version else { return LeafPlace(page: .root, frame: parent, parent: nil, version: 0) }
        let found = child(of: parent, parent.pageID, for: target)
        guard parent.validate(version) else { return nil }
        do throws(RedoubtError) {
            let (leaf, _) = try kernel.pool.fetchOptimistic(id(found.child), hint: found.frame)
            guard parent.validate(version) else { return nil }
            return LeafPlace(page: found.child, frame: leaf, parent: parent, version: version)
        } catch {
            if parent.validate(version) { throw error }
            return nil
        }
    }

    /// Does what ``locateLeaf(_:)`` does with shared latches, each given back before the next is taken.
    private func locateLeafLatching(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> LeafPlace? {
        let target = unsafe DescentTarget.covering(key)
        var number = PageNumber.root
        var parent: Frame?
        var parentVersion: UInt64 = 0
        var expected: Int?
        while true {
            let frame = try kernel.pool.fetchShared(id(number), hint: SearchIndex.noFrame)
            defer { frame.unlockShared() }
            if let parent, !parent.validate(parentVersion) { return nil }
            let level = IndexPage(frame.bytes).level
            if let reason = nodeFault(frame, level: expected ?? level) { throw corrupt(number, reason) }
            expected = level - 1
            if level == 0 { return LeafPlace(page: number, frame: frame, parent: parent, version: parentVersion) }
            guard let version = frame.optimisticVersion() else { return nil }
            number = child(of: frame, frame.pageID, for: target).child
            parent = frame
            parentVersion = version
        }
    }

    // MARK: Parts

    /// Latches page `number`.
    ///
    /// Waits.
    @inline(__always)
    func latch(_ number: PageNumber, hint: UInt32, exclusively: Bool) throws(RedoubtError) -> Frame {
        exclusively
            ? try kernel.pool.fetchExclusive(id(number), hint: hint)
            : try kernel.pool.fetchShared(id(number), hint: hint)
    }

    /// Returns the child of `node` on the way to `target`, and the frame it was last seen in.
    ///
    /// The node need not be latched; then the answer is right only if its version is still valid.
    @inline(__always)
    func child(of node: Frame, _ nodeID: PageID, for target: DescentTarget) -> ChildSearchResult {
        let page = IndexPage(node.bytes)
        if case .covering(let key) = target {
            return unsafe page.child(for: key, kernel.pool.searchIndexOptimistically(for: node, nodeID))
        }
        let origin = pointer(in: page, for: target)
        return ChildSearchResult(
            child: page.record(at: origin).child,
            origin: origin,
            rank: nil,
            frame: SearchIndex.noFrame
        )
    }

    /// Returns the origin of the pointer of `page` on the way to `target`.
    func pointer(in page: IndexPage, for target: DescentTarget) -> Int {
        let origin: Int
        switch target {
        case .covering(let key):
            origin = unsafe page.search(key, .none).predecessor
        case .before(let key):
            let found = unsafe page.search(key, .none)
            origin = found.isMatch ? page.predecessor(of: found.predecessor) : found.predecessor
        case .first:
            origin = page.firstOrigin
        case .last:
            origin = page.predecessor(of: IndexPage.supremum)
        }
        // A key below every separator of a node that is not leftmost can only be a torn read or a damaged page.
        return origin == IndexPage.infimum ? page.firstOrigin : origin
    }

    /// Says what is wrong with `frame` as a page of this tree at `level`, or nil.
    @inline(__always)
    func nodeFault(_ frame: Frame, level: Int) -> String? {
        let bytes = frame.bytes
        let page = IndexPage(bytes)
        if bytes.typeCode == PageType.index.rawValue && page.level == level && page.indexID == space.indexID {
            return nil
        }
        return "is not the page of level \(level) of index \(space.indexID) that its parent says it is"
    }

    /// Remembers beside a pointer of `node` which frame the child is in; does nothing if that would take a wait.
    @inline(__always)
    func noteChild(of node: Frame, version: UInt64, _ found: ChildSearchResult, _ child: Frame) {
        guard found.frame != child.index, let rank = found.rank else { return }
        // The memory of the search index may belong to another page once this node is evicted: hence the latch.
        guard node.tryLockShared() else { return }
        if node.validate(version) { kernel.pool.currentSearchIndex(node).setChildFrame(child.index, at: rank) }
        node.unlockShared()
    }
}

extension Frame {
    /// Gives back a latch of either kind.
    @inline(__always)
    func unlock(exclusively: Bool) {
        if exclusively { unlockExclusive() } else { unlockShared() }
    }
}
