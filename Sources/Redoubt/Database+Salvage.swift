public import RedoubtCore
import RedoubtEngine
public import RedoubtSystem

/// What ``Database/salvage(at:to:configuration:)`` found and what it did not.
public struct SalvageSummary: Sendable {
    /// A keyspace of the new database.
    public struct Keyspace: Sendable, Equatable {
        /// The name.
        public let name: String
        /// The rows that were found.
        public let rowCount: Int
    }

    /// Something that could not be read.
    public struct Loss: Sendable, Equatable, CustomStringConvertible {
        /// The keyspace.
        public let keyspace: String
        /// The page, if one can be named.
        public let page: PageID?
        /// No key before this one is concerned; nil if the first may be.
        public let lower: [UInt8]?
        /// No key after this one is concerned; nil if the last may be.
        public let upper: [UInt8]?
        /// Why.
        public let reason: String
        /// The loss in one line.
        public let description: String

        init(_ loss: SalvageReport.Loss) {
            keyspace = loss.keyspace
            page = loss.page
            lower = loss.lower
            upper = loss.upper
            reason = loss.reason
            let place = loss.page.map { ", page \($0)" } ?? ""
            var range = "all keys"
            if loss.includesUpper, let key = loss.upper {
                range = "the row of \(Self.text(key))"
            } else if loss.lower != nil || loss.upper != nil {
                range =
                    "keys from \(loss.lower.map(Self.text) ?? "the first") to "
                    + (loss.upper.map(Self.text) ?? "the last")
            }
            description = "\(loss.keyspace)\(place): \(range): \(loss.reason)"
        }

        /// A key as text, what is not printable in hexadecimal, and only the beginning of a long one.
        private static func text(_ key: [UInt8]) -> String {
            var text = ""
            for byte in key.prefix(40) {
                if byte >= 32 && byte < 127 && byte != UInt8(ascii: "\\") {
                    text += String(UnicodeScalar(byte))
                } else {
                    text += (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
                }
            }
            return "\"\(text)\"" + (key.count > 40 ? "..." : "")
        }
    }

    /// The keyspaces of the new database.
    public let keyspaces: [Keyspace]
    /// What is lost; empty if everything was there.
    public let losses: [Loss]
    /// Damaged pages whose rows were found all the same.
    public let bridged: [Loss]
    /// Why the redo could not be applied, so that what was written since the last checkpoint may be missing; nil if it
    /// was.
    public let unrecovered: RedoubtError?

    init(_ report: SalvageReport) {
        keyspaces = report.keyspaces.map { Keyspace(name: $0.name, rowCount: $0.rowCount) }
        losses = report.losses.map(Loss.init)
        bridged = report.bridged.map(Loss.init)
        unrecovered = report.unrecovered
    }
}

extension Keyspace {
    /// Gives `key` the value `value`, durable later; returns whether it had none.
    fileprivate func add(_ key: [UInt8], _ value: [UInt8]) throws(RedoubtError) -> Bool {
        try database.call { () throws(RedoubtError) in
            let result = unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
                unsafe try value.withBytes { (valueBytes) throws(RedoubtError) in
                    unsafe try tree.put(keyBytes, valueBytes)
                }
            }
            try database.settle(result.end, .deferred)
            return !result.existed
        }
    }
}

extension Database {
    /// Reads what is readable of the damaged database in the folder `path` into a new one in the folder `target`.
    ///
    /// Waits.
    ///
    /// The damaged database is not changed, not by a byte; nobody may have it open, or opens it meanwhile. What its
    /// recovery writes is kept in memory, and when it is much in a file in the folder `target` that has no name.
    ///
    /// - Parameter configuration: The options of the new database; its memory serves the reading as well.
    /// - Throws: `.notFound`; `.exists` if the folder `target` is not empty; `.alreadyOpen`; `.diskFull` and what else
    ///   keeps the new database from being written.
    public static func salvage(
        at path: String,
        to target: String,
        configuration: Configuration = Configuration()
    ) throws(RedoubtError) -> SalvageSummary {
        let storage = LinuxStorage(configuration.storage)
        let lock = try storage.shareLock(path + "/redoubt.lock")
        defer { withExtendedLifetime(lock) {} }
        return try salvage(at: path, to: target, configuration: configuration, storage: storage)
    }

