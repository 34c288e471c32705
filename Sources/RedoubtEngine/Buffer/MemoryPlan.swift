import RedoubtCore

/// How ``Configuration/memory`` is divided: a pure computation, so that it can be tested without memory.
///
///     memory = log buffer + doublewrite buffers + slack 2 MiB
///            + frames x (16384 page + 128 control + 16 page table) + search indexes (an eighth of the frame bytes)
struct MemoryPlan: Equatable, Sendable {
    /// The frames of all instances.
    let frameCount: Int
    /// The instances; each has `frameCount / instanceCount` frames.
    let instanceCount: Int
    /// The bytes for search indexes, a multiple of a chunk of each instance.
    let searchIndexByteCount: Int
    /// The pages of one doublewrite batch.
    let writeBatchPages: Int
    /// The buckets of the page table, a power of two.
    let bucketCount: Int

    /// The fewest frames that an engine can work with.
    static var frameCountMinimum: Int { 64 }
    /// What is set aside for everything small.
    static var slackByteCount: Int { 2 << 20 }

    /// Divides the memory of `configuration`.
    ///
    /// - Throws: `.invalidConfiguration` when fewer than 64 frames remain.
    init(_ configuration: Configuration) throws(RedoubtError) {
        let memory = configuration.memory.rawValue
        // A batch may take a 64th of the memory: 8 pages at 8 MiB, the whole default from 128 MiB on.
        writeBatchPages = max(1, min(configuration.flushing.doublewriteBatchPages, memory / 64 / pageByteCount))
        let fixed =
            configuration.redoLog.bufferCapacity.rawValue + Self.slackByteCount
            + (writeBatchPages + 1) * pageByteCount
        let perFrame = pageByteCount + Frame.controlByteCount + 16 + pageByteCount / 8
        let chosen = configuration.bufferPool.instanceCount
        let wanted = chosen > 0 ? chosen : (memory < 1 << 30 ? 1 : 2)
        let fitting = max(0, memory - fixed) / perFrame
        instanceCount = max(1, min(wanted, fitting / Self.frameCountMinimum))
        frameCount = fitting / instanceCount * instanceCount
        guard frameCount >= Self.frameCountMinimum else {
            throw RedoubtError(
                .invalidConfiguration,
                "memory of \(configuration.memory) leaves \(frameCount) frames beside the log buffer of "
                    + "\(configuration.redoLog.bufferCapacity), but \(Self.frameCountMinimum) are needed; "
                    + "raise memory or lower redoLog.bufferCapacity"
            )
        }
        let slabShare = frameCount / instanceCount * pageByteCount / 8 / pageByteCount * pageByteCount
        searchIndexByteCount = slabShare * instanceCount
        var buckets = 64
        while buckets < frameCount { buckets *= 2 }
        bucketCount = buckets
    }

    /// The frames of one instance.
    var framesPerInstance: Int { frameCount / instanceCount }
}
