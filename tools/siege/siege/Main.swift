import Glibc
import RedoubtCommands
import SiegeDisks

/// The command `siege`: the crash laboratory of the engine.
@main
struct Main {
    static func main() {
        // A reader that goes away, such as `head`, ends the output and is no error.
        _ = signal(SIGPIPE, SIG_DFL)
        let words = Array(CommandLine.arguments.dropFirst())
        if words.first == DiskSiege.processCommand { exit(DiskSiege.process(Array(words.dropFirst()))) }
        Watch.begin()
        exit(Program.siege.run(words, tell: Lines.tell, complain: Lines.complain).rawValue)
    }
}

extension Program {
    /// The command `siege`.
    static let siege = Program(
        name: "siege",
        summary: "a crash laboratory: cuts the power and breaks the disk at every place, and judges what is recovered",
        version: "0.1",
        commands: [.run, .replay, .shrink, .show, .faults, .bugs, .disks, .scorecard],
        meanings: [
            (.success, "nothing was wrong"),
            (.negative, "something was wrong: what was lost or found, and how to repeat it, is printed"),
            (.usage, "wrong usage: an unknown command, option, workload or bug"),
            (.failure, "no result: a recording failed, a file could not be read, or a canary was not caught"),
        ]
    )
}
