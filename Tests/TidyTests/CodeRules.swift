/// Rules about the code of a file.
extension Rule {
    /// The library does without Foundation.
    static let noFoundation = Rule(
        name: "the library does without Foundation",
        applies: { $0.isSwift && $0.path.hasPrefix("Sources/") },
        check: { imports(in: $0, of: ["Foundation", "FoundationEssentials", "Dispatch"], "do without it") },
        bad: ("Sources/A/B.swift", "import Foundation"),
        good: ("Sources/A/B.swift", "// import Foundation\nlet text = \"import Foundation\""),
    )

    /// Only one target makes system calls.
    static let onlySystemTouchesTheSystem = Rule(
        name: "only RedoubtSystem makes system calls",
        applies: { $0.isSwift && $0.path.hasPrefix("Sources/") && !$0.path.hasPrefix("Sources/RedoubtSystem/") },
        check: { imports(in: $0, of: ["Glibc", "Musl", "CLinuxAIO"], "go through RedoubtSystem") },
        bad: ("Sources/RedoubtLog/B.swift", "internal import Glibc"),
        good: ("Sources/RedoubtSystem/B.swift", "import Glibc"),
    )

    /// Names say what a thing is.
    static let noVagueNames = Rule(
        name: "no type has a vague name",
        applies: { $0.isSwift && !$0.path.hasPrefix("Tests/") },
        check: { file in
            let vague = ["Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Info", "Handler"]
            return declaredTypes(in: file).compactMap { type in
                guard let suffix = vague.first(where: { type.text.hasSuffix($0) }) else { return nil }
                return Violation(path: file.path, line: type.line, message: "\(type.text): \"\(suffix)\" says nothing")
            }
        },
        bad: ("Sources/A/B.swift", "struct PageManager {}"),
        good: ("Sources/A/B.swift", "struct ManagerOfNothing {}\nlet pageInfo = 1"),
    )

    /// Functions fit on a screen.
    static let functionLength = Rule(
        name: "a function has at most 60 lines",
        applies: { $0.isSwift },
        check: { file in
            functionBodies(in: file).filter { $0.lineCount > 60 }.map { body in
                let message = "\(body.name) has \(body.lineCount) lines; at most 60"
                return Violation(path: file.path, line: body.line, message: message)
            }
        },
        bad: ("Sources/A/B.swift", "func a() {" + String(repeating: "\n", count: 60) + "}"),
        good: ("Sources/A/B.swift", "func a() {" + String(repeating: "\n", count: 59) + "}\nprotocol P { func b() }"),
    )

    /// What others may call is explained.
    static let documentation = Rule(
        name: "public and package declarations are documented",
        applies: { $0.isSwift && $0.path.hasPrefix("Sources/") },
        check: { undocumented(in: $0) },
        bad: ("Sources/A/B.swift", "@inlinable\npackage func a() {}"),
        good: ("Sources/A/B.swift", "/// A.\n@inlinable\npackage func a() {}\npublic import C\npublic extension D {}"),
    )
}

/// A violation for each import of one of `modules`.
private func imports(in file: SourceFile, of modules: Set<String>, _ advice: String) -> [Violation] {
    importedModules(in: file).filter { modules.contains($0.text) }.map { module in
        Violation(path: file.path, line: module.line, message: "import \(module.text); \(advice)")
    }
}

/// The modules that `file` imports.
func importedModules(in file: SourceFile) -> [SourceFile.Word] {
    let words = file.words
    let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "typealias", "var", "let"]
    return words.indices.dropLast().compactMap { index in
        guard words[index].text == "import" else { return nil }
        let isKind = kinds.contains(words[index + 1].text) && index + 2 < words.count
        let next = words[index + (isKind ? 2 : 1)]
        return next.line == words[index].line ? next : nil
    }
}

/// The types that `file` declares, at any depth.
func declaredTypes(in file: SourceFile) -> [SourceFile.Word] {
    let kinds: Set<String> = ["struct", "class", "enum", "protocol", "actor", "typealias"]
    let words = file.words
    return words.indices.dropLast().compactMap { index in
        guard kinds.contains(words[index].text) else { return nil }
        let name = words[index + 1].text
        guard let first = name.utf8.first, (65...90).contains(first) else { return nil }
        return words[index + 1]
    }
}

/// The types that `file` declares outside any braces.
func topLevelTypes(in file: SourceFile) -> [String] {
    var depths: [Int: Int] = [:]
    var depth = 0
    var starts: Set<Int> = []
    let types = declaredTypes(in: file)
    for type in types { starts.insert(type.offset) }
    for (offset, byte) in file.code.enumerated() {
        if byte == UInt8(ascii: "{") { depth += 1 }
        if byte == UInt8(ascii: "}") { depth -= 1 }
        if starts.contains(offset) { depths[offset] = depth }
    }
    return types.filter { depths[$0.offset] == 0 }.map(\.text)
}

