import Redoubt
import RedoubtCore

/// What `top` shows: lines of text made from two looks at a database and the looks before, for a size of screen.
///
/// Nothing here knows a terminal.
struct Board {
    /// The folder of the database.
    let path: String
    private var rates: StatisticsRates?
    private var complaint: String?
    // How old the numbers were at the last look.
    private var ageNanoseconds: UInt64 = 0
    // The redo age and the bytes of redo of late, as shares of the limit, for the histories.
    private var ages: [Double] = []
    private var writes: [Double] = []

    /// The looks that are remembered.
    private static let historyCount = 400
    /// A process that says nothing for longer is stopped, or hangs.
    static let silenceNanoseconds: UInt64 = 2_000_000_000

    /// A board without a look.
    init(path: String) {
        self.path = path
    }

    /// Takes note of a look.
    mutating func add(_ statistics: Statistics) {
        complaint = nil
        ageNanoseconds = statistics.ageNanoseconds
        let next = StatisticsRates(statistics, since: rates?.now)
        // The same image again has no rates of its own.
        if let rates, rates.now.monotonicNanoseconds == statistics.monotonicNanoseconds { return }
        rates = next
        ages.append(Self.share(statistics[.redoAge], of: statistics[.redoMaximumAge]))
        writes.append(next.perSecond(.pagesWritten))
        ages = ages.suffix(Self.historyCount)
        writes = writes.suffix(Self.historyCount)
    }

    /// Takes note of a look that was in vain.
    mutating func miss(_ error: RedoubtError) {
        complaint = error.message
        rates = nil
    }

    /// The board in at most `rows` lines of at most `columns` characters.
    func lines(columns: Int, rows: Int) -> [String] {
        var lines: [String] = []
        guard let rates else {
            lines = ["redoubt top  \(path)", "", complaint ?? "waiting"]
            return lines.prefix(rows).map { String($0.prefix(columns)) }
        }
        lines = title(rates, columns) + bars(rates, columns) + pages(rates) + files(rates)
        let waits = waitLines(rates)
        let room = rows - lines.count
        lines += waits.prefix(max(0, room))
        let chartRows = 5
        if rows - lines.count >= 2 * chartRows + 4 {
            lines += chart("Redo age", ages, top: 1, unit: "100 %", columns, chartRows)
            let most = max(writes.suffix(columns).max() ?? 0, 1)
            lines += chart(
                "Pages written",
                writes,
                top: most,
                unit: PlainText.fixed(most, 0) + "/s",
                columns,
                chartRows
            )
        }
        let instances = instanceLines(rates.now)
        if rows - lines.count >= instances.count { lines += instances }
        return lines.prefix(rows).map { String($0.prefix(columns)) }
    }

    // MARK: Parts

    private func title(_ rates: StatisticsRates, _ columns: Int) -> [String] {
        let now = rates.now
        let state: String
        if ageNanoseconds > Self.silenceNanoseconds {
            state = "SILENT for " + PlainText.duration(Double(ageNanoseconds))
        } else if now.isFenced {
            state = "FENCED: a write failed"
        } else if let phase = now.recoveryPhase {
            let total = now[.recoveryGoal]
            let done = total == 0 ? "\(now[.recoveryPosition])" : Self.percent(now[.recoveryPosition], of: total)
            state = "recovery, \(phase.rawValue): \(done)"
        } else {
            state = "open for " + PlainText.duration(Double(now[.uptime]))
        }
        let right = PlainText.date(now.wallNanoseconds) + " UTC"
        // What is cut off where there is no room is the beginning of the path.
        let room = columns - right.count - "redoubt top    process \(now.processID)  \(state)".count - 2
        let shown = path.count <= max(room, 8) ? path : "..." + path.suffix(max(room, 8) - 3)
        let left = "redoubt top  \(shown)  process \(now.processID)  \(state)"
        let gap = max(2, columns - left.count - right.count)
        let cpu = PlainText.fixed(Double(rates.rise(.userTime)) / 1e7 / rates.seconds, 0)
        var pressure = now.backPressure == .normal ? "none" : now.backPressure.rawValue.uppercased()
        if now[.isAdmissionLimited] == 1 { pressure += ", " + PlainText.bytes(Double(now[.admissionRate])) + "/s" }
        let memory = PlainText.bytes(Double(now[.residentMemory])) + " of " + PlainText.bytes(Double(now[.memoryLimit]))
        return [
            String(left.prefix(max(0, columns - right.count - 2))) + String(repeating: " ", count: gap) + right,
            "back-pressure \(pressure)   cpu \(cpu) %   resident \(memory)   keyspaces \(now[.keyspaces])",
            "",
        ]
    }

