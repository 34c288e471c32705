import Redoubt
import RedoubtCore
import RedoubtEngine
import Testing

/// Goal: the exposition is what a strict reader of the format takes, and every number is in it under its name.
/// Method: a parser of the text format, and statistics in which every number is different.
@Suite struct MetricsTests {
    private func statistics() -> Statistics {
        var engine = EngineStatistics()
        for index in engine.values.indices { engine.values[index] = UInt64(1000 + index) }
        engine.instances = [InstanceStatistics(), InstanceStatistics()]
        engine.instances[1].words = [10, 2, 3, 8, 4, 5]
        for index in engine.waits.indices {
            engine.waits[index].count = 6
            engine.waits[index].nanoseconds = 2_500_000_000
            engine.waits[index].buckets[0] = 1
            engine.waits[index].buckets[13] = 3
            engine.waits[index].buckets[27] = 2
        }
        return Statistics(engine)
    }

    @Test("the text is strictly well formed")
    func wellFormed() throws {
        let exposition = try Exposition(statistics().metrics())
        #expect(exposition.value("redoubt_up") == 1)
        for name in CounterName.allCases {
            let family = try #require(exposition.families.first { $0.help == name.entry.help }, "\(name) is missing")
            #expect(family.type == (name.entry.kind == .counter ? "counter" : "gauge"))
            let expected = Double(1000 + (CounterName.allCases.firstIndex(of: name) ?? 0))
            let scale = name.entry.unit == .nanoseconds ? 1e-9 : 1
            #expect(abs((exposition.value(family.name) ?? -1) - expected * scale) < 1e-12 + expected * 1e-12)
        }
        #expect(exposition.value(#"redoubt_pool_instance_frames{instance="1",state="dirty"}"#) == 5)
        try Exposition(Statistics.metricsOfNone()).families.forEach { #expect($0.name == "redoubt_up") }
        #expect(try Exposition(Statistics.metricsOfNone()).value("redoubt_up") == 0)
    }

    @Test("the histogram of waits is cumulative and closed")
    func histogram() throws {
        let exposition = try Exposition(statistics().metrics())
        for reason in WaitReason.allCases {
            func bucket(_ bound: String) -> Double? {
                exposition.value(#"redoubt_wait_seconds_bucket{reason="\#(reason)",le="\#(bound)"}"#)
            }
            #expect(bucket("1e-06") == 1)
            // Bucket 13 ends at 8.192 ms, which is not a bound that is shown; the next one is.
            #expect(bucket("0.004096") == 1)
            #expect(bucket("0.016384") == 4)
            #expect(bucket("+Inf") == 6)
            #expect(exposition.value(#"redoubt_wait_seconds_count{reason="\#(reason)"}"#) == 6)
            #expect(exposition.value(#"redoubt_wait_seconds_sum{reason="\#(reason)"}"#) == 2.5)
        }
    }

    @Test("every name has one entry, and no InnoDB name stands for two")
    func names() {
        let innodb = CounterName.allCases.compactMap { $0.entry.innodbName }
        #expect(Set(innodb).count == innodb.count)
        #expect(Set(CounterName.allCases.map { $0.entry.help }).count == CounterName.allCases.count)
        for name in CounterName.allCases { #expect(name.entry.help.hasSuffix(".") || name.entry.help.hasSuffix(")")) }
        // The table is beside the list: its ends are where they belong.
        #expect(CounterName.currentLSN.entry.innodbName == "Innodb_redo_log_current_lsn")
        #expect(CounterName.poolFrames.entry.innodbName == "Innodb_buffer_pool_pages_total")
        #expect(CounterName.doublewriteBatches.entry.innodbName == "Innodb_dblwr_writes")
        #expect(CounterName.dataReads.entry.innodbName == "Innodb_data_reads")
        #expect(CounterName.fenced.entry.unit == .flag)
    }
}

/// The text format of Prometheus, read strictly.
private struct Exposition {
    struct Family {
        let name: String
        let help: String
        var type = ""
    }

    struct Malformed: Error {
        let line: String
        let reason: String
    }

    private(set) var families: [Family] = []
    private var samples: [String: Double] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Malformed(line: "", reason: "no line feed at the end") }
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            if line.hasPrefix("# HELP ") {
                guard words.count == 4, !families.contains(where: { $0.name == words[2] }) else {
                    throw Malformed(line: line, reason: "a family begins twice, or without help")
                }
                families.append(Family(name: words[2], help: words[3]))
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, families.last?.name == words[2], families.last?.type == "",
                    ["counter", "gauge", "histogram"].contains(words[3])
                else { throw Malformed(line: line, reason: "a type out of place") }
                families[families.count - 1].type = words[3]
            } else {
                try add(line)
            }
        }
        for family in families where family.type == "counter" && !family.name.hasSuffix("_total") {
            throw Malformed(line: family.name, reason: "a counter that does not end in _total")
        }
        for family in families where family.type != "counter" && family.name.hasSuffix("_total") {
            throw Malformed(line: family.name, reason: "no counter, and ends in _total")
        }
    }

    func value(_ series: String) -> Double? { samples[series] }

    private mutating func add(_ line: String) throws {
        let pattern = /([a-z_][a-z0-9_]*)(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? ([-+0-9.e]+)/
        guard let match = line.wholeMatch(of: pattern), let value = Double(match.4) else {
            throw Malformed(line: line, reason: "no sample")
        }
        guard let family = families.last, !family.type.isEmpty else {
            throw Malformed(line: line, reason: "a sample before its type")
        }
        let name = String(match.1)
        let suffixes = family.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { name == family.name + $0 }) else {
            throw Malformed(line: line, reason: "a sample of another family than \(family.name)")
        }
        let series = name + (match.2.map(String.init) ?? "")
        guard samples.updateValue(value, forKey: series) == nil else {
            throw Malformed(line: line, reason: "a series twice")
        }
    }
}