/// The body of a function.
struct FunctionBody {
    /// The name.
    let name: String
    /// The line where it starts.
    let line: Int
    /// The lines from the opening to the closing brace.
    let lineCount: Int
}

/// The bodies of the functions and initializers of `file`, by counting braces.
func functionBodies(in file: SourceFile) -> [FunctionBody] {
    let words = file.words
    let code = file.code
    var result: [FunctionBody] = []
    for (index, word) in words.enumerated() where word.text == "func" || word.text == "init" {
        if word.text == "init", word.offset > 0, code[word.offset - 1] == UInt8(ascii: ".") { continue }
        let limit = words[(index + 1)...].first { $0.text == "func" }?.offset ?? code.count
        guard let open = openingBrace(code, from: word.offset, before: limit) else { continue }
        var depth = 0
        var lineCount = 1
        for offset in open..<code.count {
            if code[offset] == UInt8(ascii: "{") { depth += 1 }
            if code[offset] == UInt8(ascii: "}") { depth -= 1 }
            if code[offset] == UInt8(ascii: "\n") { lineCount += 1 }
            if depth == 0 { break }
        }
        let name = word.text == "func" && index + 1 < words.count ? words[index + 1].text : word.text
        result.append(FunctionBody(name: name, line: word.line, lineCount: lineCount))
    }
    return result
}

private func openingBrace(_ code: [UInt8], from start: Int, before limit: Int) -> Int? {
    var depth = 0
    for offset in start..<limit {
        switch code[offset] {
        case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
        case UInt8(ascii: "{") where depth == 0: return offset
        case UInt8(ascii: "}") where depth == 0: return nil
        default: break
        }
        if depth < 0 { return nil }
    }
    return nil
}

/// A violation for each public or package declaration without a doc comment.
private func undocumented(in file: SourceFile) -> [Violation] {
    let code = file.codeLines
    let text = file.textLines
    var result: [Violation] = []
    for (index, line) in code.enumerated() {
        guard let declaration = visibleDeclaration(line) else { continue }
        var above = index - 1
        while above >= 0, text[above].hasPrefix("@") || text[above].hasPrefix("#if") { above -= 1 }
        // What a protocol explains need not be explained again.
        if let name = declaration.split(separator: " ").last, requirements.contains(String(name)) { continue }
        if above < 0 || !text[above].hasPrefix("///") {
            result.append(Violation(path: file.path, line: index + 1, message: "undocumented \(declaration)"))
        }
    }
    return result
}

/// What `line` declares for other modules, such as "public func", or nil.
private func visibleDeclaration(_ line: String) -> String? {
    let kinds: Set<String> = [
        "func", "var", "let", "struct", "class", "enum", "protocol", "init", "typealias", "subscript", "actor",
    ]
    let modifiers: Set<String> = [
        "final", "static", "nonisolated", "mutating", "consuming", "borrowing", "inline", "__always", "never",
    ]
    let words = line.split { !($0.isLetter || $0 == "_" || $0 == "@") }.map(String.init)
    guard let access = words.firstIndex(where: { $0 == "public" || $0 == "package" }) else { return nil }
    guard words[..<access].allSatisfy({ $0.hasPrefix("@") || modifiers.contains($0) }) else { return nil }
    let rest = words[(access + 1)...]
    if rest.prefix(2).contains("import") || words.contains("extension") || words.contains("override") { return nil }
    guard let kind = rest.first(where: { kinds.contains($0) }) else { return nil }
    let name = rest.drop { $0 != kind }.dropFirst().first ?? ""
    return "\(words[access]) \(kind) \(name)"
}

/// The names of the requirements of every protocol of the repository.
private let requirements: Set<String> = {
    var names: Set<String> = []
    for file in Repository.sources {
        let words = file.words
        for (index, word) in words.enumerated() where word.text == "protocol" {
            guard let open = openingBrace(file.code, from: word.offset, before: file.code.count) else { continue }
            var depth = 0
            let end = file.code.indices.first { position in
                guard position >= open else { return false }
                if file.code[position] == UInt8(ascii: "{") { depth += 1 }
                if file.code[position] == UInt8(ascii: "}") { depth -= 1 }
                return depth == 0
            }
            for (inner, requirement) in words.enumerated().dropFirst(index) where requirement.offset < end ?? open {
                if ["func", "var"].contains(requirement.text) { names.insert(words[inner + 1].text) }
            }
        }
    }
    return names
}()
