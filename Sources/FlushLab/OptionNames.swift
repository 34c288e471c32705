package import RedoubtCore

/// An option of flushing as Redoubt and as InnoDB calls it, and its values as either writes them.
///
/// InnoDB is MySQL's of 8.0.30 and later; MariaDB and Percona Server have most of these.
package struct OptionNames: Sendable {
    /// Redoubt's name, without "flushing.".
    package let redoubt: String
    /// InnoDB's name, nil if it has no such option.
    package let innodb: String?
    /// Values that have names: Redoubt's and InnoDB's; of several for one, InnoDB prints the first.
    private let values: [Value]
    /// The unit of values that are numbers.
    private let quantity: ScenarioText.Quantity?

    private struct Value {
        let redoubt: String
        let innodb: String

        init(_ redoubt: String, _ innodb: String) {
            (self.redoubt, self.innodb) = (redoubt, innodb)
        }
    }

    private init(
        _ redoubt: String,
        _ innodb: String?,
        _ quantity: ScenarioText.Quantity? = nil,
        values: [Value] = []
    ) {
        (self.redoubt, self.innodb, self.quantity, self.values) = (redoubt, innodb, quantity, values)
    }

    /// All options of flushing but the policy, which is no option of a laboratory but what is tried.
    package static let all = [
        OptionNames("ioCapacity", "innodb_io_capacity", .rate),
        OptionNames("ioCapacityMaximum", "innodb_io_capacity_max", .rate),
        OptionNames("dirtyPagePercentMaximum", "innodb_max_dirty_pages_pct", .percent),
        OptionNames("dirtyPagePercentLowWater", "innodb_max_dirty_pages_pct_lwm", .percent),
        OptionNames("adaptive", "innodb_adaptive_flushing", values: switches),
        OptionNames("redoAgePercentLowWater", "innodb_adaptive_flushing_lwm", .percent),
        OptionNames("averagingLoops", "innodb_flushing_avg_loops", .number),
        OptionNames("flushSync", "innodb_flush_sync", values: switches),
        OptionNames("idlePercent", "innodb_idle_flush_pct", .percent),
        OptionNames(
            "neighbours",
            "innodb_flush_neighbors",
            values: [Value("none", "0"), Value("contiguous", "1"), Value("extent", "2")]
        ),
        OptionNames("cleanerThreads", "innodb_page_cleaners", .number),
        OptionNames(
            "doublewrite",
            "innodb_doublewrite",
            values: [Value("detectOnly", "DETECT_ONLY"), Value("on", "ON"), Value("off", "OFF")]
                + [Value("on", "DETECT_AND_RECOVER"), Value("on", "TRUE"), Value("off", "FALSE")]
                + [Value("on", "1"), Value("off", "0")]
        ),
        OptionNames("doublewriteBatchPages", "innodb_doublewrite_pages", .number),
        OptionNames("targetRecoveryTime", nil, .milliseconds),
    ]

    private static let switches = [
        Value("true", "ON"), Value("false", "OFF"), Value("true", "1"), Value("false", "0"),
        Value("true", "TRUE"), Value("false", "FALSE"),
    ]

    /// Where a scenario says what other options of either engine say.
    static let elsewhere = [
        "policy": "policies = mysql80, redoubt at the top",
        "memory": "pool in [data]",
        "innodb_buffer_pool_size": "pool in [data]",
        "instanceCount": "instances in [data]",
        "innodb_buffer_pool_instances": "instances in [data]",
        "lruScanDepth": "freeFrames in [data]",
        "innodb_lru_scan_depth": "freeFrames in [data]",
        "innodb_redo_log_capacity": "capacity in [redo]",
        "innodb_log_file_size": "capacity in [redo]",
        "checkpointIntervalMilliseconds": "checkpointInterval in [redo]",
        "innodb_log_checkpoint_every": "checkpointInterval in [redo]",
        "durability": "durable in [workload] or [phase NAME]",
        "innodb_flush_log_at_trx_commit": "durable in [workload] or [phase NAME]",
    ]

    /// Returns the option that either engine calls `name`.
    package static func named(_ name: String) -> OptionNames? { all.first { $0.redoubt == name || $0.innodb == name } }

    /// Returns its value in `options`, as Redoubt writes it.
    package func text(in options: Configuration.Flushing) -> String {
        var configuration = Configuration()
        configuration.flushing = options
        do throws(RedoubtError) {
            return try configuration.text(of: "flushing.\(redoubt)")
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Returns its value in `options`, as InnoDB writes it; nil if InnoDB has no such option or value.
    package func innodbText(in options: Configuration.Flushing) -> String? {
        guard innodb != nil else { return nil }
        let own = text(in: options)
        if values.isEmpty { return Int(own) == nil ? nil : own }
        return values.first { $0.redoubt == own }?.innodb
    }

    /// Returns the line of InnoDB's configuration, such as `innodb_flush_neighbors=1`; nil if it cannot say that.
    package func innodbLine(for options: Configuration.Flushing) -> String? {
        guard let innodb, let text = innodbText(in: options) else { return nil }
        return "\(innodb)=\(text)"
    }

    /// Returns the line of Redoubt's configuration, such as `flushing.neighbours=contiguous`.
    package func redoubtLine(for options: Configuration.Flushing) -> String {
        "flushing.\(redoubt)=\(text(in: options))"
    }

    /// Returns the lines of InnoDB's configuration for all that a scenario says of pool, redo and flushing.
    package static func innodbLines(for scenario: Scenario) -> [String] {
        [
            "innodb_buffer_pool_size=\(scenario.frameCount * Scenario.pageBytes)",
            "innodb_buffer_pool_instances=\(scenario.instanceCount)",
            "innodb_lru_scan_depth=\(scenario.freeFrameTarget)",
            "innodb_redo_log_capacity=\(scenario.redoCapacity)",
        ] + all.compactMap { $0.innodbLine(for: scenario.options) }
    }

    /// Returns the lines of Redoubt's configuration for the same, but the memory, which holds more than frames.
    package static func redoubtLines(for scenario: Scenario) -> [String] {
        [
            "bufferPool.instanceCount=\(scenario.instanceCount)",
            "bufferPool.lruScanDepth=\(scenario.freeFrameTarget)",
            "redoLog.capacity=\(ByteCount.bytes(scenario.redoCapacity))",
        ] + all.map { $0.redoubtLine(for: scenario.options) }
    }

    /// Returns `text`, which stands behind `name`, as Redoubt writes that value; nil if InnoDB has none of the kind.
    ///
    /// What is no value at all is returned as it is: Redoubt says what is wrong with it.
    func redoubtValue(of text: String, under name: String) -> String? {
        if name == innodb, !values.isEmpty { return values.first { $0.innodb == text.uppercased() }?.redoubt }
        guard let quantity, let number = quantity.value(of: text), let whole = Int(exactly: number) else { return text }
        return redoubt == "targetRecoveryTime" ? "\(whole) ms" : "\(whole)"
    }

    /// What values InnoDB has.
    var innodbForm: String { "one of " + values.map(\.innodb).joined(separator: ", ") }
}
