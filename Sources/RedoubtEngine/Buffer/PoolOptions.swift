import RedoubtCore
import Synchronization

/// The options that the pool looks at while it finds pages; see ``LiveOptions`` for the others.
struct PoolOptions: ~Copyable {
    /// See ``Configuration/BufferPool/oldSublistMilliseconds``.
    let oldSublistMilliseconds: Atomic<UInt32>
    /// See ``Configuration/BufferPool/readAheadThreshold``.
    let readAheadThreshold: Atomic<Int>
    /// See ``Configuration/BufferPool/randomReadAhead``.
    let readsAheadAtRandom: Atomic<Bool>

    init(_ options: Configuration.BufferPool) {
        oldSublistMilliseconds = Atomic(UInt32(clamping: options.oldSublistMilliseconds))
        readAheadThreshold = Atomic(options.readAheadThreshold)
        readsAheadAtRandom = Atomic(options.randomReadAhead)
    }

    /// Takes over changed options.
    func set(_ options: Configuration.BufferPool) {
        oldSublistMilliseconds.store(UInt32(clamping: options.oldSublistMilliseconds), ordering: .relaxed)
        readAheadThreshold.store(options.readAheadThreshold, ordering: .relaxed)
        readsAheadAtRandom.store(options.randomReadAhead, ordering: .relaxed)
    }
}

extension BufferPool {
    /// Takes over changed options of the pool.
    func apply(_ changed: Configuration.BufferPool) {
        options.set(changed)
        for instance in instances {
            instance.setFreeTarget(scanDepth: changed.lruScanDepth)
            instance.setOldSublist(percent: changed.oldSublistPercent)
        }
    }
}
