package import RedoubtCore
package import RedoubtSystem

/// Reads what is readable of a damaged database; see the folder's README.
package struct Salvage {
    /// What receives rows, and returns whether one is the first of its key; else it takes the place of the one before.
    package typealias Body = (_ keyspace: String, _ key: [UInt8], _ value: [UInt8]) throws(RedoubtError) -> Bool

    private let storage: any Storage
    private let path: String
    private let configuration: Configuration
    private let spillPath: String
    private var report = SalvageReport()

    /// The bytes that recovery may write in memory if there is no file for more.
    private static var viewByteCount: Int { 1 << 30 }
    /// The same if there is one.
    private static var spillingViewByteCount: Int { 64 << 20 }

    /// Prepares to read the database in the folder `path` of `storage`; what recovery writes beyond some memory goes to
    /// a file without a name in the folder `target`.
    package init(_ storage: any Storage, _ path: String, to target: String, _ configuration: Configuration) {
        self.storage = storage
        self.path = path
        self.configuration = configuration
        spillPath = DatabaseFiles.path(target, "salvage.spill")
    }

    /// Throws `.notFound` if no file of a database is in the folder `path` of `storage`.
    ///
    /// Waits.
    package static func requireFiles(_ storage: any Storage, _ path: String) throws(RedoubtError) {
        if try storage.exists(path), try storage.list(path).contains(where: { DatabaseFiles.space(ofFile: $0) != nil })
        {
            return
        }
        throw RedoubtError(.notFound, "there is no file of a database here; correct the path", path: path)
    }

    /// Returns a view of every file in the folder of a database.
    ///
    /// - Parameters:
    ///   - spillPath: where a file is made for what is written beyond some memory; nil for none.
    ///   - lock: what keeps others from the files; it goes to the one who locks the view.
    /// - Throws: `.notFound` if there is no such folder.
    package static func view(
        of storage: any Storage,
        _ path: String,
        spillPath: String? = nil,
        lock: (any AnyObject & Sendable)? = nil
    ) throws(RedoubtError) -> StorageView {
        guard try storage.exists(path) else {
            throw RedoubtError(.notFound, "there is no such folder; correct the path", path: path)
        }
        var paths: [String] = []
        for name in try storage.list(path) where name != DatabaseFiles.lockName {
            let isFolder = name == DatabaseFiles.redoDirectory || name == DoublewriteFile.directoryName
            if isFolder {
                let folder = DatabaseFiles.path(path, name)
                paths += try storage.list(folder).map { DatabaseFiles.path(folder, $0) }
            } else if DatabaseFiles.space(ofFile: name) != nil {
                paths.append(DatabaseFiles.path(path, name))
            }
        }
        let sources = paths.map { StorageView.Source(path: $0, origin: $0) }
        return StorageView(
            of: storage,
            sources,
            byteCountMaximum: spillPath == nil ? viewByteCount : spillingViewByteCount,
            spillPath: spillPath,
            lock: lock
        )
    }

    /// Hands every row that can be read to `body`; `begin` is told the name of each keyspace before its rows.
    ///
    /// Waits.
    ///
    /// - Returns: what was found and what is lost.
    /// - Throws: `.notFound` if no file of a database is there, what `body` throws, and errors of the system.
    package mutating func run(
        begin: (String) throws(RedoubtError) -> Void = { _ in },
        _ body: @escaping Body
    ) throws(RedoubtError) -> SalvageReport {
        let view = try recovered()
        let files = try view.list(path).compactMap { name in DatabaseFiles.space(ofFile: name).map { ($0, name) } }
        guard !files.isEmpty else {
            throw RedoubtError(.notFound, "there is no file of a database here; correct the path", path: path)
        }
        let names = try names(view)
        for (id, name) in files.sorted(by: { $0.0 < $1.0 }) where id != .catalog {
            guard let keyspace = names.keyspace(id, file: name) else { continue }
            try begin(keyspace)
            try salvage(view, id, name, keyspace) { (key, value) throws(RedoubtError) in
                try body(keyspace, key, value)
            }
        }
        let present = Set(files.map(\.0))
        for (id, name) in names.known.sorted(by: { $0.key < $1.key }) where !present.contains(id) {
            report.losses.append(SalvageReport.Loss(keyspace: name, reason: "the file of the keyspace is missing"))
        }
        return report
    }

    /// Returns the files as recovery leaves them, or as they are if there can be none.
    private mutating func recovered() throws(RedoubtError) -> StorageView {
        let view = try Self.view(of: storage, path, spillPath: spillPath)
        var options = EngineOptions()
        options.usesBackgroundThreads = false
        options.usesLogThreads = false
        var settings = configuration
        settings.createIfMissing = false
        do throws(RedoubtError) {
            let engine = try Engine.open(path: path, configuration: settings, storage: view, options: options)
            defer { engine.forget() }
            try engine.checkpoint()
            return view
        } catch {
            // The engine may say that it is fenced because there was no room for what it wrote.
            if let failure = view.failure { throw failure }
            if error.code == .systemLimit || error.code == .invalidConfiguration { throw error }
            report.unrecovered = error
            // What the attempt has written is forgotten with its view.
            return try Self.view(of: storage, path)
        }
    }

    private mutating func salvage(
        _ view: StorageView,
        _ id: SpaceID,
        _ name: String,
        _ keyspace: String,
        _ body: @escaping TreeSalvage.Body
    ) throws(RedoubtError) {
        let file = try view.open(DatabaseFiles.path(path, name), role: .data, creating: false, readOnly: true)
        var tree = TreeSalvage(try SalvageFile(file, id), keyspace: keyspace, body)
        try tree.run()
        report.keyspaces.append(SalvageReport.Keyspace(name: keyspace, rowCount: tree.rowCount))
        report.losses += tree.losses
        report.bridged += tree.bridged
    }

    // MARK: Names

    /// What keyspaces are called.
    private struct Names {
        var known: [SpaceID: String] = [:]
        /// Whether rows of the catalog may be missing.
        var areIncomplete = false

        /// The name of the keyspace in `file`, nil if nobody wants it.
        func keyspace(_ id: SpaceID, file: String) -> String? {
            if let name = known[id] {
                let isName = (try? CatalogEntry.checkName(name)) != nil
                return isName ? name : Self.substitute("renamed", file)
            }
            return areIncomplete ? Self.substitute("lost", file) : nil
        }

        /// A name that every keyspace can have, for the one in `file`; other files give other names, by their numbers.
        private static func substitute(_ word: String, _ file: String) -> String {
            let bytes = file.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "_") }
            let room = CatalogEntry.nameByteCountMaximum - word.utf8.count - 1
            return word + " " + String(decoding: bytes.suffix(room), as: UTF8.self)
        }
    }

    private mutating func names(_ view: StorageView) throws(RedoubtError) -> Names {
        var names = Names()
        let place = DatabaseFiles.path(path, DatabaseFiles.catalogName)
        guard try view.exists(place) else {
            report.losses.append(SalvageReport.Loss(keyspace: "the catalog", reason: "the file is missing"))
            names.areIncomplete = true
            return names
        }
        let file = try view.open(place, role: .data, creating: false, readOnly: true)
        let found = NameCollector()
        var tree = TreeSalvage(try SalvageFile(file, .catalog), keyspace: "the catalog") { (key, value) in
            found.add(key, value)
            return true
        }
        try tree.run()
        names.known = found.names
        names.areIncomplete = !tree.losses.isEmpty
        report.losses += tree.losses
        report.bridged += tree.bridged
        return names
    }
}

/// The rows of a catalog.
private final class NameCollector {
    private(set) var names: [SpaceID: String] = [:]
    private var revisions: [SpaceID: UInt64] = [:]

    func add(_ key: [UInt8], _ value: [UInt8]) {
        guard let name = String(validating: key, as: UTF8.self), let entry = CatalogEntry.decode(value) else { return }
        // Of two rows of one space the newer one.
        guard revisions[entry.id].map({ $0 < entry.revision }) ?? true else { return }
        names[entry.id] = name
        revisions[entry.id] = entry.revision
    }
}
