/// Finds the lines of a source file in which a mistake can be made.
enum SourceScan {
    /// The mutants of the file at `path` with `lines`.
    static func mutants(_ path: String, _ lines: [String]) -> [Mutant] {
        var mutants: [Mutant] = []
        // Until which depth of braces the scan passes over what it reads: initializers must set every property, and
        // what is inlined into other modules sees only public names.
        var passedDepth: Int?
        var depth = 0
        var isConditional = false
        // The head of what is passed over may take several lines.
        var isPassing = false
        for (number, line) in lines.enumerated() {
            let text = line.trimmed
            if text.hasPrefix("#if") { isConditional = true }
            if text.hasPrefix("#endif") { isConditional = false }
            if text.hasPrefix("@inlinable") || text.isInitializer { isPassing = true }
            let depthBefore = depth
            if !text.hasPrefix("//") { depth += text.braceBalance }
            if passedDepth == nil, isPassing, text.hasSuffix("{") || text.hasSuffix("}") {
                passedDepth = depthBefore
                isPassing = false
            }
            if let passed = passedDepth {
                if depth <= passed { passedDepth = nil }
                continue
            }
            if isPassing { continue }
            let isCode = depthBefore >= 2 && !isConditional && !text.hasPrefix("//") && !text.hasPrefix("@")
            guard isCode, !text.isEmpty else { continue }
            let isOnly = number > 0 && lines[number - 1].trimmed.opensValue && lines.next(number).hasPrefix("}")
            // A line that others continue is not a statement.
            let isWhole =
                !lines.next(number).hasPrefix(".") && !lines.next(number).hasPrefix("&&")
                && !lines.next(number).hasPrefix("||") && !lines.next(number).hasPrefix("?")
                && !lines.next(number).hasPrefix("+") && !lines.previous(number).isContinued
            guard isWhole else { continue }
            for mistake in Mutant.mistakes(in: text, isOnlyStatement: isOnly) {
                mutants.append(
                    Mutant(path: path, line: number, kind: mistake.kind, before: text, after: mistake.after)
                )
            }
        }
        return mutants
    }
}

extension [String] {
    fileprivate func next(_ number: Int) -> String { number + 1 < count ? self[number + 1].trimmed : "" }

    fileprivate func previous(_ number: Int) -> String { number > 0 ? self[number - 1].trimmed : "" }
}

extension String {
    /// Without spaces at both ends.
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    /// The braces opened less those closed, outside of strings.
    fileprivate var braceBalance: Int {
        var balance = 0
        var isQuoted = false
        for character in self {
            if character == "\"" { isQuoted.toggle() }
            if isQuoted { continue }
            if character == "{" { balance += 1 }
            if character == "}" { balance -= 1 }
        }
        return balance
    }

    fileprivate var isInitializer: Bool {
        var words = split(separator: " ")[...]
        while let word = words.first, ["public", "package", "private", "fileprivate", "convenience"].contains(word) {
            words.removeFirst()
        }
        return ["init(", "init?(", "init<", "deinit"].contains { words.first?.hasPrefix($0) ?? false }
    }

    /// Whether a block begins here whose only statement may be its value.
    fileprivate var opensValue: Bool {
        guard hasSuffix("{") || hasSuffix(" in") else { return hasPrefix("case ") || hasPrefix("default") }
        return !["if ", "} else", "for ", "while ", "guard ", "do ", "do {", "defer", "repeat"].contains {
            hasPrefix($0)
        }
    }

    /// Whether the next line goes on with what this one begins.
    fileprivate var isContinued: Bool {
        hasSuffix("=") || hasSuffix(",") || hasSuffix("(") || hasSuffix("?") || hasSuffix("&&") || hasSuffix("||")
            || hasSuffix("[") || hasSuffix("return")
    }
}
