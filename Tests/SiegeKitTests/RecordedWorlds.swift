import Redoubt
import RedoubtSimulation
import RedoubtSystem
import SiegeKit

/// Runs that tests look at.
enum RecordedWorlds {
    /// A store with `mistake`, recorded.
    static func store(_ mistake: LogStore.Mistake) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let outcome = InlineScheduler().run { () -> Result<Void, any Error> in
            Result { try LogStore.write(SiegeWorld(storage), mistake) }
        }
        try outcome.get()
        return storage
    }

    /// The trace of a store with `mistake`, and the crash that shows it.
    static func failedStore(_ mistake: LogStore.Mistake, seed: UInt64 = 1) throws -> TraceFile {
        let storage = try store(mistake)
        var options = CrashExplorer.Options()
        options.seed = seed
        let report = CrashExplorer(storage, options: options).judge(threadCount: 1) { state in
            [try LogStore.recover(state.storage, mistake)]
        }
        let text = "a store of \(LogStore.count) records with the mistake \(mistake)"
        return TraceFile(storage, seed: seed, text: text, crash: report.failures.first.map(TraceFile.Crash.init))
    }

    /// A database on which a few rows are written, recorded on the disk of one that was closed before.
    static func database() throws -> SimulatedStorage {
        let empty = SimulatedStorage(options: .judging)
        try open(empty) { database in
            let rows = try database.createKeyspace("rows")
            for number in 1...20 { try rows.put("row \(number)", [UInt8](repeating: UInt8(number), count: 900)) }
        }
        let storage = SimulatedStorage(empty.image)
        try open(storage) { database in
            let rows = try database.keyspace(named: "rows")
            for number in 1...6 {
                storage.mark(.issued(number))
                try rows.put("new \(number)", [UInt8](repeating: UInt8(number), count: 900), durability: .flushed)
                storage.mark(.acknowledged(number))
            }
            try database.checkpoint()
        }
        return storage
    }

    private static func open(_ storage: SimulatedStorage, _ body: @escaping @Sendable (Database) throws -> Void) throws
    {
        let outcome = SimulatedScheduler(seed: 1).run { () -> Result<Void, any Error> in
            Result {
                var small = Configuration()
                small.memory = .mebibytes(8)
                small.redoLog.capacity = .mebibytes(2)
                small.redoLog.bufferCapacity = .kibibytes(256)
                let database = try Database.open(at: "/db", configuration: small, storage: storage)
                try body(database)
                try database.close()
            }
        }
        try outcome.get()
    }
}
