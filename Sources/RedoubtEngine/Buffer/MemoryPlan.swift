import RedoubtCore

/// How ``Configuration/memory`` is divided: a pure computation, so that it can be tested without memory.
///
///     memory = log buffer + write buffers + slack 2 MiB
///            + frames x (16384 page + 128 control + 16 page table) + search indexes (an eighth of the frame bytes)
///
/// The page table is made for `memoryMaximum`. If that is more than `memory`, it counts as a whole: 4 to 8 bytes for
/// each frame of the maximum. Control blocks are never given back, so after a shrink those of the most frames that
/// there ever were count as well.
struct MemoryPlan: Equatable, Sendable {
    /// The frames of all instances at opening.
    let frameCount: Int
    /// The most frames of all instances.
    let frameCountMaximum: Int
    /// The instances; each has `frameCount / instanceCount` frames.
    let instanceCount: Int
    /// The most memory, in bytes.
    let memoryMaximum: Int
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
    /// A page, and its share of the search indexes.
    private static var pageShare: Int { pageByteCount + pageByteCount / 8 }
    // What does not depend on the frames at all.
    private let fixedByteCount: Int

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
        fixedByteCount = part.fixed
        memoryMaximum = part.memoryMaximum
        frameCountMaximum = part.most
        bucketCount = part.buckets
        frameCount = part.frames
        guard frameCount >= Self.frameCountMinimum else {
            throw RedoubtError(
                .invalidConfiguration,
                "memory of \(configuration.memory) leaves \(frameCount) frames beside the log buffer of "
                    + "\(configuration.redoLog.bufferCapacity), but \(Self.frameCountMinimum) are needed; "
                    + "raise memory, or lower memoryMaximum or redoLog.bufferCapacity"
            )
        }
    }

    /// The frames that `available` bytes beside the fixed parts are, with their entries in the page table.
    private static func frames(_ available: Int) -> Int {
        max(0, available) / (pageShare + Frame.controlByteCount + 16)
    }

    /// The frames that `available` bytes beside the fixed parts and the page table are, at most `most`, when control
    /// blocks of `laidOut` frames are there whatever happens.
    private static func frames(_ available: Int, most: Int, instances: Int, laidOut: Int) -> Int {
        let left = available - laidOut * Frame.controlByteCount
        let few = max(0, left) / pageShare
        let count = few < laidOut ? few : max(0, available) / (pageShare + Frame.controlByteCount)
        return min(count, most) / instances * instances
    }

    /// What an opening with some number of instances comes to.
    private struct Part {
        var writers: Int
        var batchPages: Int
        var fixed: Int
        var memoryMaximum: Int
        var most: Int
        var buckets = 64
        var frames: Int
    }

    /// Returns what `instances` instances, so many writers, batches of so many pages, and the fixed parts leave.
    private static func divide(_ configuration: Configuration, instances: Int) -> Part {
        let memory = configuration.memory.rawValue
        let writers = min(configuration.flushing.cleanerThreads, instances) + instances
        let share = memory / writeShare / pageByteCount / (writers * writeBatchCount)
        let batchPages = max(1, min(configuration.flushing.doublewriteBatchPages, share))
        let fixed =
            configuration.redoLog.bufferCapacity.rawValue + slackByteCount
            + writers * (writeBatchCount * (batchPages + 1) + stagingPageCount(batchPages)) * pageByteCount
        let memoryMaximum = configuration.memoryMaximum?.rawValue ?? memory
        let most = frames(memoryMaximum - fixed) / instances * instances
        var part = Part(
            writers: writers,
            batchPages: batchPages,
            fixed: fixed,
            memoryMaximum: memoryMaximum,
            most: most,
            frames: most
        )
        while part.buckets < most { part.buckets *= 2 }
        if memory < memoryMaximum {
            part.frames = frames(memory - fixed - part.buckets * 4, most: most, instances: instances, laidOut: 0)
        }
        return part
    }

    // MARK: Another size

    /// The frames of all instances with `memory` bytes, when the control blocks of `laidOut` frames are there.
    func frameCount(memory: Int, laidOut: Int) -> Int {
        if memory >= memoryMaximum { return frameCountMaximum }
        let available = memory - fixedByteCount - bucketCount * 4
        return Self.frames(available, most: frameCountMaximum, instances: instanceCount, laidOut: laidOut)
    }

    /// The least memory, in bytes, when the control blocks of `laidOut` frames are there: 64 frames an instance.
    func memoryMinimum(laidOut: Int) -> Int {
        let frames = Self.frameCountMinimum * instanceCount
        let least =
            fixedByteCount + bucketCount * 4 + max(frames, laidOut) * Frame.controlByteCount + frames * Self.pageShare
        return min(max(Configuration.memoryMinimum, least), memoryMaximum)
    }

    /// The bytes for the search indexes of an instance of `frameCount` frames, whole chunks.
    static func searchIndexByteCount(frameCount: Int) -> Int { frameCount / 8 * pageByteCount }

    /// The most bytes for the search indexes of an instance.
    var searchIndexByteCountMaximum: Int { Self.searchIndexByteCount(frameCount: frameCountMaximum / instanceCount) }

    /// The bytes for search indexes at opening.
    var searchIndexByteCount: Int { Self.searchIndexByteCount(frameCount: framesPerInstance) * instanceCount }

    /// The frames of one instance at opening.
    var framesPerInstance: Int { frameCount / instanceCount }

    /// The bytes that the batches of all writers take; each has a header page, and each writer a staging buffer.
    var writeBufferByteCount: Int {
        writerCount * (Self.writeBatchCount * (writeBatchPages + 1) + stagingPageCount) * pageByteCount
    }

    /// The pages in which a writer puts segments of sectors together: at least a header, an image, and a rest.
    var stagingPageCount: Int { Self.stagingPageCount(writeBatchPages) }

    private static func stagingPageCount(_ batchPages: Int) -> Int { min(16, batchPages + 2) }

    /// The pages of the doublewrite file of one writer: eight full batches, on the disk and not in memory.
    ///
    /// All files together have 32 MiB with the default memory. Four batches are the least: two under way, the room
    /// that is too short for one at the end, and one to be made free.
    var doublewritePageCount: Int { 8 * (writeBatchPages + 1) }
}