    /// The same in `storage`, such as one in memory.
    ///
    /// Waits.
    public static func salvage(
        at path: String,
        to target: String,
        configuration: Configuration,
        storage: any Storage
    ) throws(RedoubtError) -> SalvageSummary {
        if try storage.exists(target), try !storage.list(target).isEmpty {
            throw RedoubtError(.exists, "the folder is not empty; name one that is, or that is not there", path: target)
        }
        // Before anything is made.
        try Salvage.requireFiles(storage, path)
        var salvage = Salvage(storage, path, to: target, configuration)
        var settings = configuration
        settings.createIfMissing = true
        var options = EngineOptions()
        options.usesBackgroundThreads = !Scheduling.isSimulated && storage is LinuxStorage
        options.usesLogThreads = options.usesBackgroundThreads
        let database = try open(at: target, configuration: settings, storage: storage, options: options)
        do throws(RedoubtError) {
            let report = try salvage.run { (name) throws(RedoubtError) in
                _ = try database.keyspace(named: name, createIfMissing: true)
            } _: { (name, key, value) throws(RedoubtError) in
                try database.keyspace(named: name).add(key, value)
            }
            try database.close()
            return SalvageSummary(report)
        } catch {
            // The first error is the one to tell.
            do throws(RedoubtError) { try database.close() } catch {}
            throw error
        }
    }

    /// Opens a database for looking at it, recovered in memory: not a byte of the folder is written, and every write
    /// throws `.readOnly`.
    ///
    /// Waits.
    ///
    /// For a database that was not closed, that stands on a medium that cannot be written, or that is damaged: reads
    /// that meet damage throw, the others go on. One that cannot be recovered, as its redo is damaged or missing, is
    /// refused: ``salvage(at:to:configuration:)`` reads what is left of it. What recovery writes takes memory until
    /// ``close()``; until then nobody can open it for writing.
    ///
    /// - Throws: as ``open(at:configuration:progress:)``, but nothing is created; `.alreadyOpen` while a process has
    ///   it open; `.systemLimit` if recovery takes too much memory.
    public static func openReadOnly(
        at path: String,
        configuration: Configuration = Configuration()
    ) throws(RedoubtError) -> Database {
        let storage = LinuxStorage(configuration.storage)
        let lock = try storage.shareLock(path + "/redoubt.lock")
        return try openReadOnly(at: path, configuration: configuration, storage: storage, lock: lock)
    }

    /// The same in `storage`, such as one in memory.
    ///
    /// Waits.
    public static func openReadOnly(
        at path: String,
        configuration: Configuration,
        storage: any Storage
    ) throws(RedoubtError) -> Database {
        try openReadOnly(at: path, configuration: configuration, storage: storage, lock: nil)
    }

    private static func openReadOnly(
        at path: String,
        configuration: Configuration,
        storage: any Storage,
        lock: (any AnyObject & Sendable)?
    ) throws(RedoubtError) -> Database {
        var settings = configuration
        settings.createIfMissing = false
        var options = EngineOptions()
        options.usesBackgroundThreads = false
        options.usesLogThreads = false
        let view = try Salvage.view(of: storage, path, lock: lock)
        do throws(RedoubtError) {
            let database = try open(at: path, configuration: settings, storage: view, options: options)
            database.isReadOnly = true
            do throws(RedoubtError) {
                try database.engine.refuseWrites()
            } catch {
                database.engine.forget()
                throw error
            }
            return database
        } catch {
            // The engine may say that it is fenced because there was no room for what it wrote.
            throw view.failure ?? error
        }
    }
}
