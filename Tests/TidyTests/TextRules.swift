/// Rules about the text of a file.
extension Rule {
    /// At most 500 lines.
    static let fileLength = Rule(
        name: "a source file has at most 500 lines",
        applies: { $0.isSwift || $0.path.hasSuffix(".c") || $0.path.hasSuffix(".h") || $0.path.hasSuffix(".py") },
        check: { file in
            let count = file.lines.count
            if count <= 501 { return [] }
            return [Violation(path: file.path, line: 0, message: "\(count) lines; split it by concern, at most 500")]
        },
        bad: ("Sources/A/B.swift", String(repeating: "\n", count: 501)),
        good: ("Sources/A/B.swift", String(repeating: "\n", count: 500)),
    )

    /// At most 120 columns.
    static let lineLength = Rule(
        name: "a line has at most 120 columns",
        applies: { $0.isSwift || $0.path.hasSuffix(".c") || $0.path.hasSuffix(".h") || isScript($0) },
        check: { file in
            file.lines.enumerated().filter { $0.element.count > 120 }.map { line in
                let message = "\(line.element.count) columns; at most 120"
                return Violation(path: file.path, line: line.offset + 1, message: message)
            }
        },
        bad: ("Sources/A/B.swift", "//" + String(repeating: "x", count: 119)),
        good: ("Sources/A/B.swift", "//" + String(repeating: "x", count: 118)),
    )

    /// Nothing outside ASCII.
    static let ascii = Rule(
        name: "text is ASCII",
        applies: { file in file.name != "LICENSE" },
        check: { file in
            file.lines.enumerated().filter { $0.element.contains { $0 > 126 || $0 < 32 } }.map { line in
                Violation(path: file.path, line: line.offset + 1, message: "a byte outside printable ASCII")
            }
        },
        bad: ("Sources/A/B.swift", "let a = 1\n// caf\u{e9}"),
        good: ("Sources/A/B.swift", "let a = \"caf\\u{e9}\""),
    )

    /// Nothing left for later.
    static let noMarkers = Rule(
        name: "nothing is left for later",
        applies: { _ in true },
        check: { file in
            find(["TO" + "DO", "FIX" + "ME", "XX" + "X:"], in: file, "finish it, or open an issue")
        },
        bad: ("Sources/A/B.swift", "// TO" + "DO: more"),
        good: ("Sources/A/B.swift", "// to do more would be wrong"),
    )

    /// Nothing that only one machine knows.
    static let noWorkplace = Rule(
        name: "nothing names the workplace of its author",
        applies: { _ in true },
        check: { file in
            let patterns = ["/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/", "/ro" + "ot/", "contra" + "cts.md"]
            return find(patterns, in: file, "no path or name of a workplace")
        },
        bad: ("README.md", "see /ho" + "me/ann/notes"),
        good: ("README.md", "see homework/notes"),
    )

    /// Scripts stay short; what is longer is Swift.
    static let scriptLength = Rule(
        name: "a shell script has at most 100 lines and is strict",
        applies: { isScript($0) && !$0.name.hasSuffix(".py") },
        check: { file in
            var result: [Violation] = []
            if file.lines.count > 101 {
                let message = "\(file.lines.count) lines; write it in Swift"
                result.append(Violation(path: file.path, line: 0, message: message))
            } else if !file.textLines.contains("set -euo pipefail") {
                result.append(Violation(path: file.path, line: 0, message: "no `set -euo pipefail`"))
            }
            return result
        },
        bad: ("tools/run", "#!/usr/bin/env bash\necho\n"),
        good: ("tools/run", "#!/usr/bin/env bash\nset -euo pipefail\n"),
    )
}

/// Whether `file` is a script, by its first line.
private func isScript(_ file: SourceFile) -> Bool { file.bytes.starts(with: "#!".utf8) }

/// A violation for each line of `file` that contains one of `patterns`.
private func find(_ patterns: [String], in file: SourceFile, _ advice: String) -> [Violation] {
    let needles = patterns.map { Array($0.utf8) }
    var result: [Violation] = []
    for (number, line) in file.lines.enumerated() {
        for (pattern, needle) in zip(patterns, needles) where contains(line, needle) {
            result.append(Violation(path: file.path, line: number + 1, message: "\"\(pattern)\"; \(advice)"))
        }
    }
    return result
}

private func contains(_ line: [UInt8], _ needle: [UInt8]) -> Bool {
    guard line.count >= needle.count else { return false }
    let first = needle[0]
    for start in 0...(line.count - needle.count) where line[start] == first {
        if line[start..<(start + needle.count)].elementsEqual(needle) { return true }
    }
    return false
}
