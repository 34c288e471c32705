public import RedoubtCore

/// Statistics in the text format that Prometheus scrapes, version 0.0.4.
///
/// The names follow from ``CounterName``: snake case, `redoubt_` in front, the unit behind (seconds and bytes), and
/// `_total` behind that for counters. Foreground waits are one histogram, `redoubt_wait_seconds`, by reason.
struct MetricsText {
    private var text = ""

    /// The exposition of `statistics`; nil says only that the database is not open.
    static func exposition(_ statistics: Statistics?) -> String {
        var metrics = MetricsText()
        metrics.begin("redoubt_up", "gauge", "Whether a process has the database open.")
        metrics.sample("redoubt_up", [], statistics == nil ? "0" : "1")
        guard let statistics else { return metrics.text }
        let age = "redoubt_statistics_age_seconds"
        metrics.begin(age, "gauge", "How long ago the numbers were read; more than a second if the process hangs.")
        metrics.sample(age, [], "\(Double(statistics.ageNanoseconds) / 1e9)")
        for name in CounterName.allCases { metrics.add(name, statistics[name]) }
        metrics.addInstances(statistics.instances)
        metrics.addWaits(statistics)
        return metrics.text
    }

    /// The name of a metric.
    static func name(_ counter: CounterName) -> String {
        let entry = counter.entry
        var words = snakeCase(counter.rawValue).split(separator: "_").map(String.init)
        switch entry.unit {
        case .bytes: if words.last != "bytes" { words.append("bytes") }
        case .nanoseconds:
            if words.last == "time" { words.removeLast() }
            words.append("seconds")
        default: break
        }
        if entry.kind == .counter { words.append("total") }
        return "redoubt_" + words.joined(separator: "_")
    }

    private mutating func add(_ counter: CounterName, _ value: UInt64) {
        let entry = counter.entry
        let name = Self.name(counter)
        begin(name, entry.kind == .counter ? "counter" : "gauge", entry.help)
        sample(name, [], entry.unit == .nanoseconds ? "\(Double(value) / 1e9)" : "\(value)")
    }

    private mutating func addInstances(_ instances: [InstanceStatistics]) {
        let states: [(String, KeyPath<InstanceStatistics, UInt64>)] = [
            ("free", \.freeFrameCount), ("data", \.pageCount), ("old", \.oldPageCount), ("dirty", \.dirtyPageCount),
        ]
        let name = "redoubt_pool_instance_frames"
        begin(name, "gauge", "Frames of each instance of the buffer pool by what they hold; dirty and old are of data.")
        for (number, instance) in instances.enumerated() {
            for (state, path) in states {
                sample(name, [("instance", "\(number)"), ("state", state)], "\(instance[keyPath: path])")
            }
        }
    }

    private mutating func addWaits(_ statistics: Statistics) {
        let name = "redoubt_wait_seconds"
        begin(name, "histogram", "Waits of foreground threads, by what they waited for.")
        for reason in WaitReason.allCases {
            let waits = statistics[reason]
            let label = ("reason", "\(reason)")
            var sum: UInt64 = 0
            for (index, count) in waits.buckets.enumerated() {
                sum &+= count
                guard let bound = WaitStatistics.upperBound(ofBucket: index) else { continue }
                // Every other bound is fine enough.
                if index % 2 == 0 { sample(name + "_bucket", [label, ("le", "\(bound)")], "\(sum)") }
            }
            // The sum of the buckets, not the count: both are read one after the other, and must agree here.
            sample(name + "_bucket", [label, ("le", "+Inf")], "\(sum)")
            sample(name + "_sum", [label], "\(Double(waits.nanoseconds) / 1e9)")
            sample(name + "_count", [label], "\(sum)")
        }
        begin("redoubt_waiting_threads", "gauge", "Foreground threads that wait now, by what for.")
        for reason in WaitReason.allCases {
            sample("redoubt_waiting_threads", [("reason", "\(reason)")], "\(statistics[reason].waitingCount)")
        }
        begin("redoubt_longest_wait_seconds", "gauge", "The longest wait since the opening, by what for.")
        for reason in WaitReason.allCases {
            let longest = Double(statistics[reason].longestNanoseconds) / 1e9
            sample("redoubt_longest_wait_seconds", [("reason", "\(reason)")], "\(longest)")
        }
    }

    private mutating func begin(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty { text += "{" + labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",") + "}" }
        text += " \(value)\n"
    }

    /// "pagesWrittenLRU" as "pages_written_lru".
    private static func snakeCase(_ name: String) -> String {
        var result = ""
        var wasLower = false
        for character in name {
            if character.isUppercase && wasLower { result += "_" }
            wasLower = character.isLowercase
            result += character.lowercased()
        }
        return result
    }
}

extension CounterName {
    /// The name that Prometheus knows it by.
    public var metricName: String { MetricsText.name(self) }
}

extension Statistics {
    /// All numbers in the text format that Prometheus scrapes.
    public func metrics() -> String { MetricsText.exposition(self) }

    /// What a scrape of a database gets that no process has open.
    public static func metricsOfNone() -> String { MetricsText.exposition(nil) }
}