    private func bars(_ rates: StatisticsRates, _ columns: Int) -> [String] {
        let now = rates.now
        let width = max(10, min(60, columns - 46))
        let most = now[.redoMaximumAge]
        let target = now.instances.reduce(0) { $0 &+ $1.freeFrameTarget }
        return [
            Self.bar(
                "redo age",
                now[.redoAge],
                of: most,
                marks: [(now[.redoAsyncAge], "a"), (now[.redoSyncAge], "s")],
                width,
                PlainText.bytes(Double(now[.redoAge])) + " of " + PlainText.bytes(Double(most))
            ),
            Self.bar(
                "dirty",
                now[.poolDirtyPages],
                of: now[.poolFrames],
                marks: [],
                width,
                "\(now[.poolDirtyPages]) of \(now[.poolFrames]) pages"
            ),
            Self.bar(
                "free",
                now[.poolFreeFrames],
                of: now[.poolFrames],
                marks: [(target, "t")],
                width,
                "\(now[.poolFreeFrames]) frames, target \(target)"
            ),
            "",
        ]
    }

    private func pages(_ rates: StatisticsRates) -> [String] {
        func cells(_ cells: [(String, CounterName)]) -> String {
            cells.map { name, counter in
                PlainText.left(name, 9) + PlainText.right(PlainText.fixed(rates.perSecond(counter), 0), 7)
            }
            .joined(separator: "  ")
        }
        let redo = PlainText.left("redo", 9) + PlainText.right(PlainText.bytes(rates.perSecond(.currentLSN)) + "/s", 13)
        return [
            "pages/s   "
                + cells([("read", .pagesMissed), ("ahead", .pagesReadAhead), ("created", .pagesCreated)]),
            "          "
                + cells([("written", .pagesWritten), ("evicted", .pagesEvicted), ("young", .pagesMadeYoung)]),
            "written   "
                + cells([("adaptive", .pagesWrittenAdaptive), ("LRU", .pagesWrittenLRU), ("sync", .pagesWrittenSync)]),
            "          "
                + cells([
                    ("idle", .pagesWrittenIdle), ("called", .pagesWrittenRequest), ("neighbour", .neighbourPages),
                ]),
            "log       " + redo + "  " + cells([("checkpts", .checkpoints), ("syncs", .redoSyncs)]),
            "",
        ]
    }

    private func files(_ rates: StatisticsRates) -> [String] {
        func row(_ name: String, _ values: [String]) -> String {
            PlainText.left(name, 12) + values.map { PlainText.right($0, 11) }.joined()
        }
        func rate(_ counter: CounterName) -> String { PlainText.fixed(rates.perSecond(counter), 0) }
        func bytes(_ counter: CounterName) -> String { PlainText.bytes(rates.perSecond(counter)) }
        func mean(_ time: CounterName, _ count: CounterName) -> String {
            rates.meanMilliseconds(time, over: count).map { PlainText.duration($0 * 1e6) } ?? "-"
        }
        return [
            row("files", ["reads/s", "bytes/s", "writes/s", "bytes/s", "syncs/s", "sync"]),
            row(
                "data",
                [
                    rate(.dataReads), bytes(.dataReadBytes), rate(.dataWrites), bytes(.dataWrittenBytes),
                    rate(.dataSyncs), mean(.dataSyncTime, .dataSyncs),
                ]
            ),
            row(
                "redo",
                [
                    rate(.redoReads), bytes(.redoReadBytes), rate(.redoWrites), bytes(.redoWrittenBytes),
                    rate(.redoSyncs), mean(.redoSyncTime, .redoSyncs),
                ]
            ),
            row(
                "doublewrite",
                [
                    "-", "-", rate(.doublewriteWrites), bytes(.doublewriteWrittenBytes), rate(.doublewriteSyncs),
                    mean(.doublewriteSyncTime, .doublewriteSyncs),
                ]
            ),
            "",
        ]
    }

