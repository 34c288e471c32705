import RedoubtCore
import RedoubtLog
import RedoubtSystem

/// A set of page changes that recovery applies as a whole or not at all.
///
///     begin (credits) -> latch ... -> apply ... -> commit -> range in the log
///                              \-> rollback (nothing applied yet)
///
/// From the first ``apply(_:to:)`` to the end of ``commit()`` nothing can fail, and nothing waits but for latches in
/// order and room in the log buffer. A value that goes out of scope before anything was applied rolls back by itself.
///
/// InnoDB: `mtr_t`.
@safe
struct MiniTransaction: ~Copyable {
    /// What it works on.
    let kernel: Kernel
    private let context: UnsafeMutablePointer<MiniTransactionContext>
    private let redoCredit: Int
    private let pinCredit: Int
    private var isOpen = true

    /// Starts a mini-transaction of at most `redoBytes` bytes of redo that latches at most `pins` pages at once.
    ///
    /// The caller holds no latch. Waits for both credits.
    ///
    /// - Throws: `.fenced`, `.batchTooLarge`, `.poolExhausted`; `.diskFull` if the redo waits for pages that find no
    ///   space; `.busy` if the thread refuses to be slowed down.
    static func begin(_ kernel: Kernel, redoBytes: Int, pins: Int) throws(RedoubtError) -> MiniTransaction {
        let credit = redoCredit(kernel, redoBytes, pins)
        if credit > 0 {
            try kernel.health.check()
            if !kernel.log.tryAcquireCapacity(bytes: credit) { try awaitCapacity(kernel, credit) }
        }
        do {
            try kernel.pool.acquirePins(pins)
        } catch {
            if credit > 0 { kernel.log.releaseCapacity(bytes: credit) }
            throw error
        }
        return MiniTransaction(kernel: kernel, redoCredit: credit, pinCredit: pins)
    }

    @inline(never)
    private static func awaitCapacity(_ kernel: Kernel, _ credit: Int) throws(RedoubtError) {
        try kernel.log.admit(bytes: credit)
        if kernel.log.tryAcquireAdmittedCapacity(bytes: credit) { return }
        let wait = kernel.waits.begin(.redoCapacity)
        defer { kernel.waits.end(wait) }
        if kernel.pool.makeRoomInline(.redo) {
            if kernel.log.tryAcquireAdmittedCapacity(bytes: credit) { return }
            // Nobody else would look again.
            try kernel.health.space.check()
            try kernel.log.checkSpace()
        }
        try kernel.log.acquireAdmittedCapacity(bytes: credit)
    }

    /// Starts a mini-transaction as ``begin(_:redoBytes:pins:)`` does; returns nil if a credit would take waiting.
    ///
    /// - Throws: `.fenced`.
    static func tryBegin(_ kernel: Kernel, redoBytes: Int, pins: Int) throws(RedoubtError) -> MiniTransaction? {
        let credit = redoCredit(kernel, redoBytes, pins)
        try kernel.health.check()
        guard kernel.log.tryAcquireCapacity(bytes: credit) else { return nil }
        guard kernel.pool.tryAcquirePins(pins) else {
            kernel.log.releaseCapacity(bytes: credit)
            return nil
        }
        return MiniTransaction(kernel: kernel, redoCredit: credit, pinCredit: pins)
    }

    /// The group bytes to take credit for.
    private static func redoCredit(_ kernel: Kernel, _ redoBytes: Int, _ pins: Int) -> Int {
        if redoBytes == 0 { return 0 }
        let images = kernel.logsPageImages ? pins * (pageByteCount + RedoRecord.headerByteCountMaximum) : 0
        return redoBytes + MiniTransactionContext.groupHeaderByteCount + images
    }

    private init(kernel: Kernel, redoCredit: Int, pinCredit: Int) {
        self.kernel = kernel
        self.redoCredit = redoCredit
        self.pinCredit = pinCredit
        unsafe context = unsafe kernel.contexts.take()
    }

    deinit {
        guard isOpen else { return }
        unsafe precondition(
            !context.pointee.hasRecords,
            "a mini-transaction with \(context.pointee.byteCount) bytes of redo was neither "
                + "committed nor rolled back"
        )
        unsafe Self.end(kernel, context, redoCredit, pinCredit)
    }

    // MARK: Latching

    /// Returns the frame of `page`, latched exclusively until the end; the same frame if it is latched already.
    ///
    /// Waits.
    mutating func latchExclusive(_ page: PageID, hint: UInt32 = .max) throws(RedoubtError) -> Frame {
        if let held = held(page, exclusively: true) { return held }
        let frame = try kernel.pool.fetchExclusive(page, hint: hint)
        push(frame, isExclusive: true)
        return frame
    }

    /// Returns the frame of `page`, latched shared (or exclusively, if it is already).
    ///
    /// Waits.
    mutating func latchShared(_ page: PageID, hint: UInt32 = .max) throws(RedoubtError) -> Frame {
        if let held = held(page, exclusively: false) { return held }
        let frame = try kernel.pool.fetchShared(page, hint: hint)
        push(frame, isExclusive: false)
        return frame
    }

