import RedoubtCore
import RedoubtLog
import RedoubtSystem

/// Changes of structure that add pages.
extension Tree {
    /// Does `job` with the pages that it takes, in one mini-transaction.
    ///
    /// Waits.
    func growStructure(_ job: StructureJob) throws(RedoubtError) -> StructureOutcome {
        space.treeLock.lock(.treeLock, in: kernel.waits)
        defer { space.treeLock.unlock() }
        while true {
            guard let outcome = try tryGrow(job) else {
                try space.extend(kernel)
                continue
            }
            return outcome
        }
    }

    /// One attempt; nil if the file must grow first.
    ///
    /// Waits.
    private func tryGrow(_ job: StructureJob) throws(RedoubtError) -> StructureOutcome? {
        let steps = try path(job.target)
        prefetch(steps)
        let splitCount = steps.count
        var mtr = try MiniTransaction.begin(
            kernel,
            redoBytes: growthRedoBytes(splitCount),
            pins: 3 * splitCount + 2 + SpaceAllocator.pinCount(space)
        )
        do throws(RedoubtError) {
            var levels = try latchForGrowth(&mtr, steps)
            switch job {
            case .row(let change):
                let outcome = try growForRow(&mtr, &levels, steps, change)
                if outcome.commits {
                    return finishGrowth(mtr.commit(), outcome)
                }
                mtr.rollback()
                return outcome.step == .extendFile ? nil : finishGrowth(nil, outcome)
            case .halve(let key):
                let page = IndexPage(levels[levels.count - 1].frame.bytes)
                if page.recordCount < 2 {
                    mtr.rollback()
                    return .retry
                }
                guard var growth = try Growth(self, &mtr, levels, steps, nil) else {
                    mtr.rollback()
                    return nil
                }
                unsafe growth.halve(&mtr, key)
                _ = mtr.commit()
                return .retry
            case .append(let rows, let firstKey):
                let leaf = levels[levels.count - 1].frame
                if let last = IndexPage(leaf.bytes).last, unsafe TreeKey.compare(last.key, firstKey) >= 0 {
                    mtr.rollback()
                    return .refused
                }
                guard var growth = try Growth(self, &mtr, levels, steps, nil) else {
                    mtr.rollback()
                    return nil
                }
                unsafe growth.append(&mtr, rows, firstKey)
                let end = mtr.commit()?.end
                return .done(FinishedWrite(result: WriteResult(isApplied: true, existed: false, end: end)))
            }
        } catch {
            mtr.rollback()
            throw error
        }
    }

    private struct RowOutcome {
        enum Step {
            case applied
            case unchanged
            case retry
            case extendFile
        }
        var step: Step
        var plan: LeafPlan
        var freed: PendingChain?
        var commits: Bool { step == .applied }
    }

    private func growForRow(
        _ mtr: inout MiniTransaction,
        _ levels: inout [LatchedLevel],
        _ steps: [PathStep],
        _ change: LeafChange
    ) throws(RedoubtError) -> RowOutcome {
        let leaf = levels[levels.count - 1].frame
        let plan = try plan(change, leaf)
        var outcome = RowOutcome(step: .applied, plan: plan)
        if plan.step == .nothing {
            outcome.step = .unchanged
            return outcome
        }
        var header: Frame?
        if change.slot != nil || plan.oldChain != nil {
            let frame = try PendingChains.latchHeader(&mtr, space)
            // Asked before anything changes: an empty slot, and then the pages.
            if plan.oldChain != nil, change.slot == nil, PendingChains.emptySlot(frame) == nil {
                outcome.step = .retry
                return outcome
            }
            header = frame
        }
        if plan.step == .split {
            guard var growth = try Growth(self, &mtr, levels, steps, header) else {
                outcome.step = .extendFile
                return outcome
            }
            if let header { _ = moveChains(plan, change, &mtr, header, &outcome.freed) }
            growth.insertRow(&mtr, plan, change)
        } else {
            // Someone else has made room meanwhile.
            if let header { _ = moveChains(plan, change, &mtr, header, &outcome.freed) }
            perform(plan, change, &mtr, leaf)
        }
        return outcome
    }

    private func finishGrowth(_ range: LogRange?, _ outcome: RowOutcome) -> StructureOutcome {
        if outcome.step == .retry { return .retry }
        let result = WriteResult(isApplied: outcome.plan.isMet, existed: outcome.plan.existed, end: range?.end)
        return .done(FinishedWrite(result: result, freed: outcome.freed))
    }

    /// An upper bound of the redo of splitting `count` pages one above the other and raising the root.
    func growthRedoBytes(_ count: Int) -> Int {
        (count + 2) * (pageByteCount + 1024 + SpaceAllocator.redoBytesPerPage) + 2 * 4096
    }

    /// Reads the leaf and its neighbours before anything is latched, so that little is read under latches.
    private func prefetch(_ steps: [PathStep]) {
        guard let leaf = steps.last else { return }
        if let right = leaf.rightSibling { kernel.pool.prefetch(CollectionOfOne(id(right))) }
    }
}
