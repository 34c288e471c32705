/// One command: what it is called, what it takes, and what it does.
///
/// The parser and the help read the same table.
package struct Command: Sendable {
    /// What stands on the command line after the name, in order.
    package struct Operand: Sendable {
        /// The name, in capitals.
        package let name: String
        /// What it is.
        package let text: String
        /// Whether it may be left out.
        package let isOptional: Bool

        /// Creates an operand; those that may be left out come last.
        package init(name: String, text: String, isOptional: Bool = false) {
            self.name = name
            self.text = text
            self.isOptional = isOptional
        }
    }

    /// Something that begins with two dashes.
    package struct Option: Sendable {
        /// The name without the dashes.
        package let name: String
        /// The name of its value; nil for a switch.
        package let value: String?
        /// What it does.
        package let text: String
        /// The values to choose from; none if it takes others too.
        package let choices: [String]

        /// Creates an option.
        package init(name: String, value: String?, text: String, choices: [String] = []) {
            self.name = name
            self.value = value
            self.text = text
            self.choices = choices
        }
    }

    /// The name.
    package let name: String
    /// What it does, in one line.
    package let summary: String
    /// What stands after the name.
    package let operands: [Operand]
    /// The options.
    package let options: [Option]
    /// Command lines to begin with.
    package let examples: [String]
    /// Does it.
    package let run: @Sendable (Arguments) throws(CommandFailure) -> ExitCode

    /// Creates an entry of the table.
    package init(
        name: String,
        summary: String,
        operands: [Operand],
        options: [Option],
        examples: [String] = [],
        run: @escaping @Sendable (Arguments) throws(CommandFailure) -> ExitCode
    ) {
        self.name = name
        self.summary = summary
        self.operands = operands
        self.options = options
        self.examples = examples
        self.run = run
    }
}
