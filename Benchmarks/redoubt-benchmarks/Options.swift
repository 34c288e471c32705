/// What the command line asks for.
struct Options {
    /// The benchmarks that `--only` chooses from.
    static let names = ["read", "load", "scan", "insert", "commit", "memory", "budget"]

    static let usage = """
        usage: redoubt-benchmarks [--smoke] [--only NAME,...] [--folder F] [--json FILE] [--runs N] [--memory MIB]

          --smoke          tiny parameters: whether it runs, not how fast
          --only NAME,...  of read, load, scan, insert, commit, memory, budget; without it
                           all but the last two
          --folder F       where the databases are made, in a folder that is removed afterwards
          --json FILE      writes the figures to FILE, one line of JSON each
          --runs N         runs of each measurement, of which the median counts
          --memory MIB     the memory of the databases; without it 2048 (smoke 64, memory 256)
          --help           prints this

        exit codes: 0 done, 1 a benchmark failed or a bound does not hold, 2 the command line is wrong
        """

    private(set) var wantsHelp = false
    private(set) var isSmoke = false
    private(set) var only: [String] = []
    private(set) var folder: String?
    private(set) var jsonPath: String?
    private(set) var runCount: Int?
    private(set) var mebibytes: Int?

    /// Reads the words after the name of the program.
    init(_ words: [String]) throws(UsageFailure) {
        var rest = words[...]
        while let flag = rest.popFirst() {
            switch flag {
            case "--help", "-h": wantsHelp = true
            case "--smoke": isSmoke = true
            case "--only": only = try Self.list(flag, Self.value(flag, &rest))
            case "--folder": folder = try Self.value(flag, &rest)
            case "--json": jsonPath = try Self.value(flag, &rest)
            case "--runs": runCount = try Self.number(flag, Self.value(flag, &rest))
            case "--memory": mebibytes = try Self.number(flag, Self.value(flag, &rest))
            default: throw UsageFailure("there is no option \"\(flag)\"")
            }
        }
    }

    private static func value(_ flag: String, _ rest: inout ArraySlice<String>) throws(UsageFailure) -> String {
        guard let value = rest.popFirst(), !value.hasPrefix("--") else { throw UsageFailure("\(flag) needs a value") }
        return value
    }

    private static func number(_ flag: String, _ text: String) throws(UsageFailure) -> Int {
        guard let number = Int(text), (1...1 << 20).contains(number) else {
            throw UsageFailure("\(flag) needs a number of at least 1, not \"\(text)\"")
        }
        return number
    }

    private static func list(_ flag: String, _ text: String) throws(UsageFailure) -> [String] {
        let chosen = text.split(separator: ",").map(String.init)
        for name in chosen where !names.contains(name) { throw UsageFailure("there is no benchmark \"\(name)\"") }
        guard !chosen.isEmpty else { throw UsageFailure("\(flag) needs a name") }
        return chosen
    }
}

/// Why the command line makes no sense.
struct UsageFailure: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) { description = reason }
}
