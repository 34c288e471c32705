import Redoubt
import RedoubtCore
import RedoubtSystem
import Synchronization

/// The process that is killed: several threads that write, and note what was acknowledged.
final class Worker: Sendable {
    private let folder: String
    private let threadCount: Int
    private let keyCount: Int
    private let failure = Mutex<String?>(nil)

    /// Reads the options.
    init(folder: String, options: Options) {
        self.folder = folder
        threadCount = options.number("threads") ?? 4
        keyCount = Self.keyCount(options)
    }

    /// How many keys a thread has.
    static func keyCount(_ options: Options) -> Int { options.has("small") ? 2000 : 20_000 }

    /// Writes until it is killed; returns only with an error.
    func run() throws {
        let database = try Database.open(at: folder + "/database", configuration: Self.configuration)
        var keyspaces: [Keyspace] = []
        for name in Workload.keyspaces { keyspaces.append(try database.keyspace(named: name, createIfMissing: true)) }
        let targets = keyspaces
        var threads: [EngineThread] = []
        for thread in 0..<threadCount {
            let writer = try Scheduling.start("writer-\(thread)") { [self] in
                do {
                    try write(Workload(thread: thread, keyCount: keyCount), to: targets, of: database)
                } catch {
                    failure.withLock { $0 = "\(error)" }
                }
            }
            threads.append(writer)
        }
        for thread in threads { Scheduling.join(thread) }
        throw Failure("the writers stopped: \(failure.withLock { $0 } ?? "for no reason")")
    }

    private func write(_ workload: Workload, to keyspaces: [Keyspace], of database: Database) throws {
        let path = Acknowledgements.path(folder, workload.thread)
        var number = try Acknowledgements.count(path)
        let side = try Acknowledgements(path)
        while failure.withLock({ $0 == nil }) {
            let changes = workload.changes(number)
            let durability = workload.durability(number)
            if changes.count == 1, let change = changes.first {
                let keyspace = keyspaces[change.keyspace]
                if let operation = change.value {
                    let value = workload.value(operation, key: change.key, keyspace: change.keyspace)
                    try keyspace.put(workload.key(change.key), value, durability: durability)
                } else {
                    try keyspace.delete(workload.key(change.key), durability: durability)
                }
            } else {
                var batch = WriteBatch()
                for change in changes {
                    let key = workload.key(change.key)
                    let keyspace = keyspaces[change.keyspace]
                    if let operation = change.value {
                        let value = workload.value(operation, key: change.key, keyspace: change.keyspace)
                        try batch.put(key, value, in: keyspace)
                    } else {
                        try batch.delete(key, in: keyspace)
                    }
                }
                try database.write(batch, durability: durability)
            }
            try side.append(number)
            number += 1
        }
    }

    /// Small enough that pages are written, read again and checkpointed all the time.
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(64)
        configuration.redoLog.capacity = .mebibytes(32)
        configuration.redoLog.bufferCapacity = .mebibytes(4)
        return configuration
    }
}
