import Glibc
import Redoubt
import RedoubtCommands
import RedoubtCore

/// The command `redoubt`: finds the command in the table, runs it, and turns what comes of it into an exit code.
@main
struct Main {
    static func main() {
        // A reader that goes away, such as `head`, ends the output and is no error.
        _ = signal(SIGPIPE, SIG_DFL)
        // Who starts this from a thread that blocks signals hands that on; what runs until it is told must hear it.
        var none = sigset_t()
        _ = unsafe sigemptyset(&none)
        _ = unsafe sigprocmask(Int32(SIG_SETMASK), &none, nil)
        let code = run(Array(CommandLine.arguments.dropFirst()))
        do throws(CommandFailure) {
            try Output.flush()
        } catch {
            Output.complain(error.message)
            exit(error.code.rawValue)
        }
        exit(code.rawValue)
    }

    /// Runs the command line `words`.
    static func run(_ words: [String]) -> ExitCode {
        guard let name = words.first, name != "--help", name != "-h", name != "help" else {
            Output.print(Help.overview())
            return words.isEmpty ? .usage : .success
        }
        if name == "--version" {
            Output.print("redoubt 0.1")
            return .success
        }
        guard let command = Command.all.first(where: { $0.name == name }) else {
            Output.complain("there is no command \"\(name)\"; see `redoubt --help`")
            return .usage
        }
        // Behind "--" stand operands, whatever they look like.
        let options = words.prefix { $0 != "--" }
        if options.contains("--help") || options.contains("-h") {
            Output.print(Help.page(command))
            return .success
        }
        do throws(CommandFailure) {
            let arguments = try Arguments(Array(words.dropFirst()), of: command)
            return try command.run(arguments)
        } catch {
            Output.complain(error.message)
            return error.code
        }
    }
}
