import Glibc

/// Where a file has no data on its medium, and reads as zeros.
///
/// To be asked in ascending order; where the file system does not tell, there are no holes.
struct FileHoles: ~Copyable {
    private let descriptor: Int32
    // What is known: there is data from `dataStart` to `dataEnd`, and none before it from where was asked.
    private var dataStart: UInt64 = 0
    private var dataEnd: UInt64 = 0

    /// Looks at the file at `path`; one that cannot be opened has no holes.
    init(_ path: String) { descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Whether the bytes from `offset` on lie in a hole; those before were asked for before.
    mutating func contain(_ offset: UInt64, byteCount: UInt64) -> Bool {
        guard descriptor >= 0 else { return false }
        if offset >= dataEnd { look(offset) }
        return offset + byteCount <= dataStart
    }

    private mutating func look(_ offset: UInt64) {
        let start = lseek(descriptor, off_t(offset), Self.seekData)
        guard start >= 0 else {
            // Behind the last data, or it cannot be told.
            let isHole = errno == ENXIO
            dataStart = isHole ? .max : offset
            dataEnd = .max
            return
        }
        let end = lseek(descriptor, start, Self.seekHole)
        dataStart = UInt64(start)
        dataEnd = end > start ? UInt64(end) : .max
    }

    // SEEK_DATA and SEEK_HOLE, which Swift does not see.
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4
}
