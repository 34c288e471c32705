/// What a file holds that is loaded, whatever its form: rows, and between them the names of databases.
package struct LoadItems {
    enum Source {
        case rows(RowReader)
        case json(JSONRowReader)
        case dump(DumpTextReader)
    }

    private var source: Source
    private let format: LoadFormat
    /// Whether nothing but the beginning of the file told its form, and nothing has been read of it.
    private var isGuess = false

    init(_ source: Source, _ format: LoadFormat) {
        self.source = source
        self.format = format
    }

    /// The same, of a file whose form only its first bytes told.
    var guessed: LoadItems {
        var copy = self
        copy.isGuess = true
        return copy
    }

    /// The number of the line, from 1, in which the row that was read last begins.
    package var lineNumber: Int {
        switch source {
        case .rows(let reader): reader.lineNumber
        case .json(let reader): reader.lineNumber
        case .dump(let reader): reader.lineNumber
        }
    }

    /// Returns what comes next, or nil at the end.
    ///
    /// - Throws: `.usage` if the file is not of its form; what the reading of the file throws.
    package mutating func next() throws(CommandFailure) -> DumpTextReader.Item? {
        switch source {
        case .rows(var reader):
            let row = try reader.next()
            source = .rows(reader)
            guard let row else { return nil }
            let (key, value) = try format.keyAndValue(of: row, line: reader.lineNumber)
            return .row(key: key, value: value)
        case .json(var reader):
            defer { source = .json(reader) }
            do throws(CommandFailure) {
                let row = try reader.next()
                isGuess = false
                return row.map { .row(key: $0.key, value: $0.value) }
            } catch {
                guard isGuess else { throw error }
                throw .usage("\(error.message); the file was taken for JSON as it begins with {, see --format")
            }
        case .dump(var reader):
            defer { source = .dump(reader) }
            return try reader.next()
        }
    }
}
