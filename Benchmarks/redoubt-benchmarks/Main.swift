import Glibc

/// Runs the benchmarks.
///
///     redoubt-benchmarks [--smoke] [--only NAME,...] [--folder F] [--json FILE] [--runs N] [--memory MIB]
@main
struct Main {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        do {
            try Suite(words).run()
        } catch {
            print("FAILED: \(error)")
            exit(1)
        }
    }
}
