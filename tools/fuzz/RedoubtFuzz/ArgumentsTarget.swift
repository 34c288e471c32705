import RedoubtCommands
import RedoubtCore

/// Parses words as the command line of a command, and writes down what was understood.
enum ArgumentsTarget {
    private static let switches = ["json", "hex"]
    private static let valued = ["memory", "limit", "interval", "key", "from"]
    private static let operands = ["PATH", "KEY", "VALUE"]

    private static let command = Command(
        name: "put",
        summary: "",
        operands: [
            Command.Operand(name: "PATH", text: "the folder"), Command.Operand(name: "KEY", text: "the key"),
            Command.Operand(name: "VALUE", text: "the value", isOptional: true),
        ],
        options: switches.map { Command.Option(name: $0, value: nil, text: "") }
            + valued.map { Command.Option(name: $0, value: "X", text: "") }
            + LoadFormat.options.filter { $0.name != "key" }
    ) { (_) throws(CommandFailure) in .success }

    /// What was understood.
    private struct Meaning: Equatable {
        var operands: [String?]
        var options: [String: String] = [:]

        init(_ arguments: Arguments) {
            operands = ArgumentsTarget.operands.map { arguments.has(operand: $0) ? arguments.operand($0) : nil }
            for option in ArgumentsTarget.command.options { options[option.name] = arguments.option(option.name) }
        }

        /// Words that say the same in another way.
        var words: [String] {
            var words: [String] = []
            for option in ArgumentsTarget.command.options.reversed() {
                guard let value = options[option.name] else { continue }
                words.append(option.value == nil ? "--\(option.name)" : "--\(option.name)=\(value)")
            }
            return words + ["--"] + operands.compactMap { $0 }
        }
    }

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        let parts = input.split(separator: 0, omittingEmptySubsequences: false)
        let words = parts.map { String(decoding: $0, as: UTF8.self) }
        let arguments: Arguments
        do throws(CommandFailure) {
            arguments = try Arguments(words, of: command)
        } catch {
            return .shallow
        }
        let meaning = Meaning(arguments)
        do throws(CommandFailure) {
            let again = Meaning(try Arguments(meaning.words, of: command))
            guard again == meaning else { throw CommandFailure.usage("\(again)") }
        } catch {
            throw FuzzFinding("\(words) means \(meaning); as \(meaning.words) it means \(error.message)")
        }
        return values(of: arguments) > 1 ? .deep : .shallow
    }

    /// Takes every value out; returns how many are what they should be.
    private static func values(of arguments: Arguments) -> Int {
        var count = 0
        func note(_ body: () throws(CommandFailure) -> Bool) {
            do throws(CommandFailure) { if try body() { count += 1 } } catch {}
        }
        note { () throws(CommandFailure) in try arguments.size("memory") != nil }
        note { () throws(CommandFailure) in try arguments.number("limit", in: 0...Int.max) != nil }
        note { () throws(CommandFailure) in try arguments.seconds("interval") != nil }
        note { () throws(CommandFailure) in
            guard arguments.has("hex") else { return false }
            return try !arguments.bytes(arguments.operand("KEY")).isEmpty
        }
        note { () throws(CommandFailure) in
            _ = try LoadFormat(arguments)
            return arguments.has("separator")
        }
        return count
    }
}
