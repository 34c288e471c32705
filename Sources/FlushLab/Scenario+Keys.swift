import RedoubtCore

extension Scenario {
    typealias Key = ScenarioText.Key<Scenario>

    /// Bytes of a page, and of a frame.
    static let pageBytes = 16384
    /// How many pages, or frames, there may be.
    static let pageRange = 64...(64 << 20)
    /// The longest that all phases may take together, in seconds.
    static let longestTime = 86_400.0
    /// The most phases.
    static let phaseLimit = 1000
    /// Frames that an instance must have.
    static let instanceFrameMinimum = 64

    /// Sections that may stand once; `[phase NAME]` may stand as often as it takes.
    static let sections = ["data", "redo", "machine", "options", "workload"]

    /// All sections with their keys.
    static let places: [(section: String, keys: [String])] = [
        ("the top", topKeys.map(\.name)),
        ("[data]", dataKeys.map(\.name)),
        ("[redo]", redoKeys.map(\.name)),
        ("[machine]", machineKeys.map(\.name)),
        ("[options]", optionKeys),
        ("[workload]", Workload.keys.map(\.name)),
        ("[phase]", Phase.keys.map(\.name)),
    ]

    /// Keys before the first section.
    ///
    /// Of the device only the name is read; whoever reads looks it up.
    static let topKeys: [Key] = [
        .words("title", \.title), seedKey, policiesKey, .words("device", \.device.name), bugKey,
    ]

    /// Keys of `[data]`: data and pool, as sizes or as pages.
    static let dataKeys: [Key] = [
        size("size", \.pageCount), pages("pages", \.pageCount), size("pool", \.frameCount),
        pages("frames", \.frameCount), .count("instances", \.instanceCount, 1...64),
        .count("freeFrames", \.freeFrameTarget, 1...(1 << 20)),
    ]

    /// Keys of `[redo]`.
    static let redoKeys: [Key] = [
        .count("capacity", \.redoCapacity, (8 << 20)...(512 << 30), .size), limitsKey,
        .count("checkpointInterval", \.checkpointInterval, 10...3_600_000, .milliseconds),
        .amount("replayRate", \.replayRate, .bandwidth, 1e6...1e12),
    ]

    /// Keys of `[machine]`.
    static let machineKeys: [Key] = [
        .amount("processors", \.machine.processors, .number, 0.1...1024),
        .amount("pageWriteTime", \.machine.pageWriteTime, .time, 0...1e9),
        .amount("pageReadTime", \.machine.pageReadTime, .time, 0...1e9),
        .amount("wakeTime", \.machine.wakeTime, .time, 0...1e9),
    ]

    /// Keys of `[options]`, in Redoubt's names; InnoDB's are taken as well.
    static let optionKeys = OptionNames.all.map(\.redoubt)

    private static let seedKey = Key(
        "seed",
        read: { scenario, text in
            let digits = text.utf8.filter { $0 != UInt8(ascii: "_") }
            let isNumber = digits.allSatisfy { (48...57).contains($0) }
            guard isNumber, let seed = UInt64(String(decoding: digits, as: UTF8.self)) else {
                return "a whole number in 0...\(UInt64.max)"
            }
            scenario.seed = seed
            return nil
        },
        text: { "\($0.seed)" }
    )

    private static let bugKey = Key(
        "bug",
        read: { scenario, text in
            guard text == "none" || CleanerBug(rawValue: text) != nil else {
                return "none, or one of " + CleanerBug.allCases.map(\.rawValue).joined(separator: ", ")
            }
            scenario.bug = CleanerBug(rawValue: text)
            return nil
        },
        text: { $0.bug?.rawValue ?? "none" }
    )

    private static let limitsKey = Key(
        "limits",
        read: { scenario, text in
            guard let limits = RedoLimits(rawValue: text) else {
                return "one of " + RedoLimits.allCases.map(\.rawValue).joined(separator: ", ")
            }
            scenario.redoLimits = limits
            return nil
        },
        text: { $0.redoLimits.rawValue }
    )

    private static let policiesKey = Key(
        "policies",
        read: { scenario, text in
            let names = FlushingPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            var found: [FlushingPolicy] = text == "all" ? FlushingPolicy.allCases : []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) where text != "all" {
                let name = ScenarioText.oneLine(String(part))
                guard let policy = FlushingPolicy(rawValue: name), !found.contains(policy) else {
                    return "all, or some of \(names), each once, with commas between"
                }
                found.append(policy)
            }
            scenario.policies = found
            return nil
        },
        text: { scenario in
            if scenario.policies == FlushingPolicy.allCases { return "all" }
            return scenario.policies.map(\.rawValue).joined(separator: ", ")
        }
    )

    /// Pages are written as such if they are no whole number of mebibytes.
    private static func pages(_ name: String, _ path: any WritableKeyPath<Scenario, Int> & Sendable) -> Key {
        let key = Key.count(name, path, pageRange)
        return Key(name, read: key.read, text: { $0[keyPath: path] % 64 == 0 ? nil : key.text($0) })
    }

    /// A size is rounded down to pages.
    private static func size(_ name: String, _ path: any WritableKeyPath<Scenario, Int> & Sendable) -> Key {
        let quantity = ScenarioText.Quantity.size
        let limits = Double(pageRange.lowerBound * pageBytes)...Double(pageRange.upperBound * pageBytes)
        return Key(
            name,
            read: { scenario, text in
                guard let size = quantity.value(of: text) else { return quantity.form }
                guard limits.contains(size) else { return ScenarioText.text(of: limits, quantity) }
                scenario[keyPath: path] = Int(size / Double(pageBytes))
                return nil
            },
            text: { scenario in
                let count = scenario[keyPath: path]
                return count % 64 == 0 ? quantity.text(of: Double(count) * Double(pageBytes)) : nil
            }
        )
    }
}

extension Scenario.Phase {
    typealias Key = ScenarioText.Key<Scenario.Phase>

    /// Keys of `[phase NAME]`: its own, and those of its workload.
    static let keys: [Key] = ownKeys + Workload.keys.map { $0.inside(\.workload) }

    private static let ownKeys: [Key] = [
        .amount("seconds", \.seconds, .seconds, 0.1...Scenario.longestTime),
        .count("threads", \.threads, 0...1024),
        rate("rate", \.rate, none: "maximum"),
        rate("endRate", \.endRate, none: nil),
    ]

    /// A rate, or `none` for nil; nil is not written if there is no such word.
    private static func rate(
        _ name: String,
        _ path: any WritableKeyPath<Scenario.Phase, Double?> & Sendable,
        none: String?
    ) -> Key {
        Key(
            name,
            read: { phase, text in
                if text == none {
                    phase[keyPath: path] = nil
                    return nil
                }
                let word = none.map { "\($0), or " } ?? ""
                guard let rate = ScenarioText.Quantity.rate.value(of: text) else {
                    return word + ScenarioText.Quantity.rate.form
                }
                guard rate <= 1e8 else { return word + ScenarioText.text(of: 0...1e8, .rate) }
                phase[keyPath: path] = rate
                return nil
            },
            text: { phase in phase[keyPath: path].map { ScenarioText.Quantity.rate.text(of: $0) } ?? none }
        )
    }
}