    /// Takes over `frame`, which the caller has latched exclusively.
    mutating func adopt(_ frame: Frame) {
        unsafe precondition(
            context.pointee.position(of: frame) == nil,
            "page \(frame.pageID) belongs to the mini-transaction already"
        )
        unsafe precondition(frame.latch.isExclusive, "page \(frame.pageID) is adopted without an exclusive latch")
        push(frame, isExclusive: true)
    }

    /// Returns the frame of `page`, latched exclusively, without reading it; the first operation must initialise the
    /// page.
    mutating func create(_ page: PageID) throws(RedoubtError) -> Frame {
        if let held = held(page, exclusively: true) { return held }
        let frame = try kernel.pool.create(page, spare: takeSpare(for: page))
        push(frame, isExclusive: true)
        return frame
    }

    /// Takes `count` free frames of each instance for pages that ``create(_:)`` makes after the first change, when
    /// nothing may fail or wait for frames; those not needed go back at the end.
    ///
    /// The pages count among the pins. Waits.
    ///
    /// - Throws: `.poolExhausted`, `.diskFull`, `.fenced`.
    mutating func reserveFrames(_ count: Int) throws(RedoubtError) {
        precondition(isUnchanged, "\(count) frames are reserved after the first change")
        // In the order of instances, so that no two wait for each other.
        for instance in kernel.pool.instances {
            for _ in 0..<count {
                let frame = try kernel.pool.takeFreeFrame(instance)
                let context = unsafe context
                unsafe context.pointee.pushSpare(frame)
            }
        }
    }

    private func takeSpare(for page: PageID) -> Frame? {
        let context = unsafe context
        if unsafe context.pointee.spareCount == 0 { return nil }
        let instance = kernel.pool.instance(of: page)
        return unsafe context.pointee.takeSpare { kernel.pool.instance(of: $0) === instance }
    }

    /// Gives back a page that was not changed, when it has been released as often as it was asked for.
    mutating func release(_ frame: Frame) {
        guard let index = unsafe context.pointee.position(of: frame) else {
            preconditionFailure("page \(frame.pageID) does not belong to the mini-transaction")
        }
        let entry = unsafe context.pointee.entries[index]
        precondition(!entry.isModified, "page \(frame.pageID) was changed and stays latched until commit")
        if entry.holds > 1 {
            unsafe context.pointee.entries[index].holds -= 1
            return
        }
        unsafe context.pointee.remove(at: index)
        Self.unlatch(kernel, entry)
    }

    /// Whether `frame` is latched exclusively by this mini-transaction.
    func holdsExclusively(_ frame: Frame) -> Bool {
        guard let index = unsafe context.pointee.position(of: frame) else { return false }
        return unsafe context.pointee.entries[index].isExclusive
    }

    /// Whether nothing has been applied or appended yet.
    var isUnchanged: Bool { unsafe !context.pointee.hasRecords }

    private func held(_ page: PageID, exclusively: Bool) -> Frame? {
        guard let index = unsafe context.pointee.position(of: page) else { return nil }
        let entry = unsafe context.pointee.entries[index]
        precondition(
            entry.isExclusive || !exclusively,
            "page \(page) is latched shared, and cannot be latched exclusively on top"
        )
        unsafe context.pointee.entries[index].holds += 1
        return entry.frame
    }

    private func push(_ frame: Frame, isExclusive: Bool) {
        unsafe precondition(
            context.pointee.entryCount < pinCredit,
            "page \(frame.pageID) is one more than the \(pinCredit) frames of the credit"
        )
        unsafe context.pointee.push(MemoEntry(frame: frame, isExclusive: isExclusive, isModified: false, holds: 1))
    }

    // MARK: Changing

    /// Applies `operation` to the exclusively latched page in `frame` and appends its record.
    ///
    /// Cannot fail.
    mutating func apply(_ operation: PageOperation, to frame: Frame) {
        guard let index = unsafe context.pointee.position(of: frame), unsafe context.pointee.entries[index].isExclusive
        else {
            preconditionFailure("page \(frame.pageID) is changed, but not latched exclusively by the mini-transaction")
        }
        unsafe context.pointee.entries[index].isModified = true
        let page = frame.pageID
        let bodyByteCount = operation.bodyByteCount
        let room = unsafe room(RedoRecord.headerByteCountMaximum + bodyByteCount)
        let written = unsafe RedoRecord.encode(operation, bodyByteCount, page: page, previous: lastPage, into: room)
        noteRecord(byteCount: written, of: page)
        let searchIndex = kernel.pool.currentSearchIndex(frame)
        do {
            frame.noteChanged(try operation.apply(to: frame.bytes, id: page, index: searchIndex))
        } catch {
            preconditionFailure("\(operation.kind) cannot be applied to page \(page): \(error)")
        }
        kernel.pool.dropSearchIndexIfInvalid(frame, searchIndex)
        if operation.initializesPage { frame.set(FrameFlags.madeAnew) }
    }

