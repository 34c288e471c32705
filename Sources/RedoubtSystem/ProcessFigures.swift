import CLinuxAIO
import CRedoubtShims
import Glibc

/// What the operating system says about this process; zeros for a thread of a simulation, where nothing may depend on
/// it.
package struct ProcessFigures: Sendable, Hashable {
    /// The id of the process.
    package var processID: UInt64 = 0
    /// The time of day, in nanoseconds since 1970.
    package var wallNanoseconds: UInt64 = 0
    /// The processor time used outside the kernel.
    package var userNanoseconds: UInt64 = 0
    /// The memory in use (RSS).
    package var residentByteCount: UInt64 = 0

    /// Asks the system.
    package static func now() -> ProcessFigures {
        var figures = ProcessFigures()
        if Scheduling.isSimulated { return figures }
        figures.processID = UInt64(getpid())
        var time = timespec()
        if unsafe clock_gettime(CLOCK_REALTIME, &time) == 0 {
            figures.wallNanoseconds = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
        figures.userNanoseconds = redoubt_user_nanoseconds()
        figures.residentByteCount = residentPageCount() * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        return figures
    }

    /// The second number of /proc/self/statm, 0 if there is none.
    private static func residentPageCount() -> UInt64 {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { _ = close(descriptor) }
        var bytes = InlineArray<128, UInt8>(repeating: 0)
        let text = unsafe withUnsafeMutableBytes(of: &bytes) { buffer in
            let count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
            return unsafe String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        let words = text.split(separator: " ")
        return words.count > 1 ? UInt64(words[1]) ?? 0 : 0
    }
}
