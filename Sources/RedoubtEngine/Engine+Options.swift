package import RedoubtCore
import RedoubtLog
import RedoubtSystem

extension Engine {
    /// The options as they are now.
    package var configuration: Configuration { kernel.options.current }

    /// What a commit waits for unless told otherwise.
    package var defaultDurability: Durability { kernel.options.durability }

    /// Changes the options as `body` says, if all that it changes can be changed while open.
    ///
    /// Waits for the file system if the redo capacity changes. More memory can be used on return, less is given back in
    /// the background, see ``poolResizeStatus``. `body` runs again if another thread has changed options meanwhile.
    ///
    /// - Throws: `.invalidConfiguration`, which names the option: nothing was changed; the errors of changing the redo
    ///   capacity; `.fenced` if the memory is to change and no page can be written any more.
    package func change(_ body: (inout Configuration) -> Void) throws(RedoubtError) {
        try requireOpen()
        while true {
            let version = kernel.options.version
            let before = kernel.options.current
            var after = before
            body(&after)
            try after.validate()
            for option in ConfigurationOption.all { try option.check(from: before, to: after) }
            if try replace(after, ifVersion: version) { return }
        }
    }

    /// Takes over `after` if nothing has changed since `version`; returns false if something has.
    private func replace(_ after: Configuration, ifVersion version: UInt64) throws(RedoubtError) -> Bool {
        // Held by others through a resize at most.
        optionsLock.lock(.resize, in: kernel.waits)
        defer { optionsLock.unlock() }
        guard kernel.options.version == version else { return false }
        let before = kernel.options.current
        // What can fail goes first.
        if after.memory != before.memory {
            try kernel.health.check()
            try kernel.pool.checkResize(to: after.memory)
        }
        if after.redoLog.capacity != before.redoLog.capacity { try log.resize(to: after.redoLog.capacity) }
        kernel.options.replace(by: after)
        if after.memory != before.memory {
            kernel.pool.resize(to: after.memory)
            if !flushing.isRunning { flushing.withdrawFrames(milliseconds: Self.withdrawMilliseconds) }
        }
        if after.bufferPool != before.bufferPool { kernel.pool.apply(after.bufferPool) }
        if after.redoLog.deferredFlushMilliseconds != before.redoLog.deferredFlushMilliseconds {
            log.setDeferredFlush(milliseconds: after.redoLog.deferredFlushMilliseconds)
        }
        kernel.pool.cleanerNeeded.signal()
        return true
    }

    /// How far the pool has followed the last change of the memory.
    package var poolResizeStatus: PoolResizeStatus { kernel.pool.resizeStatus }

    /// How long a change of the memory waits for frames in use while there are no background threads.
    private static let withdrawMilliseconds = 1000
}
