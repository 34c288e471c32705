/// A program with commands: finds the command in its table, runs it, and explains itself.
package struct Program: Sendable {
    /// The name that it is started by.
    package let name: String
    /// What it is, in one line.
    package let summary: String
    /// The version.
    package let version: String
    /// The table.
    package let commands: [Command]
    /// What the exit codes mean, in order.
    package let meanings: [(code: ExitCode, text: String)]

    /// Creates a program.
    package init(
        name: String,
        summary: String,
        version: String,
        commands: [Command],
        meanings: [(code: ExitCode, text: String)]
    ) {
        self.name = name
        self.summary = summary
        self.version = version
        self.commands = commands
        self.meanings = meanings
    }

    /// Runs the command line `words`, without the name of the program.
    ///
    /// - Parameters:
    ///   - tell: Takes what was asked for: help, the version.
    ///   - complain: Takes one line about what is wrong.
    package func run(_ words: [String], tell: (String) -> Void, complain: (String) -> Void) -> ExitCode {
        guard let first = words.first, first != "--help", first != "-h", first != "help" else {
            tell(overview)
            return words.isEmpty ? .usage : .success
        }
        if first == "--version" {
            tell("\(name) \(version)")
            return .success
        }
        guard let command = commands.first(where: { $0.name == first }) else {
            complain("there is no command \"\(first)\"; see `\(name) --help`")
            return .usage
        }
        // Behind "--" stand operands, whatever they look like.
        let options = words.prefix { $0 != "--" }
        if options.contains("--help") || options.contains("-h") {
            tell(page(command))
            return .success
        }
        do throws(CommandFailure) {
            return try command.run(try Arguments(Array(words.dropFirst()), of: command, program: name))
        } catch {
            complain(error.message)
            return error.code
        }
    }

    /// The list of commands.
    package var overview: String {
        var text = "\(name): \(summary)\n\nusage:\n"
        for command in commands { text += "  \(name) \(Self.usage(command))\n" }
        text += "\ncommands:\n"
        for command in commands { text += "  \(Self.padded(command.name, 13)) \(command.summary)\n" }
        text += "\nexit codes:\n"
        for (code, meaning) in meanings { text += "  \(code.rawValue)  \(meaning)\n" }
        return text + "\n`\(name) COMMAND --help` tells more."
    }

    /// The page of one command.
    package func page(_ command: Command) -> String {
        var text = "\(name) \(command.name): \(command.summary)\n\nusage: \(name) \(Self.usage(command))\n\n"
        for operand in command.operands { text += "  \(Self.padded(operand.name, 22)) \(operand.text)\n" }
        for option in command.options {
            let spelled = "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
            text += "  \(Self.padded(spelled, 22)) \(option.text)\n"
        }
        text += "\nexit codes:"
        for (code, meaning) in meanings { text += "\n  \(code.rawValue)  \(meaning)" }
        return text
    }

    private static func usage(_ command: Command) -> String {
        var words = [command.name]
        for operand in command.operands { words.append(operand.isOptional ? "[\(operand.name)]" : operand.name) }
        if !command.options.isEmpty { words.append("[OPTIONS]") }
        return words.joined(separator: " ")
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
