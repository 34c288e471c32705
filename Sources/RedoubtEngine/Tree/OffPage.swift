import RedoubtCore
import RedoubtSystem

/// A chain of BLOB pages that no row refers to, and the slot on page 0 that names it.
struct PendingChain: Sendable {
    /// The slot.
    let slot: Int
    /// The first page.
    let firstPage: PageNumber
}

/// Values that stand in chains of BLOB pages: read, written, freed.
///
/// A chain page has 38 part length 4, 42 next page 4, data from 46; every part but the last is full.
extension Tree {
    /// The bytes of a value that one page holds.
    static let chainPartByteCount = 16330
    /// The most pages that one mini-transaction writes or frees.
    static let chainStepPageCount = 7

    // MARK: Reading

    /// Hands over the value that `reference` names, in order; `body` returns whether it wants more.
    ///
    /// Waits.
    func readChain(
        _ reference: OffPageReference,
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Bool
    ) throws(RedoubtError) {
        guard reference.space == space.id, reference.byteCount <= UInt64(Self.valueByteCountMaximum) else {
            throw corrupt(
                reference.firstPage,
                "is referred to as a value of \(reference.byteCount) bytes in space \(reference.space)"
            )
        }
        var left = Int(reference.byteCount)
        var number = reference.firstPage
        // Ends, because every page must hold as much of what is left as it can.
        while left > 0 {
            let part = min(left, Self.chainPartByteCount)
            let frame = try fetchChainPage(number, part: part)
            defer { frame.unlockShared() }
            left -= part
            let next = PageNumber(rawValue: frame.bytes.u32(at: SpaceFormat.Blob.next))
            if left > 0 { kernel.pool.prefetch(CollectionOfOne(id(next))) }
            guard unsafe try body(frame.bytes.bytes(at: SpaceFormat.Blob.data, count: part)) else { return }
            number = next
        }
    }

    /// Returns page `number` latched shared if it is a chain page that holds `part` bytes (nil: any).
    ///
    /// Waits.
    private func fetchChainPage(_ number: PageNumber, part: Int?) throws(RedoubtError) -> Frame {
        guard number > .root, number.rawValue < space.pageCount else {
            throw corrupt(number, "a chain of a value leads outside the file of \(space.pageCount) pages")
        }
        let frame = try kernel.pool.fetchShared(id(number), hint: SearchIndex.noFrame)
        if let reason = Self.chainFault(frame, part: part) {
            frame.unlockShared()
            throw corrupt(number, reason)
        }
        return frame
    }

    private static func chainFault(_ frame: Frame, part: Int?) -> String? {
        guard frame.bytes.typeCode == PageType.blob.rawValue else {
            return "is of type \(frame.bytes.typeCode), but a chain of a value leads to it"
        }
        let stored = frame.bytes.u32(at: SpaceFormat.Blob.partByteCount)
        if let part, Int(stored) != part { return "holds \(stored) bytes of a value, but \(part) are due" }
        return nil
    }

    // MARK: Writing

