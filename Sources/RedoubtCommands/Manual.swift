/// A page of a manual, which `man` shows.
package struct Manual: Sendable {
    /// A part of a page.
    package enum Part: Sendable {
        /// A title of a section.
        case heading(String)
        /// A title within a section.
        case subheading(String)
        /// Running text.
        case text(String)
        /// A word and what it means.
        case item(String, String)
        /// Lines that stay as they are.
        case code([String])
    }

    /// The name, in small letters.
    package let name: String
    /// The section of the manual: 1 commands, 5 formats.
    package let section: Int
    /// What it is about, in one line.
    package let summary: String
    /// The program and its version.
    package let source: String
    /// What stands behind the name.
    package let parts: [Part]

    /// Creates a page.
    package init(name: String, section: Int, summary: String, source: String, parts: [Part]) {
        self.name = name
        self.section = section
        self.summary = summary
        self.source = source
        self.parts = parts
    }

    /// The page in the language of `man`.
    package var roff: String {
        let kind = section == 5 ? "File Formats" : "User Commands"
        var lines = [
            ".TH \(name.uppercased()) \(section) \"\" \"\(source)\" \"\(kind)\"",
            // Words are not divided, and no space is put between them to fill a line.
            ".nh", ".ad l",
            ".SH NAME", "\(Self.escaped(name)) \\- \(Self.escaped(summary))",
        ]
        for part in parts {
            switch part {
            case .heading(let title): lines.append(".SH \(Self.quoted(title))")
            case .subheading(let title): lines.append(".SS \(Self.quoted(title))")
            case .text(let text): lines += [".PP", Self.escaped(text)]
            case .item(let word, let text): lines += [".TP", "\\fB\(Self.escaped(word))\\fR", Self.escaped(text)]
            case .code(let code): lines += [".PP", ".nf"] + code.map { "    " + Self.escaped($0) } + [".fi"]
            }
        }
        return lines.joined(separator: "\n")
    }

    /// `text` so that nothing in it is a command.
    private static func escaped(_ text: String) -> String {
        var result = text.replacing("\\", with: "\\(rs").replacing("-", with: "\\-")
        if result.hasPrefix(".") || result.hasPrefix("'") { result = "\\&" + result }
        return result
    }

    private static func quoted(_ text: String) -> String { "\"\(escaped(text).replacing("\"", with: "\\(dq"))\"" }
}

extension Program {
    /// The page of the program itself.
    package var manual: Manual {
        var parts: [Manual.Part] = [
            .heading("SYNOPSIS"), .code(["\(name) COMMAND [ARGUMENTS]", "\(name) COMMAND --help"]),
            .heading("DESCRIPTION"), .text(about),
            .text(
                "A word that begins with two dashes is an option; --name VALUE and --name=VALUE are the same, and "
                    + "behind -- every word is an operand."
            ),
            .heading("COMMANDS"),
        ]
        for command in allCommands {
            parts += [.subheading(Self.usage(command)), .text(Self.sentence(command.summary))]
            for operand in command.operands { parts.append(.item(operand.name, operand.text)) }
            for option in command.options { parts.append(.item(Self.spelled(option), option.text)) }
            if !command.examples.isEmpty { parts.append(.code(command.examples)) }
        }
        parts.append(.heading("EXIT STATUS"))
        for (code, meaning) in meanings { parts.append(.item("\(code.rawValue)", meaning)) }
        if !otherManuals.isEmpty {
            parts.append(.heading("SEE ALSO"))
            parts.append(.text(otherManuals.map { "\($0.name)(\($0.section))" }.joined(separator: ", ")))
        }
        return Manual(name: name, section: 1, summary: summary, source: "\(name) \(version)", parts: parts)
    }

    private static func sentence(_ text: String) -> String {
        (text.first.map { $0.uppercased() } ?? "") + text.dropFirst() + "."
    }
}
