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
        var code = ExitCode.success
        do throws(CommandFailure) {
            code = Program.redoubt.run(try CommandWords.read(), tell: Output.print, complain: Output.complain)
            try Output.flush()
        } catch {
            Output.complain(error.message)
            exit(error.code.rawValue)
        }
        exit(code.rawValue)
    }
}
