import Redoubt
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem

/// A database on a simulated disk, and the model of what it must hold.
struct EngineClient: ~Copyable {
    static let path = "/db"

    /// The smallest database: every limit is near.
    static let configuration = {
        var configuration = Configuration()
        configuration.memory = .mebibytes(8)
        configuration.redoLog.capacity = .mebibytes(2)
        configuration.redoLog.fileCount = 4
        configuration.redoLog.bufferCapacity = .kibibytes(256)
        // So small that the doublewrite ring is full again and again.
        configuration.flushing.doublewriteBatchPages = 2
        return configuration
    }()

    let storage: SimulatedStorage
    let database: Database
    private let durability: CrashProfile.Durabilities
    private(set) var model: ReferenceModel
    private var operationCount = 0

    /// Opens the database on `storage`, which has the content of `model`.
    init(
        _ storage: SimulatedStorage,
        model: ReferenceModel,
        durability: CrashProfile.Durabilities,
        doublewrite: Configuration.Doublewrite = .on,
        hasThreads: Bool = true,
        comparesPages: Bool = false
    ) throws(RedoubtError) {
        self.storage = storage
        self.model = model
        self.durability = durability
        database = try Self.open(
            storage,
            doublewrite: doublewrite,
            hasThreads: hasThreads,
            comparesPages: comparesPages
        )
    }

    /// Goes on as after a kill of the process: a new database on what it leaves.
    consuming func killed(_ doublewrite: Configuration.Doublewrite) throws(RedoubtError) -> EngineClient {
        let left = storage.killed()
        // What the killed process does after that concerns nobody.
        try database.close()
        left.mark(.note(FlushTrace.killed))
        return try EngineClient(left, model: model, durability: durability, doublewrite: doublewrite)
    }

    /// Opens the database on `storage`; without threads the caller does everything, and with `comparesPages` the redo
    /// holds an image of each changed page, which recovery compares with what it made of the page.
    static func open(
        _ storage: SimulatedStorage,
        doublewrite: Configuration.Doublewrite = .on,
        hasThreads: Bool = true,
        comparesPages: Bool = false
    ) throws(RedoubtError) -> Database {
        var configuration = configuration
        configuration.flushing.doublewrite = doublewrite
        var options = EngineOptions()
        if comparesPages {
            configuration.redoLog.capacity = .mebibytes(64)
            configuration.redoLog.bufferCapacity = .mebibytes(4)
            options.logsPageImages = true
        }
        options.usesBackgroundThreads = hasThreads
        options.usesLogThreads = hasThreads
        // For `FlushTrace`.
        if storage.options.isRecording { options.flushListObserver = { storage.mark(.note($0.description)) } }
        return try Database.open(at: path, configuration: configuration, storage: storage, options: options)
    }

    /// Does `operation` with marks around it; the model has it before it is begun.
    mutating func perform(_ operation: Workload.Operation) throws(RedoubtError) {
        operationCount += 1
        switch operation {
        case .checkpoint:
            storage.mark(.note("checkpoint"))
            return try database.checkpoint()
        case .write(let changes):
            let batch = try prepared(changes)
            model.commit(changes)
            try acknowledge { (database) throws(RedoubtError) in try batch(database) }
        case .structure(let change):
            model.commit([change])
            try acknowledge { (database) throws(RedoubtError) in
                switch change {
                case .createKeyspace(let name): _ = try database.createKeyspace(name)
                case .dropKeyspace(let name): try database.dropKeyspace(name)
                case .renameKeyspace(let name, let newName): try database.renameKeyspace(name, to: newName)
                case .put, .delete: preconditionFailure("\(change) is no change of a keyspace")
                }
            }
        case .deleteRange(let name, let from, let to):
            let keyspace = try database.keyspace(named: name)
            for key in model.keys(in: name) {
                let isInside = !key.lexicographicallyPrecedes(from) && key.lexicographicallyPrecedes(to)
                if isInside { model.commit([.delete(keyspace: name, key: key)]) }
            }
            let durability = presentDurability
            try acknowledge { (_) throws(RedoubtError) in
                _ = try keyspace.deleteRange(KeyRange(from: from, to: to), durability: durability)
            }
        }
    }

    /// What the commit of the operation under way waits for.
    private var presentDurability: Durability {
        switch durability {
        case .written: .written
        case .flushed: .flushed
        case .mixed: operationCount % 3 == 0 ? .flushed : .written
        }
    }

    /// Returns what writes `changes` as one commit; handles are found before, so that it is nothing but the write.
    private func prepared(
        _ changes: [ReferenceModel.Change]
    ) throws(RedoubtError) -> (Database) throws(RedoubtError) -> Void {
        let durability = presentDurability
        var handles: [String: Keyspace] = [:]
        for change in changes {
            switch change {
            case .put(let name, _, _), .delete(let name, _):
                if handles[name] == nil { handles[name] = try database.keyspace(named: name) }
            case .createKeyspace, .dropKeyspace, .renameKeyspace: preconditionFailure("\(change) in a batch")
            }
        }
        let keyspaces = handles
        return { (database) throws(RedoubtError) in
            var batch = WriteBatch()
            for change in changes {
                switch change {
                case .put(let name, let key, let value):
                    guard let keyspace = keyspaces[name] else { continue }
                    if changes.count == 1 { return try keyspace.put(key, value, durability: durability) }
                    try batch.put(key, value, in: keyspace)
                case .delete(let name, let key):
                    guard let keyspace = keyspaces[name] else { continue }
                    if changes.count == 1 {
                        _ = try keyspace.delete(key, durability: durability)
                        return
                    }
                    try batch.delete(key, in: keyspace)
                case .createKeyspace, .dropKeyspace, .renameKeyspace: continue
                }
            }
            try database.write(batch, durability: durability)
        }
    }

    private func acknowledge(_ body: (Database) throws(RedoubtError) -> Void) throws(RedoubtError) {
        storage.mark(.issued(model.commitCount))
        try body(database)
        if presentDurability == .flushed { storage.mark(.acknowledged(model.commitCount)) }
    }

    /// Returns every row of `database` by keyspace.
    static func content(of database: Database) throws(RedoubtError) -> [String: ReferenceModel.Rows] {
        var content: [String: ReferenceModel.Rows] = [:]
        for name in try database.keyspaceNames() {
            var rows: ReferenceModel.Rows = [:]
            var cursor = try database.keyspace(named: name).cursor()
            var isOnRow = try cursor.first()
            while isOnRow {
                rows[cursor.key] = cursor.value
                isOnRow = try cursor.next()
            }
            cursor.close()
            content[name] = rows
        }
        return content
    }

    /// Returns the hash of every row of `database`, comparable with those of the model.
    static func contentHash(of database: Database) throws(RedoubtError) -> UInt64 {
        var hash = ContentHash()
        for name in try database.keyspaceNames() {
            var cursor = try database.keyspace(named: name).cursor()
            var isOnRow = try cursor.first()
            while isOnRow {
                hash.add(key: cursor.key, value: cursor.value)
                isOnRow = try cursor.next()
            }
            cursor.close()
            hash.finish(keyspace: name)
        }
        return hash.value
    }
}
