public import RedoubtCore
public import RedoubtSimulation

/// A failure as one page that needs nothing else: what was promised, what the power cut lost, what recovery said, and
/// how to see it again.
///
/// Without a crash it shows the run alone. All text of the run is escaped; the page loads nothing.
public struct HTMLReport: Sendable {
    /// The page.
    public let html: String

    /// Makes the page of `trace`.
    ///
    /// - Parameters:
    ///   - reproducer: The failure in a few lines.
    ///   - replay: The commands that show it again, one a line.
    ///   - describe: Says what written bytes are.
    public init(
        _ trace: TraceFile,
        reproducer: Reproducer? = nil,
        replay: [String] = [],
        describe: TraceListing.Describe = { _, _, _ in nil }
    ) {
        let listing = TraceListing(trace, describe: describe)
        let page = Page(trace, listing, reproducer, replay)
        html = page.html
    }

    /// Writes the page to a file at `path`, replacing what is there.
    ///
    /// Waits for the disk.
    public func write(to path: String) throws(RedoubtError) {
        try WholeFile.write(Array(html.utf8), to: path)
    }
}

/// The sections of a page.
private struct Page {
    let trace: TraceFile
    let rows: [TraceListing.Row]
    let scene: CrashScene?
    let story: CrashStory?
    let reproducer: Reproducer?
    let replay: [String]

    init(_ trace: TraceFile, _ listing: TraceListing, _ reproducer: Reproducer?, _ replay: [String]) {
        self.trace = trace
        rows = listing.rows
        scene = trace.scene
        story = CrashStory(trace, listing.rows)
        self.reproducer = reproducer
        self.replay = replay
    }

    var html: String {
        let title = story?.headline ?? "A recorded run"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(HTMLText.escaped(title))</title>
            <style>
            \(HTMLStyle.sheet)
            </style>
            </head>
            <body>
            <main>
            \([header, cards, picture, sectors, again, excerpt].filter { !$0.isEmpty }.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }

    private var header: String {
        let point = trace.crash.map { ", power cut after event \($0.cut.point - 1)" } ?? ""
        let facts =
            "\(trace.text.isEmpty ? "a run" : trace.text); seed \(trace.seed); "
            + "\(HTMLText.count(trace.events.count, "event"))\(point)"
        let why = story.map { "<p class=\"why\">\(HTMLText.escaped($0.why))</p>" } ?? ""
        return """
            <header>
            <p class="facts">\(HTMLText.escaped(facts))</p>
            <h1>\(HTMLText.escaped(story?.headline ?? "A recorded run"))</h1>
            \(why)
            </header>
            """
    }

    private var cards: String {
        guard let crash = trace.crash, let story else { return "" }
        let shown = 2
        var losses = story.losses.prefix(shown).map { loss in
            let commit = loss.commit.map { " <b class=\"bad\">Part of commit \($0), which was acknowledged.</b>" } ?? ""
            return "<li><b>\(HTMLText.escaped(loss.what))</b> <span class=\"no\">(event \(loss.event), "
                + "\(HTMLText.escaped(loss.outcome)))</span>: \(HTMLText.escaped(loss.reason)).\(commit)</li>"
        }
        if story.losses.count > shown { losses.append("<li>and \(story.losses.count - shown) more below</li>") }
        if losses.isEmpty { losses = ["<li>Nothing: everything written is on the disk.</li>"] }
        let said =
            story.found.isEmpty
            ? "<p class=\"said\">\(HTMLText.escaped(crash.finding))</p>" : "<p>\(HTMLText.escaped(story.found))</p>"
        return """
            <section class="cards">
            <div class="card"><h2>Promised</h2><p>\(HTMLText.escaped(story.promised))</p></div>
            <div class="card loss"><h2>Lost in the power cut</h2><ul>\(losses.joined())</ul></div>
            <div class="card"><h2>Recovery said</h2>\(said)</div>
            </section>
            """
    }

    private var picture: String {
        let lanes = TraceLanes(trace, rows, scene)
        guard !lanes.lanes.isEmpty else { return "" }
        return """
            <section>
            <h2>What happened, file by file</h2>
            \(HTMLLegend.lanes(hasCrash: scene != nil))
            <div class="picture">\(LanePicture(lanes, rows, trace.events).svg)</div>
            </section>
            """
    }

    private var sectors: String {
        guard let scene, !scene.changes.isEmpty else { return "" }
        return SectorTable(scene, rows).html
    }

    private var again: String {
        let text = HTMLText.escaped(replay.joined(separator: "\n"))
        let commands = replay.isEmpty ? "" : "<pre class=\"command\">\(text)</pre>"
        let cut = trace.crash.map { "crash \($0.cut)" } ?? ""
        let told = reproducer?.description ?? cut
        guard !told.isEmpty || !commands.isEmpty else { return "" }
        let lines = told.isEmpty ? "" : "<pre>\(HTMLText.escaped(told))</pre>"
        let heading =
            reproducer == nil ? "To see it again" : "The same failure in \(reproducer?.lines.count ?? 0) lines"
        return "<section><h2>\(heading)</h2>\(lines)\(commands)</section>"
    }

    // MARK: The trace

    /// The lines of the trace around the crash; the first ones without one.
    private var excerpt: String {
        let radius = 150
        let point = trace.crash?.cut.point ?? 0
        let range = max(0, point - radius)..<min(rows.count, max(point, 2 * radius) + radius)
        guard !range.isEmpty else { return "" }
        var lines: [String] = []
        for row in rows[range] {
            if row.number == point && trace.crash != nil { lines.append(Self.cutRow) }
            lines.append(Self.line(row, isAfter: trace.crash != nil && row.number >= point))
        }
        if point == range.upperBound && trace.crash != nil { lines.append(Self.cutRow) }
        let left = rows.count - range.count
        let note = left > 0 ? " (\(HTMLText.count(left, "event")) left out)" : ""
        return """
            <section>
            <details\(rows.count <= 60 ? " open" : "")><summary><h2>The trace, line by line\(note)</h2></summary>
            <div class="scroll"><table class="trace">
            <tr><th class="r">event</th><th>after the cut</th><th>file</th><th>what</th><th class="r">offset</th>\
            <th class="r">bytes</th><th>what it was</th></tr>
            \(lines.joined(separator: "\n"))
            </table></div>
            </details>
            </section>
            """
    }

    private static let cutRow = "<tr class=\"cut\"><td colspan=\"7\">power cut</td></tr>"

    private static func line(_ row: TraceListing.Row, isAfter: Bool) -> String {
        let isBad = row.outcome.hasPrefix("lost") || row.outcome.hasPrefix("torn")
        let style = isBad ? "bad" : row.outcome == "kept" ? "good" : ""
        let cells = [
            "<td class=\"r\">\(row.number)</td>", "<td class=\"\(style)\">\(HTMLText.escaped(row.outcome))</td>",
            "<td>\(HTMLText.escaped(row.path))</td>", "<td>\(HTMLText.escaped(row.what))</td>",
            "<td class=\"r\">\(row.offset.map { "\($0)" } ?? "")</td>",
            "<td class=\"r\">\(row.byteCount.map { "\($0)" } ?? "")</td>", "<td>\(HTMLText.escaped(row.meaning))</td>",
        ]
        return "<tr\(isAfter ? " class=\"never\"" : "")>\(cells.joined())</tr>"
    }
}
