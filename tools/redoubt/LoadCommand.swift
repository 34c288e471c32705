import Glibc
import Redoubt
import RedoubtCore

/// The command `load`.
extension Command {
    /// `load`.
    static let load = Command(
        name: "load",
        summary: "put the rows of a TSV or CSV file",
        operands: [path, Operand(name: "FILE", text: "the file; - is standard input")],
        options: [
            keyspace,
            Option(name: "format", value: "FORMAT", text: "tsv or csv; by the name of the file if not given"),
            Option(name: "key", value: "N", text: "the column that is the key, from 1; 1 if not given"),
            Option(name: "value", value: "N", text: "the column that is the value; all others, by tabs, if not given"),
            Option(name: "separator", value: "CHAR", text: "what stands between columns"),
            Option(name: "header", value: nil, text: "the first row names the columns"),
            memory,
        ]
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
    private let keyColumn: Int
    private let valueColumn: Int?
    private var rowCount = 0
    private var rowCountOfBatch = 1
    private let start = Loader.seconds()
    private var lastShown = 0.0

    init(_ arguments: Arguments) throws(CommandFailure) {
        self.arguments = arguments
        let path = arguments.operand("FILE")
        let name = arguments.option("format") ?? (path.hasSuffix(".csv") ? "csv" : "tsv")
        guard let format = RowReader.Format(rawValue: name) else {
            throw .usage("--format is \"\(name)\"; it must be tsv or csv")
        }
        let separator = arguments.option("separator").map { Array($0.utf8) }
        guard separator.map({ $0.count == 1 }) ?? true else { throw .usage("--separator must be one ASCII character") }
        file = try InputFile(path)
        rows = RowReader(file, format: format, separator: separator?[0])
        keyColumn = (try arguments.number("key", in: 1...100_000) ?? 1) - 1
        valueColumn = try arguments.number("value", in: 1...100_000).map { $0 - 1 }
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
        if arguments.has("header") { _ = try rows.next() }
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
        guard keyColumn < row.count, (valueColumn ?? 0) < row.count else {
            let wanted = max(keyColumn, valueColumn ?? 0) + 1
            throw .usage("row \(rows.rowNumber) has \(row.count) columns; column \(wanted) was asked for")
        }
        var value: [UInt8] = []
        if let valueColumn {
            value = row[valueColumn]
        } else {
            var isFirst = true
            for (index, column) in row.enumerated() where index != keyColumn {
                if !isFirst { value.append(UInt8(ascii: "\t")) }
                value += column
                isFirst = false
            }
        }
        do throws(RedoubtError) {
            try batch.put(row[keyColumn], value, in: keyspace)
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
        let share = isLast ? 1 : file.size == 0 ? 0 : min(1, Double(file.byteCount) / Double(file.size))
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
