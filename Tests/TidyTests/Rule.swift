import Testing

/// One thing that a file does against the rules.
struct Violation: CustomStringConvertible, Equatable {
    /// The file.
    let path: String
    /// The line, from 1; 0 for the whole file.
    let line: Int
    /// What is wrong, and what to do instead.
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// A rule that each file must follow by itself.
struct Rule: Sendable, CustomTestStringConvertible {
    /// The name, for the report.
    let name: String
    /// Whether the rule is for `file`.
    let applies: @Sendable (SourceFile) -> Bool
    /// The violations in `file`.
    let check: @Sendable (SourceFile) -> [Violation]
    /// A file that breaks the rule exactly once.
    let bad: (path: String, text: String)
    /// A file that comes close without breaking it.
    let good: (path: String, text: String)

    var testDescription: String { name }
}

extension Rule {
    /// Every rule for single files.
    static let all: [Rule] = [
        fileLength, lineLength, ascii, noMarkers, noWorkplace, noFoundation, onlySystemTouchesTheSystem, noVagueNames,
        functionLength, documentation, scriptLength,
    ]
}
