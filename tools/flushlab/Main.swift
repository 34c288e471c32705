import Glibc
import RedoubtCommands

/// The command `flushlab`: a laboratory for flushing options.
@main
struct Main {
    static func main() {
        // A reader that goes away, such as `head`, ends the output and is no error.
        _ = signal(SIGPIPE, SIG_DFL)
        do throws(CommandFailure) {
            let words = try CommandWords.read()
            exit(Program.flushlab.run(words, tell: Screen.tell, complain: Screen.complain).rawValue)
        } catch {
            Screen.complain(error.message)
            exit(error.code.rawValue)
        }
    }
}

extension Program {
    /// The command `flushlab`.
    static let flushlab = Program(
        name: "flushlab",
        summary: "shows in seconds what flushing options do, over a modelled device",
        about: """
            flushlab runs the flushing policies of Redoubt, InnoDB's among them, in virtual time over a model of \
            memory, redo log and device, and draws what whoever tunes a server looks at. The same scenario and seed \
            give the same result, byte by byte.
            """,
        version: "0.1",
        commands: [.run, .sweep, .advise, .compare, .replay, .scenarios, .devices, .check, .measure, .validate],
        meanings: [
            (.success, "done; for check: every claim holds"),
            (.negative, "a claim does not hold, an aim is not reached, or model and engine are too far apart"),
            (.usage, "wrong usage: an unknown command, option, scenario or key, or a file that says nothing sensible"),
            (.failure, "a file could not be read or written"),
        ]
    )
}
