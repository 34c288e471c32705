import RedoubtCore

/// Statistics as text, in the sections in which DBAs know them from `SHOW ENGINE INNODB STATUS`.
///
/// Counts are since the opening; rates are averages since the look before.
struct StatusReport {
    let rates: StatisticsRates
    private(set) var text = ""

    var now: Statistics { rates.now }

    /// The report on `now`, with averages since `before`.
    static func text(_ now: Statistics, since before: Statistics?) -> String {
        var report = StatusReport(rates: StatisticsRates(now, since: before))
        report.header()
        report.backgroundThreads()
        report.waits()
        report.files()
        report.log()
        report.pageCleaner()
        report.pool()
        report.instances()
        report.rule("END OF REDOUBT STATUS", "=")
        return report.text
    }

    private init(rates: StatisticsRates) {
        self.rates = rates
    }

    // MARK: Lines

    mutating func line(_ text: String) { self.text += text + "\n" }

    /// A title between two rules of its length.
    mutating func rule(_ title: String, _ character: Character = "-") {
        let rule = String(repeating: character, count: title.utf8.count)
        text += "\(rule)\n\(title)\n\(rule)\n"
    }

    /// A name and a value, in columns.
    mutating func field(_ name: String, _ value: String) {
        line(PlainText.left(name, 32) + " " + value)
    }

    /// A counter, with its rate.
    mutating func counter(_ name: String, _ counter: CounterName) {
        field(name, PlainText.left("\(now[counter])", 16) + perSecond(counter))
    }

    func perSecond(_ counter: CounterName) -> String { PlainText.fixed(rates.perSecond(counter)) + "/s" }

    /// `part` in percent of `whole`.
    func percent(_ part: UInt64, of whole: UInt64) -> String {
        whole == 0 ? "-" : PlainText.fixed(Double(part) * 100 / Double(whole), 1) + " %"
    }

    private func mean(_ time: CounterName, _ count: CounterName) -> String {
        rates.meanMilliseconds(time, over: count).map { PlainText.duration($0 * 1e6) } ?? "-"
    }

    // MARK: Sections

    private mutating func header() {
        rule("\(PlainText.date(now.wallNanoseconds)) UTC  REDOUBT STATUS  process \(now.processID)", "=")
        let span = PlainText.fixed(rates.seconds, 1)
        line(
            rates.before == nil
                ? "Rates are averages over the \(span) s since the opening."
                : "Rates are averages over the last \(span) s."
        )
    }

    private mutating func backgroundThreads() {
        rule("BACKGROUND THREAD")
        field("Open for", PlainText.duration(Double(now[.uptime])))
        let state: String
        if now.isFenced {
            state = "fenced: a write failed, nothing is written any more"
        } else if let phase = now.recoveryPhase {
            state = "recovery, \(phase.rawValue), \(now[.recoveryPosition]) of \(now[.recoveryGoal])"
        } else {
            state = "open"
        }
        field("State", state)
        field("Writers are held back", now.backPressure == .normal ? "no" : "\(now.backPressure)")
        let limit = PlainText.bytes(Double(now[.memoryLimit]))
        field("Memory", "\(PlainText.bytes(Double(now[.residentMemory]))) resident, option memory is \(limit)")
        field("Processor time", PlainText.fixed(Double(rates.rise(.userTime)) / 1e7 / rates.seconds, 1) + " % of one")
        field("Events that listeners missed", "\(now[.eventsDropped])")
    }

    private mutating func waits() {
        rule("WAITS")
        line("Foreground threads, by what they waited for; \"threads\" is how many did at a time, on average.")
        let columns = ["waits", "waits/s", "threads", "mean", "longest", "now", "oldest now"]
        line(PlainText.left("reason", 18) + columns.map { PlainText.right($0, 12) }.joined())
        for reason in WaitReason.allCases {
            let waits = now[reason]
            if waits.count == 0 && waits.waitingCount == 0 { continue }
            let mean = waits.count == 0 ? "-" : PlainText.duration(Double(waits.nanoseconds) / Double(waits.count))
            let values = [
                "\(waits.count)", PlainText.fixed(rates.waitsPerSecond(reason)),
                PlainText.fixed(rates.waitingThreads(reason)), mean,
                PlainText.duration(Double(waits.longestNanoseconds)), "\(waits.waitingCount)",
                waits.waitingCount == 0 ? "-" : PlainText.duration(Double(waits.waitingNanoseconds)),
            ]
            line(PlainText.left("\(reason)", 18) + values.map { PlainText.right($0, 12) }.joined())
        }
        let longest = now[.stalls] == 0 ? "" : ", the longest " + PlainText.duration(Double(now[.longestStall]))
        line("\(now[.stalls]) of more than a second\(longest)")
    }

    private mutating func files() {
        rule("FILE I/O")
        let columns = ["reads/s", "read/s", "writes/s", "written/s", "syncs/s", "read", "write", "sync", "pending"]
        line(PlainText.left("file", 12) + columns.map { PlainText.right($0, 12) }.joined())
        row(
            "data",
            [
                PlainText.fixed(rates.perSecond(.dataReads)), PlainText.bytes(rates.perSecond(.dataReadBytes)),
                PlainText.fixed(rates.perSecond(.dataWrites)), PlainText.bytes(rates.perSecond(.dataWrittenBytes)),
                PlainText.fixed(rates.perSecond(.dataSyncs)), mean(.dataReadTime, .dataReads),
                mean(.dataWriteTime, .dataWrites), mean(.dataSyncTime, .dataSyncs),
                "\(now[.dataPendingReads] &+ now[.dataPendingWrites] &+ now[.dataPendingSyncs])",
            ]
        )
        row(
            "redo",
            [
                PlainText.fixed(rates.perSecond(.redoReads)), PlainText.bytes(rates.perSecond(.redoReadBytes)),
                PlainText.fixed(rates.perSecond(.redoWrites)), PlainText.bytes(rates.perSecond(.redoWrittenBytes)),
                PlainText.fixed(rates.perSecond(.redoSyncs)), "-", mean(.redoWriteTime, .redoWrites),
                mean(.redoSyncTime, .redoSyncs), "\(now[.redoPendingWrites] &+ now[.redoPendingSyncs])",
            ]
        )
        row(
            "doublewrite",
            [
                "-", "-", PlainText.fixed(rates.perSecond(.doublewriteWrites)),
                PlainText.bytes(rates.perSecond(.doublewriteWrittenBytes)),
                PlainText.fixed(rates.perSecond(.doublewriteSyncs)), "-", "-",
                mean(.doublewriteSyncTime, .doublewriteSyncs), "-",
            ]
        )
        line(
            "\(now[.dataReads]) data reads, \(now[.dataWrites]) writes, \(now[.dataSyncs]) syncs; "
                + "\(now[.redoWrites]) redo writes, \(now[.redoSyncs]) syncs; "
                + "\(now[.doublewriteBatches]) doublewrite batches"
        )
    }

    private mutating func row(_ name: String, _ values: [String]) {
        line(PlainText.left(name, 12) + values.map { PlainText.right($0, 12) }.joined())
    }
}

extension Statistics {
    /// The report that a DBA knows from `SHOW ENGINE INNODB STATUS`, with averages since `before`, or since the opening
    /// if there is none.
    public func statusReport(since before: Statistics? = nil) -> String { StatusReport.text(self, since: before) }
}
