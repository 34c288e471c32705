/// A file system that the power is cut under.
package enum FileSystem: String, Sendable, CaseIterable {
    case ext4
    /// As mkfs.xfs makes it.
    case xfs

    /// What mount(2) calls it.
    var kind: String { rawValue }

    /// The size of a disk for it, in bytes.
    var diskSize: Int {
        // 300 MiB are the least that mkfs.xfs takes.
        self == .ext4 ? 64 << 20 : 300 << 20
    }

    /// The words that make it on the device that is added.
    var formatWords: [String] {
        switch self {
        case .ext4:
            ["mkfs.ext4", "-F", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"]
        case .xfs: ["mkfs.xfs", "-f", "-q", "-K"]
        }
    }

    /// The Debian package that makes it.
    var package: String { self == .ext4 ? "e2fsprogs" : "xfsprogs" }
}