    /// Appends a record about the file of `space`.
    mutating func appendFileRecord(_ kind: RedoRecord.FileKind, space: SpaceID, body: UnsafeRawBufferPointer) {
        let room = unsafe room(RedoRecord.headerByteCountMaximum + body.count)
        let written = unsafe RedoRecord.encode(kind, space: space, body: body, previous: lastPage, into: room)
        noteRecord(byteCount: written, of: PageID(space: space, number: PageNumber(rawValue: 0)))
    }

    // These two change the context through a copy of the pointer: of a change through `self` in a mutating function the
    // thread sanitizer thinks that it changes everything that `self` refers to.

    /// The room behind the records.
    private func room(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let context = unsafe context
        return unsafe context.pointee.room(byteCount)
    }

    /// Says that a record about `page` was written into the room.
    private func noteRecord(byteCount: Int, of page: PageID) {
        let context = unsafe context
        unsafe context.pointee.byteCount += byteCount
        unsafe context.pointee.lastPage = page.packed
    }

    /// The bytes of redo so far.
    var redoByteCount: Int { unsafe context.pointee.byteCount }

    /// Forgets the records behind the first `byteCount` bytes of redo, though pages stay changed: a planted bug.
    mutating func forgetRedo(behind byteCount: Int) {
        let context = unsafe context
        unsafe context.pointee.byteCount = byteCount
        unsafe context.pointee.lastPage = 0
    }

    private var lastPage: PageID? {
        let packed = unsafe context.pointee.lastPage
        return packed == 0 ? nil : PageID(packed: packed)
    }

    // MARK: Ending

    /// Appends the redo group, stamps the changed pages, enters them in the flush lists and gives all latches and
    /// credits back.
    ///
    /// Returns where the group stands in the log, or nil if there is none. Waits for room in the log buffer only.
    @discardableResult
    consuming func commit() -> LogRange? {
        isOpen = false
        guard unsafe context.pointee.hasRecords else {
            unsafe Self.end(kernel, context, redoCredit, pinCredit)
            return nil
        }
        if kernel.logsPageImages { appendImages() }
        let byteCount = unsafe context.pointee.byteCount
        precondition(
            byteCount <= redoCredit,
            "a mini-transaction of \(byteCount) bytes of redo has credit for \(redoCredit)"
        )
        let log = kernel.log
        let range = unsafe log.append(context.pointee.group)
        log.waitForCloseRoom(range)
        let entryCount = unsafe context.pointee.entryCount
        for index in 0..<entryCount {
            let entry = unsafe context.pointee.entries[index]
            if entry.isModified { kernel.pool.noteModification(entry.frame, range) }
        }
        log.close(range)
        unsafe Self.end(kernel, context, redoCredit, pinCredit, used: byteCount)
        return range
    }

    /// Gives all latches and credits back; nothing may have been applied.
    consuming func rollback() {
        unsafe precondition(
            !context.pointee.hasRecords,
            "a mini-transaction with \(context.pointee.byteCount) bytes of redo cannot be rolled back"
        )
        isOpen = false
        unsafe Self.end(kernel, context, redoCredit, pinCredit)
    }

    private func appendImages() {
        let entryCount = unsafe context.pointee.entryCount
        for index in 0..<entryCount {
            let entry = unsafe context.pointee.entries[index]
            guard entry.isModified else { continue }
            let operation = unsafe PageOperation.expectImage(entry.frame.bytes.all)
            let room = unsafe room(RedoRecord.byteCountMaximum(operation))
            let page = entry.frame.pageID
            let written = unsafe RedoRecord.encode(operation, page: page, previous: lastPage, into: room)
            noteRecord(byteCount: written, of: page)
        }
    }

    private static func end(
        _ kernel: Kernel,
        _ context: UnsafeMutablePointer<MiniTransactionContext>,
        _ redoCredit: Int,
        _ pinCredit: Int,
        used: Int = 0
    ) {
        var index = unsafe context.pointee.entryCount - 1
        while index >= 0 {
            unsafe unlatch(kernel, context.pointee.entries[index])
            index -= 1
        }
        while let spare = unsafe context.pointee.takeSpare({ _ in true }) { kernel.pool.giveBack(spare) }
        unsafe kernel.contexts.give(context)
        kernel.pool.releasePins(pinCredit)
        if redoCredit > 0 { kernel.log.releaseCapacity(bytes: redoCredit, used: used) }
    }

    private static func unlatch(_ kernel: Kernel, _ entry: MemoEntry) {
        if !entry.isExclusive {
            entry.frame.unlockShared()
        } else if entry.frame.has(FrameFlags.fresh) {
            // Created, but never initialised: the file has no such page, so neither may the pool.
            kernel.pool.abandon(entry.frame)
        } else {
            entry.frame.unlockExclusive()
        }
    }
}

extension MiniTransactionContext {
    /// Whether anything was applied or appended.
    var hasRecords: Bool { byteCount > Self.groupHeaderByteCount }
}
