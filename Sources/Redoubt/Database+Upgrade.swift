public import RedoubtCore
import RedoubtEngine
public import RedoubtSystem

extension Database {
    /// What an upgrade came to.
    public struct Upgrade: Sendable, Equatable {
        /// The oldest version of the format that was found.
        public let from: UInt32
        /// The version of every file now.
        public let to: UInt32
        /// The files that were changed.
        public let changedFileCount: Int
    }

    /// Brings the files of a database that was closed to the version of the format that this code writes.
    ///
    /// Waits.
    ///
    /// A crash leaves the old version, or what the next call ends. Today there is version 1 only.
    ///
    /// - Throws: `.notFound`, `.alreadyOpen`; `.unsupportedFormat` if a file is of a newer version, or the database of
    ///   an older one was not closed; `.corruptPage`, `.corruptLog`, `.notADatabase`, `.diskFull`.
    public static func upgrade(at path: String) throws(RedoubtError) -> Upgrade {
        try upgrade(at: path, storage: LinuxStorage())
    }

    /// The same in `storage`, such as one in memory.
    ///
    /// Waits.
    public static func upgrade(at path: String, storage: any Storage) throws(RedoubtError) -> Upgrade {
        let outcome = try FormatUpgrade(storage, path).run()
        return Upgrade(from: outcome.from, to: outcome.to, changedFileCount: outcome.changedFileCount)
    }
}
