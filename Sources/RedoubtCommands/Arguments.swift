package import RedoubtCore

/// The words after a command, checked against its entry in the table.
package struct Arguments: Sendable {
    private var operands: [String: String] = [:]
    private var options: [String: String] = [:]

    /// Parses `words`, which stand behind the name of `command` on the command line of `program`.
    ///
    /// `--name value` and `--name=value` are the same; after `--` everything is an operand.
    ///
    /// - Throws: `.usage` for what the entry of the command does not have, or has and is missing.
    package init(_ words: [String], of command: Command, program: String = "redoubt") throws(CommandFailure) {
        var plain: [String] = []
        var index = 0
        while index < words.count {
            let word = words[index]
            index += 1
            if word == "--" {
                plain += words[index...]
                break
            }
            // Bytes, not characters: an accent that follows a dash or an equals sign would be one character with it.
            guard word.utf8.starts(with: "--".utf8) else {
                plain.append(word)
                continue
            }
            let start = word.utf8.index(word.startIndex, offsetBy: 2)
            let equals = word.utf8[start...].firstIndex(of: UInt8(ascii: "="))
            let name = String(word[start..<(equals ?? word.endIndex)])
            guard let option = command.options.first(where: { $0.name == name }) else {
                let near = Suggestion.nearest(to: name, among: command.options.map(\.name))
                let advice = near.map { "did you mean --\($0)? See" } ?? "see"
                throw .usage(
                    "\(command.name) has no option \"--\(name)\"; \(advice) `\(program) \(command.name) --help`"
                )
            }
            if option.value == nil {
                guard equals == nil else { throw .usage("--\(name) takes no value; leave the equals sign out") }
                options[name] = ""
            } else if let equals {
                options[name] = String(word[word.utf8.index(after: equals)...])
            } else {
                guard index < words.count else {
                    throw .usage("--\(name) needs \(option.value ?? ""): \(option.text)")
                }
                let next = words[index]
                // A value that begins so is possible, and hardly ever meant.
                guard next != "--", !command.options.contains(where: { "--" + $0.name == next }) else {
                    throw .usage(
                        "--\(name) needs \(option.value ?? ""), but \"\(next)\" follows; if that is the value, write "
                            + "--\(name)=\(next)"
                    )
                }
                options[name] = next
                index += 1
            }
        }
        try take(plain, of: command, program)
    }

    /// Takes the words that are no options as operands.
    private mutating func take(
        _ plain: [String],
        of command: Command,
        _ program: String
    ) throws(CommandFailure) {
        guard plain.count <= command.operands.count else {
            let word = plain[command.operands.count]
            let advice =
                word.utf8.first == UInt8(ascii: "-")
                ? "options begin with two dashes" : "quote words that belong together"
            throw .usage(
                "\(command.name): \"\(word)\" is one word too many; \(advice); see "
                    + "`\(program) \(command.name) --help`"
            )
        }
        for (position, operand) in command.operands.enumerated() {
            if position < plain.count {
                operands[operand.name] = plain[position]
            } else if !operand.isOptional {
                throw .usage(
                    "\(command.name) needs \(operand.name), \(operand.text); see `\(program) \(command.name) --help`"
                )
            }
        }
    }

    /// The operand called `name`, empty if it was left out.
    package func operand(_ name: String) -> String { operands[name] ?? "" }
    /// Whether the operand called `name` is there.
    package func has(operand name: String) -> Bool { operands[name] != nil }
    /// Whether the option called `name` is there.
    package func has(_ name: String) -> Bool { options[name] != nil }
    /// The value of the option called `name`.
    package func option(_ name: String) -> String? { options[name] }

    /// The value of the option called `name` as a number in `range`.
    package func number(_ name: String, in range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
        guard let text = options[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let limit = range.upperBound == .max ? "on" : "to \(range.upperBound)"
            throw .usage("--\(name) is \"\(text)\"; it must be a number from \(range.lowerBound) \(limit)")
        }
        return number
    }

    /// The value of the option called `name` as a size: a number with K, M or G.
    package func size(_ name: String) throws(CommandFailure) -> ByteCount? {
        guard let text = options[name] else { return nil }
        let units: [Character: Int] = ["K": 10, "k": 10, "M": 20, "m": 20, "G": 30, "g": 30]
        let shift = text.last.flatMap { units[$0] }
        let digits = shift == nil ? Substring(text) : text.dropLast()
        guard let number = Int(digits), number > 0, number < 1 << 30 else {
            throw .usage("--\(name) is \"\(text)\"; it must be a size such as 64M or 2G")
        }
        return .bytes(number << (shift ?? 0))
    }

    /// The value of the option called `name` as a time in seconds.
    package func seconds(_ name: String) throws(CommandFailure) -> Double? {
        guard let text = options[name] else { return nil }
        guard let seconds = Double(text), seconds >= 0.1, seconds <= 3600 else {
            throw .usage("--\(name) is \"\(text)\"; it must be a number of seconds from 0.1 to 3600")
        }
        return seconds
    }

    /// The bytes of a key or value given as `text`: its UTF-8, or what its hexadecimal digits say.
    package func bytes(_ text: String) throws(CommandFailure) -> [UInt8] {
        guard has("hex") else { return Array(text.utf8) }
        guard let bytes = Hexadecimal.bytes(text) else {
            throw .usage("\"\(text)\" is not hexadecimal: an even number of 0-9 and a-f")
        }
        return bytes
    }
}
