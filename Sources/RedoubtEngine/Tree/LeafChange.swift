import RedoubtCore
import RedoubtSystem

/// A change of one row: what is to become of a key.
@safe
struct LeafChange {
    /// What happens to the row.
    enum Action {
        /// The row gets the value in the page.
        case put
        /// The row gets the value whose chain the 20 bytes name.
        case putReference
        /// The row goes.
        case delete
    }

    /// What must hold for the change to happen.
    @safe
    enum Condition {
        /// Nothing.
        case none
        /// There is no row.
        case absent
        /// There is a row with this value.
        case equals(UnsafeRawBufferPointer)
    }

    /// The key.
    let key: UnsafeRawBufferPointer
    /// The value as it will stand in the leaf.
    let value: UnsafeRawBufferPointer
    /// What happens.
    let action: Action
    /// Under which condition.
    let condition: Condition
    /// Whether the row is staged: written as a mark, for a batch that will make it visible.
    let isStaged: Bool
    /// The pending slot of the new value's chain.
    let slot: Int?

    init(
        key: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer,
        action: Action,
        condition: Condition = .none,
        isStaged: Bool = false,
        slot: Int? = nil
    ) {
        unsafe self.key = key
        unsafe self.value = value
        self.action = action
        self.condition = condition
        self.isStaged = isStaged
        self.slot = slot
    }

    /// The record that the row becomes; for a delete, the mark.
    var image: RecordImage {
        switch action {
        case .put: unsafe RecordImage(key: key, value: value, infoBits: isStaged ? Record.Bits.deleted : 0)
        case .putReference:
            unsafe RecordImage(key: key, reference: value, infoBits: isStaged ? Record.Bits.deleted : 0)
        case .delete:
            unsafe RecordImage(
                key: key,
                value: UnsafeRawBufferPointer(start: nil, count: 0),
                infoBits: Record.Bits.deleted
            )
        }
    }

    /// An upper bound of the redo on the leaf and page 0.
    var redoBytes: Int { unsafe key.count + value.count + 512 }
}

/// What a change takes on a certain leaf, found under its latch.
struct LeafPlan {
    /// The page operations.
    enum Step {
        /// The condition does not hold, or there is nothing to delete.
        case nothing
        /// A new record.
        case insert
        /// The record gets a new value, in place or elsewhere in the heap.
        case replace
        /// The record goes, and its successor is inserted: both together do not fit.
        case reinsert
        /// The record is already there as a mark with the same value.
        case unmark
        /// The record goes.
        case remove
        /// The record becomes a mark, because it is the last of its leaf.
        case mark
        /// Another leaf is needed.
        case split
    }

    /// What to do.
    var step: Step
    /// The record with the key, or else the one before it.
    var origin: Int
    /// Whether a visible row had the key.
    var existed: Bool
    /// Whether the record at ``origin`` has the key.
    var isMatch: Bool
    /// Whether no record comes, goes or moves, so that plans of other rows of the leaf stay right.
    var keepsPlaces = false
    /// Whether the condition held.
    var isMet = true
    /// The chain of the value that goes.
    var oldChain: OffPageReference?
}

extension Tree {
    /// Returns what `change` takes on `leaf`, which is latched exclusively and covers its key.
    ///
    /// - Throws: `.corruptPage` if a chain that must be read or given up is damaged.
    func plan(_ change: LeafChange, _ leaf: Frame) throws(RedoubtError) -> LeafPlan {
        let page = IndexPage(leaf.bytes)
        let found = unsafe page.search(change.key, kernel.pool.searchIndex(for: leaf))
        let record = page.record(at: found.predecessor)
        let isVisible = found.isMatch && !record.isDeleted
        var plan = LeafPlan(
            step: .nothing,
            origin: found.predecessor,
            existed: isVisible,
            isMatch: found.isMatch
        )
        switch change.condition {
        case .none: break
        case .absent: plan.isMet = !isVisible
        case .equals(let expected):
            let value = TreeValue(record: record, tree: self)
            if isVisible { plan.isMet = unsafe try value.equals(expected) } else { plan.isMet = false }
        }
        // A staged row never replaces a visible one.
        if !plan.isMet || change.isStaged && isVisible { return plan }
        if isVisible, record.isOffPage { plan.oldChain = try checkedChain(record.valueReference, leaf.pageID.number) }
        if Scheduling.breaks(.freesChainFirst) { plan.oldChain = nil }
        if change.action == .delete {
            guard isVisible else { return plan }
            let isLast = page.recordCount <= 1 && leaf.pageID.number != .root
            plan.step = isLast ? .mark : .remove
        } else if found.isMatch {
            let image = change.image
            plan.step = replacement(of: record, by: image, page)
            switch plan.step {
            case .nothing, .unmark: plan.keepsPlaces = true
            case .replace: plan.keepsPlaces = image.keepsPlace(of: record)
            default: break
            }
        } else {
            plan.step = insertion(change.image, after: found.predecessor, page)
        }
        return plan
    }

