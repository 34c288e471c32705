import RedoubtCore

@testable import RedoubtPolicy

extension FlushingInputs {
    /// Inputs with the limits of a log of 100 MiB, and two instances of 4096 pages with nothing dirty.
    static func sample(lsn: UInt64 = 200_000_000, now: UInt64 = 1_000_000_000) -> FlushingInputs {
        var inputs = FlushingInputs()
        inputs.now = now
        inputs.limits = FlushSimulation.limits
        inputs.currentLSN = lsn
        inputs.closedLSN = lsn
        inputs.checkpointLSN = lsn
        inputs.ioCapacity = 1000
        inputs.options.ioCapacityMaximum = 2000
        inputs.instances = (0..<2).map { _ in
            var instance = Instance(ages: DirtyAges(redoCapacity: 100 << 20))
            instance.pageCount = 4096
            instance.freeFrameCount = 256
            instance.freeFrameTarget = 256
            return instance
        }
        return inputs
    }

    /// Adds `count` dirty pages to each instance, spread evenly over the ages from `age` down to `youngest`.
    mutating func addDirty(_ count: Int, age: Int, youngest: Int = 0) {
        for index in instances.indices {
            for page in 0..<count {
                let distance = age - (age - youngest) * page / max(1, count - 1)
                instances[index].ages.add(currentLSN - UInt64(distance))
            }
            instances[index].dirtyPageCount += count
        }
        let oldest = currentLSN - UInt64(age)
        oldestModification = min(oldestModification ?? oldest, oldest)
        checkpointLSN = min(checkpointLSN, oldest - min(oldest, UInt64(limits.relaxedOrderWindow)))
    }

    /// The same some time later, with `redo` more bytes in the log.
    func later(seconds: Double = 1, redo: UInt64 = 0) -> FlushingInputs {
        var inputs = self
        inputs.now += UInt64(seconds * 1e9)
        inputs.currentLSN += redo
        inputs.closedLSN += redo
        return inputs
    }
}

extension FlushingRecommendation {
    /// Pages to write from all flush lists.
    var listPageCount: Int { listPages.reduce(0, +) }
}
