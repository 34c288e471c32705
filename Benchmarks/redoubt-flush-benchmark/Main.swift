import Glibc

/// Runs the benchmark, see `Options.usage`; or, started by itself, the process under load.
@main
struct Main {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            if words.first == "--child" { return runChild(words) }
            let options = try Options(words)
            if options.wantsHelp { return say(Options.usage) }
            try Suite(options).run()
        } catch let failure as UsageFailure {
            let text = Array("redoubt-flush-benchmark: \(failure)\n\n\(Options.usage)\n".utf8)
            _ = unsafe text.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(2)
        } catch {
            say("FAILED: \(error)")
            exit(1)
        }
    }

    private static func runChild(_ words: [String]) {
        do {
            try LoadChild(LoadSetup(words)).run()
        } catch {
            say("failed: \(error)")
            exit(1)
        }
    }
}
