/// What a storage device does: how long its operations take, how many at once, and what it is capped to.
///
/// Times are nanoseconds, rates bytes or operations a second; 0 is no cap.
package struct DeviceModel: Sendable, Hashable {
    /// The name of its file, without the ending.
    package var name = "nvme"
    /// One line that says what it is.
    package var title = ""
    /// Operations that proceed at once; more wait.
    package var channels = 32
    /// The time of a read of 16 KiB, without waiting.
    package var readTime = 90_000.0
    /// The time of a write of 16 KiB, without waiting.
    package var writeTime = 25_000.0
    /// The time of a flush, after all writes that came before it.
    package var flushTime = 40_000.0
    /// How far times spread: the standard deviation of their logarithm.
    package var spread = 0.15
    /// Of so many operations one takes ``stallTime`` longer; 0 is none.
    package var stallEvery = 0
    /// See ``stallEvery``.
    package var stallTime = 0.0
    /// The bandwidth of reads and writes together.
    package var bandwidth = 2_000_000_000.0
    /// The most reads, and the most writes of 16 KiB a second.
    package var readRate = 0.0
    /// See ``readRate``.
    package var writeRate = 0.0
    /// By how much a read under way makes every operation longer that begins meanwhile.
    ///
    /// Devices behind a hypervisor do that. ``channels`` and rates mean nothing then; flushes add nothing.
    package var readLoad = 0.0
    /// By how much a write of 16 KiB does; longer ones add what ``bandwidth`` makes of the rest.
    package var writeLoad = 0.0
    /// The most operations of any kind a second, without burst.
    package var operationRate = 0.0
    /// Operations that may be done beyond ``operationRate``, saved up while the device does less.
    package var burst = 0.0
    /// The most operations a second while there is burst left.
    package var burstRate = 0.0
    /// Time of a seek from one end to the other, 0 for devices without heads.
    package var longestSeek = 0.0
    /// Time of a seek to the next track.
    package var shortestSeek = 0.0
    /// Time of a rotation.
    package var rotation = 0.0
    /// Bytes that can be written before the device is worn out; 0 is unknown.
    package var endurance = 0.0
    /// Bytes that the device holds, over which seeks are measured.
    package var size = 1_000_000_000_000.0

    /// Creates a fast NVMe device.
    package init() {}

    /// Whether operations make each other longer.
    var isLoaded: Bool { readLoad > 0 || writeLoad > 0 }

    /// Whether it has heads, so that the place of an operation matters.
    package var hasHeads: Bool { longestSeek > 0 }
}
