import Glibc
import Redoubt
import RedoubtCommands
import RedoubtCore

/// The command `load`.
extension Command {
    /// `load`.
    static let load = Command(
        name: "load",
        summary: "put the rows of a TSV or CSV file",
        operands: [path, Operand(name: "FILE", text: "the file; - is standard input")],
        options: [keyspace] + LoadFormat.options + [memory]
    ) { (arguments) throws(CommandFailure) in
        var loader = try Loader(arguments)
        return try loader.run()
    }
}

/// A load: reads rows, writes them in batches, and shows how far it is.
private struct Loader {
    /// Rows of a batch; well below the bound of a write batch with the smallest options.
    private static let rowCountMaximum = 256
    /// Bytes of a batch.
    private static let byteCountMaximum = 64 << 10

    private let arguments: Arguments
    private let file: InputFile
    private var rows: RowReader
    private let format: LoadFormat
    private var rowCount = 0
    private var rowCountOfBatch = 1
    private let start = Loader.seconds()
    private var lastShown = 0.0

    init(_ arguments: Arguments) throws(CommandFailure) {
        self.arguments = arguments
        format = try LoadFormat(arguments)
        file = try InputFile(arguments.operand("FILE"))
        rows = format.rows(of: file.bytes)
    }

    mutating func run() throws(CommandFailure) -> ExitCode {
        var configuration = Configuration()
        if let memory = try arguments.size("memory") { configuration.memory = memory }
        let path = arguments.operand("PATH")
        let name = arguments.option("keyspace") ?? "default"
        let database = try explaining { () throws(RedoubtError) in
            try Database.open(at: path, configuration: configuration)
        }
        let keyspace = try explaining { () throws(RedoubtError) in
            try database.keyspace(named: name, createIfMissing: true)
        }
        // A batch may change as many rows as a quarter of the frames, and a little less.
        let frames = try explaining { () throws(RedoubtError) in try database.statistics().frameCount }
        rowCountOfBatch = max(1, min(Self.rowCountMaximum, frames / 8))
        if format.hasHeader { _ = try rows.next() }
        do throws(CommandFailure) {
            while try writeBatch(database, keyspace) { show(isLast: false) }
        } catch {
            do throws(RedoubtError) { try database.close() } catch {}
            throw error
        }
        try explaining { () throws(RedoubtError) in
            try database.flush()
            try database.close()
        }
        show(isLast: true)
        return .success
    }

    /// Writes the next rows; returns false at the end of the file.
    private mutating func writeBatch(_ database: Database, _ keyspace: Keyspace) throws(CommandFailure) -> Bool {
        var batch = WriteBatch()
        var isAtEnd = false
        while batch.count < rowCountOfBatch, batch.byteCount < Self.byteCountMaximum {
            guard let row = try rows.next() else {
                isAtEnd = true
                break
            }
            try add(row, to: &batch, keyspace)
        }
        let count = batch.count
        if count > 0 {
            do throws(RedoubtError) {
                try database.write(batch, durability: .deferred)
            } catch {
                let place = "rows \(rows.rowNumber - count + 1) to \(rows.rowNumber)"
                throw CommandFailure(code: ExitCode(error), message: "\(place): \(error); \(rowCount) rows are loaded")
            }
        }
        rowCount += count
        return !isAtEnd
    }

    private func add(_ row: [[UInt8]], to batch: inout WriteBatch, _ keyspace: Keyspace) throws(CommandFailure) {
        let (key, value) = try format.keyAndValue(of: row, number: rows.rowNumber)
        do throws(RedoubtError) {
            try batch.put(key, value, in: keyspace)
        } catch {
            throw CommandFailure(code: ExitCode(error), message: "row \(rows.rowNumber): \(error)")
        }
    }

    /// Shows a bar on a terminal, and the figures at the end.
    private mutating func show(isLast: Bool) {
        let now = Self.seconds()
        guard isLast || (Output.isTerminal && now - lastShown > 0.1) else { return }
        lastShown = now
        let rate = Int(Double(rowCount) / max(now - start, 0.001))
        let figures = "\(rowCount) rows, \(rate) rows/s"
        guard Output.isTerminal else { return Output.complain("loaded \(figures)") }
        let share = isLast ? 1 : file.size == 0 ? 0 : min(1, Double(file.bytes.byteCount) / Double(file.size))
        let filled = Int(share * 30)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
        Output.progress("[\(bar)] \(Int(share * 100)) %  \(figures)", isLast: isLast)
    }

    private static func seconds() -> Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
