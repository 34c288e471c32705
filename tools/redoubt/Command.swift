import RedoubtCommands

extension Command {
    /// The table.
    static let all: [Command] = [
        create, put, get, delete, scan, load, check, stat, status, top, serveMetrics, counters,
    ]

    /// The folder of the database.
    static let path = Operand(name: "PATH", text: "the folder of the database")
    /// The keyspace.
    static let keyspace = Option(name: "keyspace", value: "NAME", text: "the keyspace; \"default\" if not given")
    /// The memory.
    static let memory = Option(
        name: "memory",
        value: "SIZE",
        text: "memory to use, such as 64M or 2G; 256M if not given"
    )
    /// The form of the output.
    static let json = Option(name: "json", value: nil, text: "print JSON, one object a line")
    /// The form of keys and values.
    static let hex = Option(name: "hex", value: nil, text: "keys and values are hexadecimal, in arguments and output")
    /// What a write waits for.
    static let durability = Option(
        name: "durability",
        value: "LEVEL",
        text: "what a write waits for: flushed, written or deferred"
    )
}

/// The help, made from the table.
enum Help {
    /// The list of commands.
    static func overview() -> String {
        var text = "redoubt: an embedded storage engine; keyspaces of keys and values in a folder\n\nusage:\n"
        for command in Command.all { text += "  redoubt \(usage(command))\n" }
        text += "\ncommands:\n"
        for command in Command.all { text += "  \(padded(command.name, 13)) \(command.summary)\n" }
        text += "\nexit codes:\n"
        for code in ExitCode.allCases { text += "  \(code.rawValue)  \(code.meaning)\n" }
        return text + "\n`redoubt COMMAND --help` tells more."
    }

    /// The page of one command.
    static func page(_ command: Command) -> String {
        var text = "redoubt \(command.name): \(command.summary)\n\nusage: redoubt \(usage(command))\n\n"
        for operand in command.operands { text += "  \(padded(operand.name, 22)) \(operand.text)\n" }
        for option in command.options {
            let spelled = "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
            text += "  \(padded(spelled, 22)) \(option.text)\n"
        }
        text += "\nexit codes:"
        for code in ExitCode.allCases { text += "\n  \(code.rawValue)  \(code.meaning)" }
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
