import Glibc

/// Runs the benchmarks; see `Options.usage`.
@main
struct Main {
    static func main() {
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            if options.wantsHelp { return print(Options.usage) }
            try Suite(options).run()
        } catch let failure as UsageFailure {
            let text = Array("redoubt-benchmarks: \(failure)\n\n\(Options.usage)\n".utf8)
            _ = unsafe text.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(2)
        } catch {
            print("FAILED: \(error)")
            exit(1)
        }
    }
}
