public import RedoubtSimulation

/// A failure in a few lines: what to do, under which schedule, when the power is cut and what the disk keeps.
///
///     siege 1 a store without syncs
///     create "a"
///     put "a" "key 7" "value 12 "+591x2E
///     batch put "a" "x" ""; delete "a" "key 7"
///     range "a" "b" "z"
///     rename "a" "b"
///     drop "b"
///     checkpoint
///     seed 7
///     crash 41 paranoid keep 38 40:0-2
///     found the content is that after [3] commits
///
/// The first line has the version of the form and the name of the program. Bytes are in quotes, with `\\`, `\"` and
/// `\xHH`; `591x2E` are 591 bytes 2E, and `+` joins parts. The line `crash` is a ``RedoubtSimulation/CrashCut``; it is
/// not there if the program itself fails. The last line is for people.
public struct Reproducer: Sendable, Hashable {
    /// The version of the form.
    public static let version = 1
    /// The lines that a shrunk failure should not exceed.
    public static let lineLimit = 10
    /// The most bytes of text, and of keys and values, that are taken.
    public static let byteLimit = 64 << 20

    /// The program, on one line.
    public var program: String
    /// What it does; those that do not fit the content are left out.
    public var operations: [Workload.Operation]
    /// The seed of the schedule.
    public var seed: UInt64
    /// The power cut; nil if the program itself fails.
    public var cut: CrashCut?
    /// What was wrong.
    public var finding: String?

    /// Creates a reproducer.
    public init(
        program: String,
        operations: [Workload.Operation],
        seed: UInt64,
        cut: CrashCut? = nil,
        finding: String? = nil
    ) {
        self.program = program
        self.operations = operations
        self.seed = seed
        self.cut = cut
        self.finding = finding
    }

    /// The lines.
    public var lines: [String] {
        ["siege \(Self.version) \(Self.oneLine(program))"] + operations.map(ReproducerText.line) + ["seed \(seed)"]
            + (cut.map { ["crash \($0)"] } ?? []) + (finding.map { ["found \(Self.oneLine($0))"] } ?? [])
    }

    private static func oneLine(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : Character($0) })
    }

    /// Reads a reproducer from its text.
    public init(parsing text: String) throws(ReproducerError) {
        guard text.utf8.count <= Self.byteLimit else { throw ReproducerError(line: 1, "too long") }
        var lineNumber = 1
        for byte in text.utf8 {
            if byte == 10 { lineNumber += 1 }
            guard byte == 10 || (byte >= 32 && byte != 127) else {
                throw ReproducerError(line: lineNumber, "a control character")
            }
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while lines.last?.isEmpty ?? false { lines.removeLast() }
        let count = lines.count
        let head = lines.popFirst() ?? ""
        guard head.hasPrefix("siege ") else { throw ReproducerError(line: 1, "does not begin with \"siege\"") }
        let rest = head.dropFirst(6)
        guard rest.prefix(while: { $0 != " " }) == "\(Self.version)" else {
            throw ReproducerError(line: 1, "is of version \(rest.prefix(10)); this program knows \(Self.version)")
        }
        self.init(program: String(rest.dropFirst(2)), operations: [], seed: 0)
        var room = Self.byteLimit
        var hasSeed = false
        while let line = lines.popFirst() {
            let number = count - lines.count
            if let word = Self.word(after: "seed ", in: line) {
                guard !hasSeed, word.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let seed = UInt64(word) else {
                    throw ReproducerError(line: number, "no seed, or a second one")
                }
                self.seed = seed
                hasSeed = true
            } else if let word = Self.word(after: "crash ", in: line) {
                guard hasSeed, cut == nil, let read = CrashCut(String(word)) else {
                    throw ReproducerError(line: number, "no power cut, or not where it belongs")
                }
                cut = read
            } else if let word = Self.word(after: "found ", in: line) {
                guard hasSeed, finding == nil else { throw ReproducerError(line: number, "\"found\" is out of place") }
                finding = String(word)
            } else {
                guard !hasSeed else { throw ReproducerError(line: number, "an operation behind the seed") }
                operations.append(try ReproducerText.operation(line, number: number, room: &room))
            }
        }
        guard hasSeed else { throw ReproducerError(line: max(1, count), "there is no seed") }
    }

    private static func word(after prefix: String, in line: Substring) -> Substring? {
        line.hasPrefix(prefix) ? line.dropFirst(prefix.count) : nil
    }
}

extension Reproducer: CustomStringConvertible {
    /// The text; a line each.
    public var description: String { lines.joined(separator: "\n") }
}

/// Why a text is no reproducer.
public struct ReproducerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The line, from 1.
    public let line: Int
    /// What is wrong with it.
    public let message: String

    init(line: Int, _ message: String) {
        self.line = line
        self.message = message
    }

    /// Both in one line.
    public var description: String { "line \(line) of the reproducer: \(message)" }
}
