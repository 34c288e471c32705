import RedoubtCommands
import RedoubtCore
import Testing

/// Goal: no word on the command line traps or is taken for another. Method: words that are easily mistaken.
@Suite struct ArgumentsTests {
    private func arguments(_ words: [String]) throws -> Arguments {
        let options = ["memory", "limit"].map { Command.Option(name: $0, value: "X", text: "") }
        let operand = Command.Operand(name: "KEY", text: "", isOptional: true)
        let command = Command(name: "get", summary: "", operands: [operand], options: options) { _ in .success }
        return try Arguments(words, of: command)
    }

    @Test("a value that begins with an accent is one behind an equals sign too", arguments: ["\u{485}9", "\u{301}"])
    func accents(_ value: String) throws {
        #expect(try arguments(["--limit=" + value]).option("limit") == value)
        #expect(try arguments(["--limit", value]).option("limit") == value)
        #expect(throws: CommandFailure.self) { try arguments(["--" + value]) }
        #expect(try arguments(["--", "--" + value]).operand("KEY") == "--" + value)
    }

    @Test("a size whose last letter has a capital of two is refused", arguments: ["64\u{DF}", "1\u{149}", "K", ""])
    func letters(_ text: String) throws {
        #expect(throws: CommandFailure.self) { try arguments(["--memory", text]).size("memory") }
    }

    @Test("a size may end in a small or a capital letter")
    func units() throws {
        for (text, count) in [("3", 3), ("3k", 3 << 10), ("3K", 3 << 10), ("3m", 3 << 20), ("3G", 3 << 30)] {
            #expect(try arguments(["--memory=" + text]).size("memory") == .bytes(count))
        }
    }
}
