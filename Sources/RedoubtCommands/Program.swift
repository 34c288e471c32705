/// A program with commands: finds the command in its table, runs it, and explains itself.
package struct Program: Sendable {
    /// The name that it is started by.
    package let name: String
    /// What it is, in one line.
    package let summary: String
    /// What it is, in a few lines; for its manual.
    package let about: String
    /// The version.
    package let version: String
    /// The table.
    package let commands: [Command]
    /// What the exit codes mean, in order.
    package let meanings: [(code: ExitCode, text: String)]
    /// The pages of the manual besides its own.
    package let otherManuals: [Manual]

    /// Creates a program.
    package init(
        name: String,
        summary: String,
        about: String? = nil,
        version: String,
        commands: [Command],
        meanings: [(code: ExitCode, text: String)],
        otherManuals: [Manual] = []
    ) {
        self.name = name
        self.summary = summary
        self.about = about ?? name + " is " + summary + "."
        self.version = version
        self.commands = commands
        self.meanings = meanings
        self.otherManuals = otherManuals
    }

    /// The commands of the table, and those that every program has.
    package var allCommands: [Command] { commands + Self.ownCommands }

    /// The pages of the manual.
    package var manuals: [Manual] { [manual] + otherManuals }

    /// The commands that every program has; what they do, ``run(_:tell:complain:)`` does.
    private static let ownCommands = [
        Command(
            name: "man",
            summary: "write a page of the manual, for `man -l -`",
            operands: [
                Command.Operand(name: "PAGE", text: "the page; that of the program if not given", isOptional: true)
            ],
            options: []
        ) { (_) throws(CommandFailure) in .success },
        Command(
            name: "completion",
            summary: "write what completes command lines, for `source <(...)`",
            operands: [Command.Operand(name: "SHELL", text: "the shell: bash")],
            options: []
        ) { (_) throws(CommandFailure) in .success },
    ]

    /// Runs the command line `words`, without the name of the program.
    ///
    /// - Parameters:
    ///   - tell: Takes what was asked for: help, the version.
    ///   - complain: Takes one line about what is wrong.
    package func run(_ words: [String], tell: (String) -> Void, complain: (String) -> Void) -> ExitCode {
        var words = words
        if words.count > 1, words[0] == "help" { words = [words[1], "--help"] }
        guard let first = words.first, first != "--help", first != "-h", first != "help" else {
            tell(overview)
            return words.isEmpty ? .usage : .success
        }
        if first == "--version" {
            tell("\(name) \(version)")
            return .success
        }
        guard let command = allCommands.first(where: { $0.name == first }) else {
            let near = Suggestion.nearest(to: first, among: allCommands.map(\.name))
            let advice = near.map { "did you mean \"\($0)\"? See" } ?? "see"
            complain("there is no command \"\(first)\"; \(advice) `\(name) --help`")
            return .usage
        }
        // Behind "--" stand operands, whatever they look like.
        let options = words.prefix { $0 != "--" }
        if options.contains("--help") || options.contains("-h") {
            tell(page(command))
            return .success
        }
        do throws(CommandFailure) {
            let arguments = try Arguments(Array(words.dropFirst()), of: command, program: name)
            if !commands.contains(where: { $0.name == first }) { return try write(first, arguments, tell) }
            return try command.run(arguments)
        } catch {
            complain(error.message)
            return error.code
        }
    }

    /// Runs a command that every program has.
    private func write(
        _ command: String,
        _ arguments: Arguments,
        _ tell: (String) -> Void
    ) throws(CommandFailure) -> ExitCode {
        if command == "completion" {
            let shell = arguments.operand("SHELL")
            guard shell == "bash" else { throw .usage("\"\(shell)\" is not a shell that is known; only bash is") }
            tell(bashCompletion)
            return .success
        }
        let wanted = arguments.has(operand: "PAGE") ? arguments.operand("PAGE") : name
        guard let page = manuals.first(where: { $0.name == wanted }) else {
            let list = manuals.map { "\"\($0.name)\"" }.joined(separator: " and ")
            throw .usage("there is no page \"\(wanted)\"; there are \(list)")
        }
        tell(page.roff)
        return .success
    }

    /// The list of commands.
    package var overview: String {
        var text = "\(name): \(summary)\n\nusage:\n"
        for command in allCommands { text += "  \(name) \(Self.usage(command))\n" }
        text += "\ncommands:\n"
        for command in allCommands { text += "  \(Self.padded(command.name, 13)) \(command.summary)\n" }
        text += "\nexit codes:\n"
        for (code, meaning) in meanings { text += "  \(code.rawValue)  \(meaning)\n" }
        return text + "\n`\(name) COMMAND --help` tells more."
    }

    /// The page of one command.
    package func page(_ command: Command) -> String {
        var text = "\(name) \(command.name): \(command.summary)\n\nusage: \(name) \(Self.usage(command))\n\n"
        for operand in command.operands { text += "  \(Self.padded(operand.name, 22)) \(operand.text)\n" }
        for option in command.options {
            text += "  \(Self.padded(Self.spelled(option), 22)) \(option.text)\n"
        }
        if !command.examples.isEmpty {
            text += "\nexamples:\n" + command.examples.map { "  \($0)\n" }.joined()
        }
        text += "\nexit codes:"
        for (code, meaning) in meanings { text += "\n  \(code.rawValue)  \(meaning)" }
        return text
    }

    /// An option as it is written.
    static func spelled(_ option: Command.Option) -> String {
        "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
    }

    /// What stands behind the name of the program to run `command`.
    static func usage(_ command: Command) -> String {
        var words = [command.name]
        for operand in command.operands { words.append(operand.isOptional ? "[\(operand.name)]" : operand.name) }
        if !command.options.isEmpty { words.append("[OPTIONS]") }
        return words.joined(separator: " ")
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
