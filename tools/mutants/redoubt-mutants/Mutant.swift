import Foundation

/// A small mistake in one line of a source file, which the environment variable `REDOUBT_MUTANT` switches on.
struct Mutant {
    /// The kinds of mistakes.
    enum Kind: String, CaseIterable {
        /// A condition is the opposite.
        case negation
        /// A comparison takes in, or leaves out, the equal case.
        case boundary
        /// Both become either.
        case conjunction
        /// One more or one less is neither.
        case one
        /// A call is not made.
        case call
        /// A variable keeps what it has.
        case assignment
        /// True is returned for false, or the reverse.
        case result
    }

    /// The file, from the top of the repository.
    let path: String
    /// The line, counted from 0.
    let line: Int
    let kind: Kind
    /// The line as it was, without its indentation.
    let before: String
    /// What replaces it; `#` stands for the mutant's number.
    let after: String

    /// Which line, and which mistake, in words.
    var description: String { "\(path):\(line + 1): \(kind.rawValue): \(before)" }
}

extension Mutant {
    /// The mistakes that can be made in `text`, a statement on a line of its own.
    static func mistakes(in text: String, isOnlyStatement: Bool) -> [(kind: Kind, after: String)] {
        var found: [(Kind, String)] = []
        if let condition = Condition(text) {
            let (head, middle, tail) = (condition.head, condition.text, condition.tail)
            found.append((.negation, "\(head)Mutation.flips(#, \(middle))\(tail)"))
            for (operation, other) in [(" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > ")] {
                guard let changed = replacingOnly(operation, by: other, in: middle) else { continue }
                found.append((.boundary, "\(head)(Mutation.on(#) ? (\(changed)) : (\(middle)))\(tail)"))
            }
            if let changed = replacingOnly(" && ", by: " || ", in: middle) {
                found.append((.conjunction, "\(head)(Mutation.on(#) ? (\(changed)) : (\(middle)))\(tail)"))
            }
        }
        for sign in [" + 1", " - 1"] {
            guard let place = only("\(sign)", in: text), !text.contains("let "), !text.contains("\"") else { continue }
            let rest = text[place.upperBound...]
            if let next = rest.first, next.isNumber || next == "_" || next == "." { continue }
            found.append((.one, "\(text[..<place.lowerBound])\(sign.dropLast())Mutation.one(#)\(rest)"))
        }
        if text == "return true" || text == "return false" {
            found.append((.result, "return Mutation.flips(#, \(text.dropFirst(7)))"))
        }
        if !isOnlyStatement, isCall(text) { found.append((.call, "if !Mutation.on(#) { \(text) }")) }
        if isAssignment(text) { found.append((.assignment, "if !Mutation.on(#) { \(text) }")) }
        return found
    }

    /// The place of `part` in `text` if it is there once.
    private static func only(_ part: String, in text: String) -> Range<String.Index>? {
        let places = text.ranges(of: part)
        return places.count == 1 ? places[0] : nil
    }

    private static func replacingOnly(_ part: String, by other: String, in text: String) -> String? {
        only(part, in: text).map { text.replacingCharacters(in: $0, with: other) }
    }

    /// Whether `text` is a call and nothing else, the result of which nobody wants.
    private static func isCall(_ text: String) -> Bool {
        let plain = text.hasPrefix("try ") ? String(text.dropFirst(4)) : text
        guard plain.hasSuffix(")"), isBalanced(plain), let open = plain.firstIndex(of: "(") else { return false }
        let name = plain[..<open]
        let isName = name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" }
        let kept = ["precondition", "preconditionFailure", "assert", "fatalError", "init", "return", "if", "while"]
        let last = name.split(separator: ".").last.map(String.init) ?? ""
        return isName && (name.first?.isLowercase ?? false) && !kept.contains(last) && !name.hasSuffix(".init")
            && !last.hasPrefix("unlock") && !last.hasPrefix("lock") && last != "init"
    }

    /// Whether `text` gives a variable another value.
    private static func isAssignment(_ text: String) -> Bool {
        for operation in [" = ", " += ", " -= ", " &+= ", " |= "] {
            guard let place = text.range(of: operation) else { continue }
            let name = text[..<place.lowerBound]
            let isName = name.allSatisfy { $0.isLetter || $0.isNumber || "._[]".contains($0) }
            return isName && isBalanced(text) && !text.hasSuffix("{") && !text.hasSuffix("(") && name != "self"
                && !text.contains(" in ") && !name.isEmpty
        }
        return false
    }

    /// Whether every bracket of `text` is closed in it.
    static func isBalanced(_ text: some StringProtocol) -> Bool {
        var open: [Character] = []
        for character in text {
            switch character {
            case "(", "[", "{": open.append(character)
            case ")": if open.popLast() != "(" { return false }
            case "]": if open.popLast() != "[" { return false }
            case "}": if open.popLast() != "{" { return false }
            default: break
            }
        }
        return open.isEmpty
    }
}

/// A condition that stands on one line.
private struct Condition {
    let head: String
    let text: String
    let tail: String

    /// Finds the condition of an `if` or a `guard`; nil if there is none, or it binds names or has several parts.
    init?(_ line: String) {
        for (head, ends) in [("if ", [" {"]), ("} else if ", [" {"]), ("guard ", [" else {"])]
        where line.hasPrefix(head) {
            for end in ends {
                guard let place = line.range(of: end) else { return nil }
                let condition = String(line[line.index(line.startIndex, offsetBy: head.count)..<place.lowerBound])
                let isPlain =
                    Mutant.isBalanced(condition) && !condition.contains(",") && !condition.contains("let ")
                    && !condition.contains("var ") && !condition.contains("case ") && !condition.contains("unsafe")
                    && !condition.contains("#") && !condition.contains("try") && !condition.contains("{")
                    && !condition.contains("breaks(")
                guard isPlain, !condition.isEmpty else { return nil }
                self.head = head
                text = condition
                tail = String(line[place.lowerBound...])
                return
            }
        }
        return nil
    }
}
