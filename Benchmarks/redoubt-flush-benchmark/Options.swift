import RedoubtCore

/// What the command line asks for.
struct Options {
    /// The parts that `--only` chooses from.
    static let partNames = ["redo", "turns", "lru", "lruTurns"]

    static let usage = """
        usage: redoubt-flush-benchmark [--smoke] [--only PART,...] [--policies NAME,...] [--seconds N] [--memory MIB]
                                       [--data MIB] [--threads N] [--doublewrite MODE] [--folder F] [--json FILE]
                                       [--html FILE]

          --smoke            2 seconds a part, small data: whether it runs and counts, not how fast
          --only PART,...    redo (data in memory, small redo), turns (the same in overload, the policies by turns),
                             lru (data ten times the memory), lruTurns (the same, by turns); without it all
          --policies N,...   of \(FlushingPolicy.allCases.map(\.rawValue).joined(separator: ", ")); without it all
          --seconds N        of load for each policy in each part; without it 180, 60, 120, 60
          --memory MIB       the memory of the database in the part lru; without it 128
          --data MIB         the data of the part lru; without it ten times the memory
          --threads N        the threads that update; without it 4
          --doublewrite MODE one of \(Configuration.Doublewrite.allCases.map(\.rawValue).joined(separator: ", "))
          --folder F         where databases and control files are made, in a folder that is removed afterwards
          --json FILE        writes figures and samples to FILE, one line of JSON each
          --html FILE        writes the charts to FILE
          --help             prints this

        exit codes: 0 done (also when a bound is missed), 1 it could not run, 2 the command line is wrong
        """

    private(set) var wantsHelp = false
    private(set) var isSmoke = false
    private(set) var parts = Self.partNames
    private(set) var policies = FlushingPolicy.allCases
    private(set) var seconds: Int?
    private(set) var memory = 128
    private(set) var data: Int?
    private(set) var threads = 4
    private(set) var doublewrite = Configuration().flushing.doublewrite
    private(set) var folder: String?
    private(set) var jsonPath: String?
    private(set) var htmlPath: String?

    /// Reads the words after the name of the program.
    init(_ words: [String]) throws(UsageFailure) {
        var rest = words[...]
        while let flag = rest.popFirst() {
            switch flag {
            case "--help", "-h": wantsHelp = true
            case "--smoke": isSmoke = true
            case "--only": parts = try Self.choice(flag, Self.value(flag, &rest), Self.partNames)
            case "--policies":
                let names = FlushingPolicy.allCases.map(\.rawValue)
                policies = try Self.choice(flag, Self.value(flag, &rest), names).compactMap { .init(rawValue: $0) }
            case "--seconds": seconds = try Self.number(flag, Self.value(flag, &rest))
            case "--memory": memory = try Self.number(flag, Self.value(flag, &rest))
            case "--data": data = try Self.number(flag, Self.value(flag, &rest))
            case "--threads": threads = try Self.number(flag, Self.value(flag, &rest))
            case "--doublewrite":
                let text = try Self.value(flag, &rest)
                guard let mode = Configuration.Doublewrite(rawValue: text) else {
                    throw UsageFailure("\(flag): there is no \"\(text)\"")
                }
                doublewrite = mode
            case "--folder": folder = try Self.value(flag, &rest)
            case "--json": jsonPath = try Self.value(flag, &rest)
            case "--html": htmlPath = try Self.value(flag, &rest)
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

    private static func choice(_ flag: String, _ text: String, _ names: [String]) throws(UsageFailure) -> [String] {
        let chosen = text.split(separator: ",").map(String.init)
        for name in chosen where !names.contains(name) { throw UsageFailure("\(flag): there is no \"\(name)\"") }
        guard !chosen.isEmpty else { throw UsageFailure("\(flag) needs a name") }
        return chosen
    }
}

/// Why the command line makes no sense.
struct UsageFailure: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) { description = reason }
}
