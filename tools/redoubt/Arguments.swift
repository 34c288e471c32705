import RedoubtCore

/// The words after a command, checked against its entry in the table.
struct Arguments: Sendable {
    private var operands: [String: String] = [:]
    private var options: [String: String] = [:]

    /// Parses `words`.
    ///
    /// `--name value` and `--name=value` are the same; after `--` everything is an operand.
    init(_ words: [String], of command: Command) throws(CommandFailure) {
        var plain: [String] = []
        var index = 0
        while index < words.count {
            let word = words[index]
            index += 1
            if word == "--" {
                plain += words[index...]
                break
            }
            guard word.hasPrefix("--") else {
                plain.append(word)
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard let option = command.options.first(where: { $0.name == name }) else {
                throw .usage("\(command.name) has no option \"--\(name)\"; see `redoubt \(command.name) --help`")
            }
            if option.value == nil {
                guard parts.count == 1 else { throw .usage("--\(name) takes no value") }
                options[name] = ""
            } else if parts.count == 2 {
                options[name] = String(parts[1])
            } else {
                guard index < words.count else { throw .usage("--\(name) needs a value") }
                options[name] = words[index]
                index += 1
            }
        }
        guard plain.count <= command.operands.count else {
            throw .usage("\(command.name): \"\(plain[command.operands.count])\" is one word too many")
        }
        for (position, operand) in command.operands.enumerated() {
            if position < plain.count {
                operands[operand.name] = plain[position]
            } else if !operand.isOptional {
                throw .usage(
                    "\(command.name) needs \(operand.name), \(operand.text); see `redoubt \(command.name) --help`"
                )
            }
        }
    }

    /// The operand called `name`, empty if it was left out.
    func operand(_ name: String) -> String { operands[name] ?? "" }
    /// Whether the operand called `name` is there.
    func has(operand name: String) -> Bool { operands[name] != nil }
    /// Whether the option called `name` is there.
    func has(_ name: String) -> Bool { options[name] != nil }
    /// The value of the option called `name`.
    func option(_ name: String) -> String? { options[name] }

    /// The value of the option called `name` as a number in `range`.
    func number(_ name: String, in range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
        guard let text = options[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .usage(
                "--\(name) is \"\(text)\"; it must be a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// The value of the option called `name` as a size: a number with K, M or G.
    func size(_ name: String) throws(CommandFailure) -> ByteCount? {
        guard let text = options[name] else { return nil }
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
        let shift = text.last.flatMap { units[Character($0.uppercased())] }
        let digits = shift == nil ? Substring(text) : text.dropLast()
        guard let number = Int(digits), number > 0, number < 1 << 30 else {
            throw .usage("--\(name) is \"\(text)\"; it must be a size such as 64M or 2G")
        }
        return .bytes(number << (shift ?? 0))
    }

    /// The bytes of a key or value given as `text`: its UTF-8, or what its hexadecimal digits say.
    func bytes(_ text: String) throws(CommandFailure) -> [UInt8] {
        guard has("hex") else { return Array(text.utf8) }
        guard let bytes = Hexadecimal.bytes(text) else {
            throw .usage("\"\(text)\" is not hexadecimal: an even number of 0-9 and a-f")
        }
        return bytes
    }
}
