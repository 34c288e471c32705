/// A change of ``ScenarioTextTests/good`` that makes it wrong.
struct WrongLine: Sendable, CustomStringConvertible {
    /// The line that is replaced.
    let old: String
    /// What it is replaced by.
    let new: String
    /// The key that the problem must name.
    let key: String
    /// What the message must say.
    let remedy: String
    /// How many lines behind the replaced one the problem stands.
    let offset: Int

    private init(_ old: String, _ new: String, _ key: String, _ remedy: String, offset: Int = 0) {
        (self.old, self.new, self.key, self.remedy, self.offset) = (old, new, key, remedy, offset)
    }

    var description: String { new.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " / ") }

    private static let long = String(repeating: "x", count: 61)

    static let all = form + values + options + relations

    /// Lines that are none, and keys and sections that do not exist.
    private static let form: [WrongLine] = [
        WrongLine("title = A load = and a pause", "title", "", "has no \"=\"; write key = value"),
        WrongLine("title = A load = and a pause", "= x", "", "there is no key before \"=\""),
        WrongLine("[data]", "[data", "", "has no \"]\" at its end"),
        WrongLine("[data]", "[ ]", "", "a section has no name; write [data] or [phase steady]"),
        WrongLine(
            "[data]",
            "[dtaa]",
            "dtaa",
            "there is [data], [redo], [machine], [options], [workload], [phase NAME]"
        ),
        WrongLine("[data]", "[data of all]", "data", "takes no name, but has \"of all\"; leave it out"),
        WrongLine("[redo]", "[data]", "data", "stands in line 10 already; write its keys there"),
        WrongLine("[phase warm up]", "[phase \(long)]", "phase", "60 bytes"),
        WrongLine(
            "seed = 18_446_744_073_709_551_615",
            "seed = 1\nseed = 2",
            "seed",
            "set in line 6 already",
            offset: 1
        ),
        WrongLine("frames = 1000", "frame = 1000", "frame", "no key of [data]; there is frames, freeFrames"),
        WrongLine("frames = 1000", "capacity = 1 GiB", "capacity", "it belongs to [redo]"),
        WrongLine("frames = 1000", "innodb_lru_scan_depth = 1", "innodb_lru_scan_depth", "write freeFrames in [data]"),
        WrongLine("threads = 16", "zzz = 1", "zzz", "there is seconds, threads, rate, endRate, workload, pattern"),
        WrongLine("title = A load = and a pause", "title = \(long)\(long)\(long)\(long)", "title", "200 bytes"),
    ]

    /// Values that are none of their key.
    private static let values: [WrongLine] = [
        WrongLine(
            "seed = 18_446_744_073_709_551_615",
            "seed = 18446744073709551616",
            "seed",
            "in 0...184467440737095516"
        ),
        WrongLine(
            "policies = mysql80, redoubt",
            "policies = mysql81",
            "policies",
            "textbook, mysql80, mysql57, mariadb"
        ),
        WrongLine("policies = mysql80, redoubt", "policies = mysql80, mysql80", "policies", "each once"),
        WrongLine("device = sataSSD", "device = sataSD", "device", "called so; there is disk7200, sataSSD"),
        WrongLine("size = 256 MiB", "size = 7", "size", "\"7\", but must be in 1 MiB...1 TiB"),
        WrongLine("size = 256 MiB", "size = 256 mb", "size", "a size such as 4096, 64 MiB or 2 GiB"),
        WrongLine("size = 256 MiB", "size = 1e200 GiB", "size", "in 1 MiB...1 TiB"),
        WrongLine("size = 256 MiB", "size = 256 MiB # all", "size", "a comment has a line of its own"),
        WrongLine("frames = 1000", "frames = 1000.5", "frames", "must be a whole number"),
        WrongLine("frames = 1000", "frames = 63", "frames", "in 64...67108864"),
        WrongLine("frames = 1000", "frames = 1__000_", "frames", "must be a number"),
        WrongLine("instances = 2", "instances = 65", "instances", "in 1...64"),
        WrongLine("capacity = 96 MiB", "capacity = 1 TiB", "capacity", "in 8 MiB...512 GiB"),
        WrongLine("checkpointInterval = 1.5 s", "checkpointInterval = 1500", "checkpointInterval", "500 ms or 1 s"),
        WrongLine("checkpointInterval = 1.5 s", "checkpointInterval = 99.5 ms", "checkpointInterval", "milliseconds"),
        WrongLine("replayRate = 200 MB/s", "replayRate = 200 MB", "replayRate", "such as 200 MB/s"),
        WrongLine("processors = 2.5", "processors = 0", "processors", "in 0.1...1024"),
        WrongLine("wakeTime = 0.03 ms", "wakeTime = 2 s", "wakeTime", "in 0...1 s"),
        WrongLine("seconds = 2 min", "seconds = 25 h", "seconds", "in 0.1 s...24 h"),
        WrongLine("threads = 16", "threads = 1025", "threads", "in 0...1024"),
        WrongLine("rate = 1000 /s", "rate = fast", "rate", "maximum, or a rate such as 1000 /s"),
        WrongLine("endRate = 5000", "endRate = maximum", "endRate", "a rate such as 1000 /s"),
        WrongLine("workload = zipfian", "workload = zipf", "workload", "one of update, zipfian, writeOnly"),
        WrongLine("pattern = hot 20% 70%", "pattern = hot 20%", "pattern", "uniform, zipfian 0.9 or hot 20% 70%"),
        WrongLine("pattern = hot 20% 70%", "pattern = zipfian 1", "pattern", "zipfian 0.01...0.99"),
        WrongLine("pattern = hot 20% 70%", "pattern = hot 0% 70%", "pattern", "0.001%...100% of the pages"),
        WrongLine("redoPerChange = 1 KiB", "processorTime = 0", "processorTime", "in 100 ns...10 s"),
        WrongLine("durable = false", "durable = no", "durable", "true or false"),
    ]

    /// Options that Redoubt or InnoDB would refuse.
    private static let options: [WrongLine] = [
        WrongLine(
            "ioCapacity = 2_000",
            "ioCapacity = lots",
            "ioCapacity",
            "automatic, or a number of pages per second"
        ),
        WrongLine("ioCapacity = 2_000", "ioCapacity = 99", "ioCapacity", "must be in 100..."),
        WrongLine("ioCapacity = 2_000", "innodb_io_capacity = 4001", "innodb_io_capacity_max", "4001...", offset: 1),
        WrongLine("innodb_io_capacity_max = 4000", "ioCapacityMax = 4000", "ioCapacityMax", "ioCapacityMaximum"),
        WrongLine(
            "innodb_io_capacity_max = 4000",
            "innodb_io_capacty = 1",
            "innodb_io_capacty",
            "is innodb_io_capacity"
        ),
        WrongLine("adaptive = false", "innodb_adaptive_flushing = maybe", "innodb_adaptive_flushing", "one of ON, OFF"),
        WrongLine("adaptive = false", "neighbours = none", "neighbours", "line 29 already, as innodb_flush_neighbors"),
        WrongLine("adaptive = false", "policy = mysql80", "policy", "write policies = mysql80, redoubt at the top"),
        WrongLine("adaptive = false", "idlePercent = 101%", "idlePercent", "must be in 0...100"),
        WrongLine(
            "innodb_flush_neighbors = 1",
            "innodb_flush_neighbors = 3",
            "innodb_flush_neighbors",
            "one of 0, 1, 2"
        ),
        WrongLine("targetRecoveryTime = 1 min", "targetRecoveryTime = 2 h", "targetRecoveryTime", "in 1...3600 s"),
    ]

    /// Values that do not go with others.
    private static let relations: [WrongLine] = [
        WrongLine("size = 256 MiB", "size = 256 MiB\npages = 16384", "pages", "say the same; keep one", offset: 1),
        WrongLine("frames = 1000", "frames = 100", "instances", "in 1...1: each has at least 64", offset: 1),
        WrongLine("size = 256 MiB", "size = 1 TiB", "size", "the device \"sataSSD\" holds 1 TB"),
        WrongLine("rate = 1000 /s", "rate = maximum", "endRate", "set rate as well", offset: 1),
    ]
}