    /// Writes a value of `byteCount` bytes to a new chain, which is pending when this returns.
    ///
    /// Waits.
    func writeChain(
        byteCount: Int,
        _ source: (UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int
    ) throws(RedoubtError) -> PendingChain {
        let stepByteCount = Self.chainStepPageCount * Self.chainPartByteCount
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(byteCount, stepByteCount),
            alignment: 16
        )
        defer { unsafe memory.deallocate() }
        freeLeftChains()
        var left = byteCount
        var chain: PendingChain?
        var last = PageNumber.none
        do throws(RedoubtError) {
            while left > 0 {
                let count = min(left, stepByteCount)
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[0..<count])
                unsafe try Self.fill(part, from: source)
                unsafe try extendChain(&chain, &last, UnsafeRawBufferPointer(part))
                left -= count
            }
        } catch {
            if let chain { abandonChain(chain) }
            throw error
        }
        guard let chain else { preconditionFailure("a value of \(byteCount) bytes was to be written to a chain") }
        return chain
    }

    /// Appends pages with `bytes` to a pending chain, or begins it: one mini-transaction.
    ///
    /// Waits.
    private func extendChain(
        _ chain: inout PendingChain?,
        _ last: inout PageNumber,
        _ bytes: UnsafeRawBufferPointer
    ) throws(RedoubtError) {
        let pageCount = (bytes.count + Self.chainPartByteCount - 1) / Self.chainPartByteCount
        var slotWait = SlotWait()
        defer { slotWait.end(kernel) }
        while true {
            space.treeLock.lock(.treeLock, in: kernel.waits)
            let outcome: ChainStep
            do throws(RedoubtError) {
                outcome = unsafe try tryExtendChain(&chain, &last, bytes, pageCount)
                if outcome == .extendFile { try space.extend(kernel) }
            } catch {
                space.treeLock.unlock()
                throw error
            }
            space.treeLock.unlock()
            if outcome != .wait { slotWait.end(kernel) }
            switch outcome {
            case .done: return
            case .extendFile: break
            case .wait: try slotWait.next(kernel, [self])
            }
        }
    }

    private enum ChainStep {
        case done
        case extendFile
        case wait
    }

    private func tryExtendChain(
        _ chain: inout PendingChain?,
        _ last: inout PageNumber,
        _ bytes: UnsafeRawBufferPointer,
        _ pageCount: Int
    ) throws(RedoubtError) -> ChainStep {
        let redoBytes = pageCount * (Self.chainPartByteCount + 128 + SpaceAllocator.redoBytesPerPage) + 256
        var mtr = try MiniTransaction.begin(
            kernel,
            redoBytes: redoBytes,
            pins: pageCount + 2 + SpaceAllocator.pinCount(space)
        )
        do throws(RedoubtError) {
            let tail = chain == nil ? nil : try mtr.latchExclusive(id(last))
            let header = try PendingChains.latchHeader(&mtr, space)
            let slot = chain?.slot ?? PendingChains.emptySlot(header)
            guard let slot else {
                mtr.rollback()
                return .wait
            }
            let hint = last == .none ? PageNumber.none : PageNumber(rawValue: last.rawValue &+ 1)
            let prepared = try SpaceAllocator.prepare(
                &mtr,
                space,
                leafPages: pageCount,
                near: hint,
                header: header
            )
            guard var reservation = prepared else {
                mtr.rollback()
                return .extendFile
            }
            var previous = tail
            var near = hint
            var first = PageNumber.none
            for index in 0..<pageCount {
                let number = SpaceAllocator.allocate(&mtr, &reservation, .leaf, hint: near)
                let start = index * Self.chainPartByteCount
                let count = min(Self.chainPartByteCount, bytes.count - start)
                let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
                let frame = unwrapCreated(&mtr, number)
                unsafe fillChainPage(&mtr, frame, part)
                if let previous { mtr.write32(previous, SpaceFormat.Blob.next, number.rawValue) }
                if index == 0 { first = number }
                previous = frame
                near = PageNumber(rawValue: number.rawValue &+ 1)
                last = number
            }
            if chain == nil {
                PendingChains.set(&mtr, header, slot: slot, page: first, kind: .writing)
                chain = PendingChain(slot: slot, firstPage: first)
            }
            _ = mtr.commit()
            return .done
        } catch {
            mtr.rollback()
            throw error
        }
    }

    /// Creates page `number`, which was just allocated; its frame was reserved, so this does not fail.
    func unwrapCreated(_ mtr: inout MiniTransaction, _ number: PageNumber) -> Frame {
        do throws(RedoubtError) {
            return try mtr.create(self.id(number))
        } catch {
            preconditionFailure("no frame for page \(id(number)), although one was reserved: \(error)")
        }
    }

    private func fillChainPage(_ mtr: inout MiniTransaction, _ frame: Frame, _ part: UnsafeRawBufferPointer) {
        mtr.apply(.initialize(type: .blob), to: frame)
        mtr.write32(frame, SpaceFormat.Blob.partByteCount, UInt32(part.count))
        mtr.write32(frame, SpaceFormat.Blob.next, PageNumber.none.rawValue)
        unsafe mtr.apply(.writeBytes(offset: SpaceFormat.Blob.data, bytes: part), to: frame)
    }

    // MARK: Freeing

    /// Frees a pending chain; if that fails, it stays pending, and the next recovery frees it, or whoever writes a
    /// large value next if it failed for want of room.
    ///
    /// Waits, but not for a slow-down of writers: the value has no place to go back to. Returns false for want of
    /// room.
    @discardableResult
    func abandonChain(_ chain: PendingChain) -> Bool {
        Scheduling.with(.goesOn) {
            do throws(RedoubtError) {
                try freeChain(chain)
            } catch {
                guard error.code == .diskFull || error.code == .poolExhausted else { return true }
                space.leaveChain(slot: chain.slot)
                return false
            }
            return true
        }
    }

    /// Frees the chains whose freeing failed for want of room.
    ///
    /// Waits.
    func freeLeftChains() {
        var hasRoom = true
        for slot in space.takeLeftChains() {
            guard hasRoom else {
                // Each would wait as long as the one before.
                space.leaveChain(slot: slot)
                continue
            }
            let header: Frame
            do throws(RedoubtError) {
                header = try kernel.pool.fetchShared(id(SpaceFormat.headerPage), hint: SearchIndex.noFrame)
            } catch {
                space.leaveChain(slot: slot)
                continue
            }
            // Its first pages may be gone already.
            let chain = PendingChains.list(header.bytes).first { $0.slot == slot }
            header.unlockShared()
            if let chain { hasRoom = abandonChain(PendingChain(slot: slot, firstPage: chain.page)) }
        }
    }

    /// Frees a pending chain in bounded mini-transactions.
    ///
    /// Waits.
    func freeChain(_ chain: PendingChain) throws(RedoubtError) {
        var first = chain.firstPage
        while first != .none {
            space.treeLock.lock(.treeLock, in: kernel.waits)
            defer { space.treeLock.unlock() }
            first = try freeChainStart(chain.slot, first)
        }
    }

    /// Frees the first pages of the chain at `first`; returns where it goes on.
    ///
    /// Waits.
    private func freeChainStart(_ slot: Int, _ first: PageNumber) throws(RedoubtError) -> PageNumber {
        let count = Self.chainStepPageCount
        var mtr = try MiniTransaction.begin(
            kernel,
            redoBytes: count * (64 + SpaceAllocator.redoBytesPerPage) + 256,
            pins: count + 1 + SpaceAllocator.pinCount(space)
        )
        do throws(RedoubtError) {
            var frames: [Frame] = []
            var pages: [PageNumber] = []
            var next = first
            while next != .none, pages.count < count {
                guard next > .root, next.rawValue < space.pageCount, !pages.contains(next) else {
                    throw corrupt(next, "a chain of a value leads to it")
                }
                let frame = try mtr.latchExclusive(id(next))
                if let reason = Self.chainFault(frame, part: nil) { throw corrupt(next, reason) }
                frames.append(frame)
                pages.append(next)
                next = PageNumber(rawValue: frame.bytes.u32(at: SpaceFormat.Blob.next))
            }
            if next != .none && next <= .root { throw corrupt(next, "a chain of a value leads to it") }
            let header = try PendingChains.latchHeader(&mtr, space)
            let prepared = try SpaceAllocator.prepare(
                &mtr,
                space,
                freeing: pages,
                owners: pages.map { _ in .leaf },
                purpose: .cleaning,
                header: header
            )
            guard var reservation = prepared else { preconditionFailure("freeing needs no room") }
            for frame in frames { SpaceAllocator.free(&mtr, &reservation, frame, .leaf) }
            if next == .none {
                PendingChains.clear(&mtr, header, slot: slot)
            } else {
                PendingChains.set(&mtr, header, slot: slot, page: next, kind: .freeing)
            }
            _ = mtr.commit()
            return next
        } catch {
            mtr.rollback()
            throw error
        }
    }

    /// Frees every pending chain: what recovery calls before the space is used.
    ///
    /// Waits.
    ///
    /// - Returns: the errors of chains that are damaged and stay pending.
    func freePendingChains() throws(RedoubtError) -> [RedoubtError] {
        let header = try kernel.pool.fetchShared(id(SpaceFormat.headerPage), hint: SearchIndex.noFrame)
        let chains = PendingChains.list(header.bytes)
        header.unlockShared()
        var errors: [RedoubtError] = []
        for (slot, page) in chains {
            do throws(RedoubtError) {
                try freeChain(PendingChain(slot: slot, firstPage: page))
            } catch {
                if error.code != .corruptPage { throw error }
                errors.append(error)
            }
        }
        return errors
    }
}
