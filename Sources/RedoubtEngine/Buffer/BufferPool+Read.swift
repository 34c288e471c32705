import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

// A page comes in: the frame is latched exclusively from before it can be found until its bytes are verified.
extension BufferPool {
    /// Reads `page` into a free frame and returns it latched exclusively; nil if another thread brought the page in.
    ///
    /// Waits.
    func readIn(_ page: PageID, acceptsUnwritten: Bool) throws(RedoubtError) -> Frame? {
        let file = try openFile(of: page)
        guard let new = try reserve(page) else { return nil }
        // A drop takes the file out of the table, then the pages out of memory: this one it would have missed.
        guard files.file(page.space) === file else {
            abandonRead(new)
            throw notOpen(page)
        }
        statistics.add(.misses, shard: page.number.rawValue)
        let count: Int
        let wait = waits.begin(.pageRead)
        do {
            defer { waits.end(wait) }
            count = try unsafe file.file.read(
                into: UnsafeMutableRawBufferPointer(start: new.memory, count: pageByteCount),
                at: page.number.fileOffset
            )
        } catch {
            abandonRead(new)
            guard files.file(page.space) === file else { throw notOpen(page) }
            throw RedoubtError(
                .readFailed,
                "page \(page) could not be read (\(error.message))",
                page: page,
                path: file.file.path,
                errno: error.errno
            )
        }
        if let fault = endRead(new, page, byteCount: count, file: file, acceptsUnwritten: acceptsUnwritten) {
            throw fault
        }
        considerRandomReadAhead(page)
        return new
    }

    /// The file of `page`.
    func openFile(of page: PageID) throws(RedoubtError) -> PageFile {
        if let file = files.file(page.space) { return file }
        throw notOpen(page)
    }

    private func notOpen(_ page: PageID) -> RedoubtError {
        RedoubtError(.keyspaceNotFound, "space \(page.space) is not open; it may have been dropped", page: page)
    }

    /// Makes a free frame that of `page`, to be read: latched exclusively and in the table, not in the LRU list.
    ///
    /// Nil if the page is in memory. Waits for a free frame.
    private func reserve(_ page: PageID) throws(RedoubtError) -> Frame? {
        let new = try takeFreeFrame(instance(of: page))
        return reserve(page, new)
    }

    /// As above, with the free frame `new`, which is given back if the page is in memory.
    func reserve(_ page: PageID, _ new: Frame) -> Frame? {
        // A stale hint may have left a trace in the free frame.
        new.clear(FrameFlags.perPage)
        unsafe new.state.pointee.newestModification.store(0, ordering: .relaxed)
        unsafe new.state.pointee.firstAccess.store(0, ordering: .relaxed)
        guard table.insert(page, into: new) == nil else {
            giveBack(new)
            return nil
        }
        unsafe new.state.pointee.ioState.store(FrameIOState.reading, ordering: .releasing)
        return new
    }

    /// Verifies what was read.
    ///
    /// The page enters the LRU list and stays latched, or leaves the pool and the error is returned.
    func endRead(
        _ frame: Frame,
        _ page: PageID,
        byteCount: Int,
        file: PageFile,
        acceptsUnwritten: Bool
    ) -> RedoubtError? {
        if let fault = fault(frame, page, byteCount: byteCount, acceptsUnwritten: acceptsUnwritten) {
            abandonRead(frame)
            return RedoubtError(.corruptPage, fault, page: page, path: file.file.path)
        }
        unsafe frame.state.pointee.newestModification.store(frame.bytes.lsn.rawValue, ordering: .relaxed)
        if frame.bytes.lsn == .zero { frame.forgetSectors() } else { frame.noteRead(from: file) }
        if frame.bytes.type == .index && !IndexPage(frame.bytes).isLeaf { noteEarlierAccess(frame) }
        unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
        instance(of: frame).insertOld(frame)
        return nil
    }

    /// Takes a page whose read failed out again.
    func abandonRead(_ frame: Frame) {
        unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
        takeOutOfTable(frame)
        giveBack(frame)
    }

    private func fault(_ frame: Frame, _ page: PageID, byteCount: Int, acceptsUnwritten: Bool) -> String? {
        if byteCount < pageByteCount {
            guard acceptsUnwritten else {
                return "page lies beyond the end of the file: \(byteCount) bytes of it are there"
            }
            // Part of a page at the end of a file was never a page.
            unsafe frame.memory.initializeMemory(as: UInt8.self, repeating: 0, count: pageByteCount)
            return nil
        }
        let sealFault = PageSeal.fault(frame.bytes, expected: page, lsnLimit: log.currentLSN)
        let fault = Scheduling.breaks(.skipsPageChecksum) ? nil : sealFault
        if acceptsUnwritten, case .unwritten? = fault { return nil }
        if let fault { return fault.description }
        // What changes a page relies on its structure: damage under a right checksum must be found before.
        guard frame.bytes.type == .index, !IndexPageSoundness.isSound(IndexPage(frame.bytes)) else { return nil }
        return IndexPageCheck.findings(IndexPage(frame.bytes), id: page).first?.description
    }

    /// Reads those of `pages` that are not in memory through `queue`, as far as free frames are at hand, and returns
    /// how many came in.
    ///
    /// Damaged pages are left to the fetch that wants them. Waits for the I/O.
    @discardableResult
    func readBatch(
        _ pages: [PageID],
        queue: any StorageQueue,
        acceptsUnwritten: Bool = false,
        counter: PoolCounter = .pagesReadAhead
    ) -> Int {
        var reads: [(frame: Frame, page: PageID, file: PageFile)] = []
        var requests: [StorageRequest] = []
        for page in pages {
            guard table.find(page) == nil, let file = files.file(page.space) else { continue }
            guard let new = takeFreeFrameAtOnce(instance(of: page)) else { break }
            guard let frame = reserve(page, new) else { continue }
            guard files.file(page.space) === file else {
                abandonRead(frame)
                continue
            }
            let buffer = unsafe UnsafeMutableRawBufferPointer(start: frame.memory, count: pageByteCount)
            unsafe requests.append(
                StorageRequest(
                    file: file.file,
                    isWrite: false,
                    buffer: buffer,
                    offset: page.number.fileOffset,
                    tag: UInt64(reads.count)
                )
            )
            reads.append((frame, page, file))
        }
        guard !requests.isEmpty else { return 0 }
        queue.submit(requests)
        var left = requests.count
        var arrived = 0
        while left > 0 {
            for completion in queue.complete(minimum: 1) {
                let read = reads[Int(completion.tag)]
                left -= 1
                if completion.error != nil {
                    abandonRead(read.frame)
                } else if endRead(
                    read.frame,
                    read.page,
                    byteCount: completion.byteCount,
                    file: read.file,
                    acceptsUnwritten: acceptsUnwritten
                ) == nil {
                    read.frame.unlockExclusive()
                    arrived += 1
                }
            }
        }
        statistics.add(counter, UInt64(arrived))
        return arrived
    }
}