    /// The waits, those that take the most time first.
    private func waitLines(_ rates: StatisticsRates) -> [String] {
        func row(_ name: String, _ values: [String]) -> String {
            PlainText.left(name, 16) + values.map { PlainText.right($0, 12) }.joined()
        }
        let reasons = WaitReason.allCases.filter { rates.now[$0].count > 0 || rates.now[$0].waitingCount > 0 }
            .sorted {
                (rates.waitingThreads($0), rates.now[$0].nanoseconds) > (
                    rates.waitingThreads($1), rates.now[$1].nanoseconds
                )
            }
        let rows = reasons.map { reason in
            let waits = rates.now[reason]
            let each = rates.waitsPerSecond(reason)
            let mean = each > 0 ? PlainText.duration(rates.waitingThreads(reason) / each * 1e9) : "-"
            return row(
                reason.rawValue,
                [
                    PlainText.fixed(each, 0), PlainText.fixed(rates.waitingThreads(reason)), mean,
                    PlainText.duration(Double(waits.longestNanoseconds)), "\(waits.waitingCount)",
                ]
            )
        }
        return [row("waits", ["waits/s", "threads", "mean", "longest", "now"])]
            + (rows.isEmpty ? ["nobody has waited"] : rows) + [""]
    }

    private func instanceLines(_ now: Statistics) -> [String] {
        func row(_ values: [String]) -> String { values.map { PlainText.right($0, 11) }.joined() }
        return [row(["instance", "frames", "free", "target", "pages", "old", "dirty"])]
            + now.instances.enumerated().map { number, instance in
                let values = [
                    instance.frameCount, instance.freeFrameCount, instance.freeFrameTarget, instance.pageCount,
                    instance.oldPageCount, instance.dirtyPageCount,
                ]
                return row(["\(number)"] + values.map { "\($0)" })
            }
    }

    // MARK: Drawing

    /// A bar that is full at `whole`, with letters where limits are.
    static func bar(
        _ name: String,
        _ value: UInt64,
        of whole: UInt64,
        marks: [(UInt64, Character)],
        _ width: Int,
        _ text: String
    ) -> String {
        let filled = Int((share(value, of: whole) * Double(width)).rounded())
        var cells = (0..<width).map { $0 < filled ? Character("#") : "." }
        for (mark, letter) in marks where whole > 0 && mark <= whole {
            cells[min(width - 1, Int(share(mark, of: whole) * Double(width)))] = letter
        }
        let share = PlainText.right(percent(value, of: whole), 8)
        return "\(PlainText.left(name, 9))[\(String(cells))]\(share)  \(text)"
    }

    /// A chart of `rows` lines, the newest value at the right.
    private func chart(
        _ name: String,
        _ values: [Double],
        top: Double,
        unit: String,
        _ columns: Int,
        _ rows: Int
    ) -> [String] {
        let shown = values.suffix(max(1, columns - 2))
        var lines = ["\(name), to \(unit), the newest at the right"]
        for row in (0..<rows).reversed() {
            let cells = shown.map { value -> Character in
                let height = min(1, max(0, value / top)) * Double(rows) - Double(row)
                return height >= 0.75 ? "#" : height >= 0.4 ? ":" : height > 0.05 ? "." : " "
            }
            lines.append("|" + String(cells))
        }
        return lines + [""]
    }

    /// `part` of `whole`, from 0 to 1.
    private static func share(_ part: UInt64, of whole: UInt64) -> Double {
        whole == 0 ? 0 : min(1, Double(part) / Double(whole))
    }

    private static func percent(_ part: UInt64, of whole: UInt64) -> String {
        whole == 0 ? "-" : PlainText.fixed(Double(part) * 100 / Double(whole), 1) + " %"
    }
}