    private func replacement(of record: Record, by image: RecordImage, _ page: IndexPage) -> LeafPlan.Step {
        let size = image.byteCount
        if record.isDeleted, image.isOffPage == record.isOffPage, record.hasDefaultSystem,
            unsafe TreeKey.compare(image.value, record.value) == 0
        {
            return image.infoBits == 0 ? .unmark : .nothing
        }
        if page.fitsReplacing(record.origin, byteCount: size) { return .replace }
        let data = page.dataByteCount - record.byteCount + size + IndexPage.directoryReserve(page.recordCount)
        return data <= IndexPage.emptyCapacity ? .reinsert : .split
    }

    private func insertion(_ image: RecordImage, after predecessor: Int, _ page: IndexPage) -> LeafPlan.Step {
        let size = image.byteCount
        let room = page.maximumInsertSizeAfterReorganize()
        guard size <= room else { return .split }
        // As InnoDB: ascending or descending inserts leave a sixteenth of the page for growing rows, and a page that is
        // all but full is not reorganized for each insert.
        if page.recordCount >= 2 {
            let isSequential =
                page.lastInsert != 0
                && (page.lastInsert == predecessor || page.lastInsert == page.record(at: predecessor).next)
            if isSequential && page.directionCount > 1 && size + pageByteCount / 16 > room { return .split }
            if room < pageByteCount / 32 && !page.fits(byteCount: size) { return .split }
        }
        return .insert
    }

    /// Returns `reference` if it can be a chain of this tree.
    func checkedChain(_ reference: OffPageReference, _ leaf: PageNumber) throws(RedoubtError) -> OffPageReference {
        let page = reference.firstPage
        guard reference.space == space.id, page > .root, page.rawValue < space.pageCount,
            reference.byteCount > 0, reference.byteCount <= UInt64(Self.valueByteCountMaximum)
        else {
            throw corrupt(
                leaf,
                "a row refers to page \(page) of space \(reference.space) for a value of \(reference.byteCount) bytes"
            )
        }
        return reference
    }

    /// Does what `plan` says, which is anything but a split.
    func perform(_ plan: LeafPlan, _ change: LeafChange, _ mtr: inout MiniTransaction, _ leaf: Frame) {
        let page = IndexPage(leaf.bytes)
        switch plan.step {
        case .nothing, .split: break
        case .insert: insert(change.image, after: plan.origin, &mtr, leaf)
        case .replace, .mark: unsafe mtr.apply(.replaceRecord(origin: plan.origin, image: change.image), to: leaf)
        case .unmark: unsafe mtr.apply(.setInfoBits(origin: plan.origin, bits: 0), to: leaf)
        case .remove: mtr.apply(.deleteRecord(origin: plan.origin), to: leaf)
        case .reinsert:
            let predecessor = page.predecessor(of: plan.origin)
            mtr.apply(.deleteRecord(origin: plan.origin), to: leaf)
            insert(change.image, after: predecessor, &mtr, leaf)
        }
    }

    /// Inserts a record that fits, after a reorganisation if it must be.
    func insert(_ image: RecordImage, after predecessor: Int, _ mtr: inout MiniTransaction, _ frame: Frame) {
        let page = IndexPage(frame.bytes)
        if page.fits(image) {
            unsafe mtr.apply(.insertRecord(predecessor: predecessor, image: image), to: frame)
            return
        }
        mtr.apply(.reorganize, to: frame)
        let found = unsafe page.search(image.key, .none)
        unsafe mtr.apply(.insertRecord(predecessor: found.predecessor, image: image), to: frame)
    }
}
