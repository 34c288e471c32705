extension Workload {
    typealias Key = ScenarioText.Key<Workload>

    /// Keys of `[workload]`, and of `[phase NAME]`: the first takes a shape as a whole, the others change it.
    ///
    /// What is a shape is written as its name, everything else key by key.
    static let keys: [Key] =
        [shapeKey]
        + ownKeys.map { key in Key(key.name, read: key.read, text: { $0.shapeName == nil ? key.text($0) : nil }) }

    private static let shapeKey = Key(
        "workload",
        read: { workload, text in
            guard let shape = shape(text) else { return "one of " + shapes.map(\.name).joined(separator: ", ") }
            workload = shape
            return nil
        },
        text: { $0.shapeName }
    )

    private static let ownKeys: [Key] = [
        Key("pattern", read: { $0.pattern.read($1) }, text: { $0.pattern.text }),
        .amount("reads", \.reads, .number, 0...100_000),
        .amount("changes", \.changes, .number, 0...100_000),
        .amount("appends", \.appends, .number, 0...100_000),
        .count("rowsPerPage", \.rowsPerPage, 1...16384),
        .amount("redoPerChange", \.redoPerChange, .size, 1...1_048_576),
        .amount("redoPerPage", \.redoPerPage, .size, 0...1_048_576),
        // A transaction that takes no time would never end a phase.
        .amount("processorTime", \.processorTime, .time, 100...10e9),
        .flag("durable", \.isDurable), .flag("holdsPages", \.holdsPages),
        .amount("scanPages", \.scanPages, .rate, 0...10e6),
    ]
}

extension Workload.Pattern {
    private static let form = "uniform, zipfian 0.9 or hot 20% 70%"

    /// Takes `text` as the pattern; returns what it must be if it is none, else nil.
    mutating func read(_ text: String) -> String? {
        let words = text.split { $0 == " " || $0 == "\t" }.map(String.init)
        switch (words.first, words.count) {
        case ("uniform", 1):
            self = .uniform
        case ("zipfian", 2):
            guard let theta = ScenarioText.Quantity.number.value(of: words[1]) else { return Self.form }
            guard (0.01...0.99).contains(theta) else { return "zipfian 0.01...0.99" }
            self = .zipfian(theta: theta)
        case ("hot", 3):
            let percent = ScenarioText.Quantity.percent
            guard let pages = percent.value(of: words[1]), let accesses = percent.value(of: words[2]) else {
                return Self.form
            }
            guard (0.001...100).contains(pages), accesses <= 100 else {
                return "hot with 0.001%...100% of the pages and 0%...100% of the accesses"
            }
            self = .hot(pages: pages, accesses: accesses)
        default:
            return Self.form
        }
        return nil
    }

    /// The pattern as text.
    var text: String {
        let percent = ScenarioText.Quantity.percent
        return switch self {
        case .uniform: "uniform"
        case .zipfian(let theta): "zipfian \(ScenarioText.Quantity.number.text(of: theta))"
        case .hot(let pages, let accesses): "hot \(percent.text(of: pages)) \(percent.text(of: accesses))"
        }
    }
}
