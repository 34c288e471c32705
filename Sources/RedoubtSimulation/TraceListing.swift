/// A trace as lines for a person: what happened when, where, how much of it, and what it was.
public struct TraceListing: Sendable {
    /// Says what bytes are that were written to `offset` of the file at `path`, in a few words; nil if it cannot tell.
    public typealias Describe = (_ path: String, _ offset: UInt64, _ bytes: [UInt8]) -> String?

    /// One event.
    public struct Row: Sendable {
        /// The number of the event.
        public let number: Int
        /// The number of the file that it is about; nil if it is about none.
        public let file: Int?
        /// The name of the file or directory; empty if it is about none.
        public let path: String
        /// What was done, in a word or two.
        public let what: String
        /// Where in the file.
        public var offset: UInt64?
        /// How many bytes; the size of the file for one that grows or is cut.
        public var byteCount: UInt64?
        /// What the bytes are, or what was said.
        public var meaning = ""
        /// What the crash left of it, if it was uncertain then.
        public var outcome = ""
    }

    /// The events in their order.
    public let rows: [Row]
    /// The number of events before the power cut; nil if there is none.
    public let point: Int?
    private let heading: [String]

    /// Makes the lines of `trace`.
    public init(_ trace: TraceFile, describe: Describe = { _, _, _ in nil }) {
        var names = TraceNames(trace.start)
        var outcomes: [Int: String] = [:]
        for change in trace.scene?.changes ?? [] { outcomes[change.event] = change.outcome }
        rows = trace.events.enumerated().map { number, event in
            names.record(event)
            var row = names.row(number, event, describe)
            row.outcome = outcomes[number] ?? ""
            return row
        }
        point = trace.crash?.cut.point
        let ioCount = trace.events.count { $0.isIO }
        let markCount = trace.events.count { if case .mark = $0 { true } else { false } }
        let sum = "\(rows.count) events (\(ioCount) of I/O, \(markCount) marks)"
        heading =
            ["siege trace of seed \(trace.seed), \(sum)"] + (trace.text.isEmpty ? [] : [trace.text])
            + (trace.crash.map(Self.lines) ?? [])
    }

    private static func lines(_ crash: TraceFile.Crash) -> [String] {
        let allowed = "\(crash.allowed.lowerBound)...\(crash.allowed.upperBound)"
        return ["crash \(crash.cut)", "found \(crash.finding)", "allowed commits \(allowed)"]
    }

    /// The lines: what was run, then the columns number, outcome of the crash, file, what, offset, length, meaning.
    public var lines: [String] {
        let nameWidth = min(48, rows.map(\.path.count).max() ?? 0)
        let outcomeWidth = rows.map(\.outcome.count).max() ?? 0
        var lines = heading
        for row in rows {
            if row.number == point { lines.append(Self.cutLine) }
            let columns = [
                Self.right("\(row.number)", 6), Self.left(row.outcome, outcomeWidth),
                Self.left(row.path.isEmpty ? "-" : row.path, nameWidth), Self.left(row.what, 14),
                Self.right(row.offset.map { "\($0)" } ?? "", 10), Self.right(row.byteCount.map { "\($0)" } ?? "", 8),
                row.meaning,
            ]
            let line = columns.filter { !$0.isEmpty }.joined(separator: "  ")
            lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
        }
        if point == rows.count { lines.append(Self.cutLine) }
        return lines
    }

    private static let cutLine = "------  power cut " + String(repeating: "-", count: 60)

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

/// The names of files while a trace goes on.
struct TraceNames {
    /// The last name of each file.
    private var names: [Int: String] = [:]

    init(_ start: DiskImage) {
        for path in start.paths {
            if let file = start.file(at: path) { names[file] = path }
        }
    }

    mutating func record(_ event: SimulatedEvent) {
        switch event {
        case .change(.create(let path, let file)), .change(.rename(_, let path, let file)): names[file] = path
        default: break
        }
    }

    func name(_ file: Int) -> String { names[file] ?? "file \(file)" }

    func row(_ number: Int, _ event: SimulatedEvent, _ describe: TraceListing.Describe) -> TraceListing.Row {
        func row(_ file: Int?, _ path: String, _ what: String) -> TraceListing.Row {
            TraceListing.Row(number: number, file: file, path: path, what: what)
        }
        switch event {
        case .change(let change): return self.row(number, change, "", describe)
        case .start(let change): return self.row(number, change, "begin ", describe)
        case .finish(let sequence):
            var result = row(nil, "", "end")
            result.meaning = "of \(sequence)"
            return result
        case .sync(let file): return row(file, name(file), "sync")
        case .syncFailed(let file): return row(file, name(file), "sync FAILED")
        case .syncAbandoned(let file, let aftermath):
            var result = row(file, name(file), "sync FAILED")
            result.meaning = "\(aftermath)"
            return result
        case .syncDirectory(let path): return row(nil, path, "sync")
        case .syncDirectoryFailed(let path): return row(nil, path, "sync FAILED")
        case .mark(.issued(let commit)): return marked(row(nil, "", "issued"), "commit \(commit)")
        case .mark(.acknowledged(let commit)): return marked(row(nil, "", "acknowledged"), "commit \(commit)")
        case .mark(.note(let text)): return marked(row(nil, "", "note"), text)
        }
    }

    private func marked(_ row: TraceListing.Row, _ meaning: String) -> TraceListing.Row {
        var row = row
        row.meaning = meaning
        return row
    }

    private func row(
        _ number: Int,
        _ change: StorageChange,
        _ prefix: String,
        _ describe: TraceListing.Describe
    ) -> TraceListing.Row {
        let file = change.contentFile
        func row(_ file: Int?, _ path: String, _ what: String) -> TraceListing.Row {
            TraceListing.Row(number: number, file: file, path: path, what: prefix + what)
        }
        switch change {
        case .write(_, let offset, let bytes), .atomicWrite(_, let offset, let bytes):
            let path = name(file ?? 0)
            var isAtomic = false
            if case .atomicWrite = change { isAtomic = true }
            var result = row(file, path, isAtomic ? "atomic write" : "write")
            result.offset = offset
            result.byteCount = UInt64(bytes.count)
            result.meaning = describe(path, offset, bytes) ?? ""
            return result
        case .extend(let file, let size), .truncate(let file, let size):
            var isGrowing = false
            if case .extend = change { isGrowing = true }
            var result = row(file, name(file), isGrowing ? "extend to" : "cut to")
            result.byteCount = size
            return result
        case .create(let path, let file): return row(file, path, "create")
        case .remove(let path): return row(nil, path, "remove")
        case .createDirectory(let path): return row(nil, path, "make directory")
        case .rename(let source, let target, let file): return marked(row(file, target, "rename"), "from \(source)")
        }
    }
}
