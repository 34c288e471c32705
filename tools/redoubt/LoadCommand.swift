import Redoubt
import RedoubtCommands
import RedoubtCore

/// The command `load`.
extension Command {
    /// `load`.
    static let load = Command(
        name: "load",
        summary: "put the rows of a file of TSV, CSV or JSON lines, or of a dump",
        operands: [path, Operand(name: "FILE", text: "the file; - is standard input")],
        options: [
            Option(
                name: "keyspace",
                value: "NAME",
                text: "the keyspace; the name that a dump gives, or \"default\", if not given"
            )
        ] + LoadFormat.options + [memory]
    ) { (arguments) throws(CommandFailure) in
        let format = try LoadFormat(arguments)
        let file = try InputFile(arguments.operand("FILE"))
        return try withDatabase(arguments) { (database) throws(CommandFailure) in
            var loader = try Loader(arguments, database, file, format)
            return try loader.run()
        }
    }
}

/// A load: reads rows, writes them in batches, and shows how far it is.
private struct Loader {
    /// Rows of a batch; well below the bound of a write batch with the smallest options.
    private static let rowCountMaximum = 256
    /// Bytes of a batch.
    private static let byteCountMaximum = 64 << 10

    private let database: Database
    private let file: InputFile
    private var items: LoadItems
    private let wantedName: String?
    private var keyspace: Keyspace?
    private var databaseCount = 0
    private var rowCount = 0
    // The lines in which the rows of the batch begin, the first and the last.
    private var lines = 0...0
    private let rowCountOfBatch: Int
    private var progress = Progress("loaded")

    init(
        _ arguments: Arguments,
        _ database: Database,
        _ file: InputFile,
        _ format: LoadFormat
    ) throws(CommandFailure) {
        self.database = database
        self.file = file
        wantedName = arguments.option("keyspace")
        items = try format.items(of: file.bytes)
        // A batch may change as many rows as a quarter of the frames, and a little less.
        let frames = try explaining { () throws(RedoubtError) in try database.statistics().frameCount }
        rowCountOfBatch = max(1, min(Self.rowCountMaximum, frames / 8))
    }

    mutating func run() throws(CommandFailure) -> ExitCode {
        do throws(CommandFailure) {
            while try writeBatch() {
                if progress.isDue() { progress.show(rows: rowCount, bytes: file.bytes.byteCount, share: share) }
            }
        } catch {
            throw CommandFailure(code: error.code, message: "\(error.message); \(rowCount) rows are loaded")
        }
        // An empty file makes an empty keyspace, as before.
        if databaseCount == 0 { _ = try target() }
        try explaining { () throws(RedoubtError) in try database.flush() }
        progress.end(rows: rowCount, bytes: file.bytes.byteCount)
        return .success
    }

    /// The part of the file that is read, if its size is known.
    private var share: Double? {
        file.size == 0 ? nil : min(1, Double(file.bytes.byteCount) / Double(file.size))
    }

    /// Writes the next rows; returns false at the end of the file.
    private mutating func writeBatch() throws(CommandFailure) -> Bool {
        var batch = WriteBatch()
        var isAtEnd = false
        do throws(CommandFailure) {
            while batch.count < rowCountOfBatch, batch.byteCount < Self.byteCountMaximum {
                guard let item = try items.next() else {
                    isAtEnd = true
                    break
                }
                switch item {
                case .database(let name): try begin(name)
                case .row(let key, let value): try add(key, value, to: &batch)
                }
            }
        } catch {
            // What was read before counts.
            try write(batch)
            throw error
        }
        try write(batch)
        return !isAtEnd
    }

    private mutating func write(_ batch: consuming WriteBatch) throws(CommandFailure) {
        let count = batch.count
        guard count > 0 else { return }
        do throws(RedoubtError) {
            try database.write(batch, durability: .deferred)
        } catch {
            let place = count == 1 ? "line \(lines.lowerBound)" : "lines \(lines.lowerBound) to \(lines.upperBound)"
            throw CommandFailure(code: ExitCode(error), message: "\(place): \(error)")
        }
        rowCount += count
    }

    /// Goes on in the keyspace that the file calls `name`.
    private mutating func begin(_ name: String?) throws(CommandFailure) {
        databaseCount += 1
        if databaseCount > 1, wantedName != nil {
            let shown = name.map { "\"\($0)\"" } ?? "without a name"
            throw .usage(
                "the dump holds another database, \(shown); leave --keyspace out to load each under its own name"
            )
        }
        keyspace = try open(wantedName ?? name ?? "default")
    }

    private func open(_ name: String) throws(CommandFailure) -> Keyspace {
        try explaining { () throws(RedoubtError) in try database.keyspace(named: name, createIfMissing: true) }
    }

    private mutating func target() throws(CommandFailure) -> Keyspace {
        if let keyspace { return keyspace }
        let found = try open(wantedName ?? "default")
        keyspace = found
        return found
    }

    private mutating func add(_ key: [UInt8], _ value: [UInt8], to batch: inout WriteBatch) throws(CommandFailure) {
        let keyspace = try target()
        guard (1...3072).contains(key.count) else {
            throw .usage("line \(items.lineNumber) has a key of \(key.count) bytes; a key has 1 to 3072 bytes")
        }
        do throws(RedoubtError) {
            try batch.put(key, value, in: keyspace)
        } catch {
            throw CommandFailure(code: ExitCode(error), message: "line \(items.lineNumber): \(error)")
        }
        let first = batch.count == 1 ? items.lineNumber : lines.lowerBound
        lines = first...items.lineNumber
    }
}
