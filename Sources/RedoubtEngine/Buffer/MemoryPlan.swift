import RedoubtCore

/// How ``Configuration/memory`` is divided: a pure computation, so that it can be tested without memory.
///
///     memory = log buffer + write buffers + slack 2 MiB
///            + frames x (16384 page + 128 control + 16 page table) + search indexes (an eighth of the frame bytes)
struct MemoryPlan: Equatable, Sendable {
    /// The frames of all instances.
    let frameCount: Int
    /// The instances; each has `frameCount / instanceCount` frames.
    let instanceCount: Int
    /// The bytes for search indexes, a multiple of a chunk of each instance.
    let searchIndexByteCount: Int
    /// The page writers: one a cleaner thread that works on flush lists, and one an instance for its LRU list.
    let writerCount: Int
    /// The most pages that a writer takes at once.
    let writeBatchPages: Int
    /// The buckets of the page table, a power of two.
    let bucketCount: Int

    /// The fewest frames that an engine can work with.
    static var frameCountMinimum: Int { 64 }
    /// What is set aside for everything small.
    static var slackByteCount: Int { 2 << 20 }
    /// The batches of a writer that are under way at once, each with memory of its own.
    static var writeBatchCount: Int { 2 }
    /// The share of the memory that the batches of all writers may take: a 32nd.
    private static var writeShare: Int { 32 }

    /// Divides the memory of `configuration`.
    ///
    /// - Throws: `.invalidConfiguration` when fewer than 64 frames remain.
    init(_ configuration: Configuration) throws(RedoubtError) {
        let memory = configuration.memory.rawValue
        let chosen = configuration.bufferPool.instanceCount
        var instances = chosen > 0 ? chosen : (memory < 1 << 30 ? 1 : 2)
        var part = Self.divide(configuration, instances: instances)
        // Instances have writers, and writers have memory.
        while instances > 1 && part.frames < instances * Self.frameCountMinimum {
            instances -= 1
            part = Self.divide(configuration, instances: instances)
        }
        instanceCount = instances
        writerCount = part.writers
        writeBatchPages = part.batchPages
        frameCount = part.frames / instances * instances
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

    /// Returns what `instances` instances, so many writers, batches of so many pages, and the fixed parts leave.
    private static func divide(
        _ configuration: Configuration,
        instances: Int
    ) -> (writers: Int, batchPages: Int, frames: Int) {
        let memory = configuration.memory.rawValue
        let writers = min(configuration.flushing.cleanerThreads, instances) + instances
        let share = memory / writeShare / pageByteCount / (writers * writeBatchCount)
        let batchPages = max(1, min(configuration.flushing.doublewriteBatchPages, share))
        let fixed =
            configuration.redoLog.bufferCapacity.rawValue + slackByteCount
            + writers * writeBatchCount * (batchPages + 1) * pageByteCount
        let perFrame = pageByteCount + Frame.controlByteCount + 16 + pageByteCount / 8
        return (writers, batchPages, max(0, memory - fixed) / perFrame)
    }

    /// The frames of one instance.
    var framesPerInstance: Int { frameCount / instanceCount }

    /// The bytes that the batches of all writers take; each has a header page.
    var writeBufferByteCount: Int { writerCount * Self.writeBatchCount * (writeBatchPages + 1) * pageByteCount }

    /// The pages of the doublewrite file of one writer: eight full batches, on the disk and not in memory.
    ///
    /// All files together have 32 MiB with the default memory. Four batches are the least: two under way, the room
    /// that is too short for one at the end, and one to be made free.
    var doublewritePageCount: Int { 8 * (writeBatchPages + 1) }
}
