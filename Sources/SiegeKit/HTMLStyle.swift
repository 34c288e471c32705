/// The looks of a page: every colour has a light and a dark twin, and nothing is told by colour alone.
enum HTMLStyle {
    /// The style sheet.
    static let sheet = colours + layout + pictures

    private static let colours = """
        :root { --page: #f7f6f3; --card: #ffffff; --ink: #1b2126; --soft: #5d6872; --line: #d9dde1; --done: #a3aeb8;
          --kept: #1d8348; --lost: #c9301c; --lostback: #fbe3df; --ack: #5446b8; --band: #f6dfa8; --code: #f0f1f2; }
        @media (prefers-color-scheme: dark) {
          :root { --page: #14181b; --card: #1d2327; --ink: #e8ebed; --soft: #a0abb4; --line: #364048; --done: #66737e;
            --kept: #4cc27d; --lost: #ff7361; --lostback: #47241f; --ack: #b0a5ff; --band: #4a3c17; --code: #262d32; }
        }

        """

    private static let layout = """
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
        main { max-width: 1200px; margin: 0 auto; padding: 22px 24px 60px; }
        h1 { font-size: 30px; line-height: 1.2; margin: 4px 0 8px; color: var(--lost); }
        h2 { font-size: 16px; margin: 0 0 8px; }
        .facts, .small { color: var(--soft); font-size: 13px; margin: 0; }
        .why { font-size: 17px; margin: 0 0 18px; max-width: 1000px; }
        section { margin: 0 0 26px; }
        .cards { display: grid; grid-template-columns: 1fr 1.7fr 1.2fr; gap: 14px; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; }
        .card h2 { font-size: 13px; color: var(--soft); text-transform: uppercase; letter-spacing: .05em; }
        .card p, .card ul { margin: 0; overflow-wrap: anywhere; }
        .card ul { padding-left: 18px; }
        .card.loss { border: 2px solid var(--lost); }
        .said { font-family: ui-monospace, monospace; font-size: 13.5px; white-space: pre-wrap; max-height: 15em;
          overflow: auto; }
        .bad { color: var(--lost); fill: var(--lost); font-weight: 600; }
        .good { color: var(--kept); font-weight: 600; }
        .no { color: var(--soft); }
        .picture { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 6px 8px;
          overflow-x: auto; }
        .picture svg { display: block; width: 100%; min-width: 900px; height: auto; }
        .legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 0 0 8px; padding: 0; list-style: none;
          font-size: 13px; color: var(--soft); }
        .legend li { display: flex; align-items: center; gap: 6px; }
        .legend svg { width: 22px; height: 18px; }
        pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px;
          overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; margin: 0 0 8px; }
        .command::before { content: "$ "; color: var(--soft); }
        table { border-collapse: collapse; width: 100%; background: var(--card); font-size: 13.5px; }
        th { text-align: left; color: var(--soft); font-weight: 500; }
        th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
        .r { text-align: right; font-variant-numeric: tabular-nums; }
        .trace { font-family: ui-monospace, monospace; font-size: 12.5px; white-space: nowrap; }
        .scroll { overflow-x: auto; }
        .cut td { background: var(--lost); color: var(--card); font-weight: 700; text-align: center; padding: 2px; }
        summary h2 { display: inline; }
        summary { cursor: pointer; margin-bottom: 8px; }
        tr.never { opacity: .5; }

        """

    private static let pictures = """
        svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
        svg .small { fill: var(--soft); font-size: 11px; }
        svg .size { fill: var(--soft); font-size: 10px; }
        svg .mid { text-anchor: middle; }
        svg .lane { font: 13px ui-monospace, monospace; }
        svg .bad { fill: var(--lost); font-weight: 600; }
        .rail { stroke: var(--line); stroke-width: 1; }
        .band { fill: var(--band); }
        .gap { stroke: var(--done); stroke-dasharray: 2 4; }
        .after { fill: var(--page); opacity: .75; }
        .never { opacity: .4; }
        .done { fill: var(--done); }
        .kept { fill: var(--kept); background: var(--kept); }
        .lost { fill: url(#hatch); stroke: var(--lost); stroke-width: 1.5; }
        .hatchback { fill: var(--lostback); }
        .hatchline { stroke: var(--lost); stroke-width: 2; opacity: .55; }
        .cross { stroke: var(--lost); stroke-width: 2.4; fill: none; stroke-linecap: round; }
        .barrier { stroke: var(--ink); stroke-width: 3; stroke-linecap: round; }
        .barrier.failed { stroke: var(--lost); stroke-dasharray: 5 4; }
        .issued { fill: none; stroke: var(--ack); stroke-width: 1.4; }
        .ack { fill: var(--ack); }
        .ackword { fill: var(--card) !important; font-weight: 600; }
        .ackline { stroke: var(--ack); stroke-width: 1.2; stroke-dasharray: 3 3; }
        .crash { stroke: var(--lost); stroke-width: 4; }
        .crashword { fill: var(--lost) !important; font-weight: 700 !important; font-size: 14px !important; }
        .grid { display: flex; flex-wrap: wrap; gap: 2px; max-width: 452px; }
        .grid i, .legend i { width: 12px; height: 12px; border-radius: 2px; display: block;
          border: 1px solid transparent; }
        .grid i.page { width: 40px; }
        i.kept { background: var(--kept); }
        i.lost { background: repeating-linear-gradient(45deg, var(--lostback) 0 3px, var(--lost) 3px 5px);
          border-color: var(--lost) !important; }
        i.replaced { background: var(--band); border-color: var(--done) !important; }
        i.unchanged { background: none; border-color: var(--done) !important; }
        i.word { width: auto; font: 600 10px/11px system-ui, sans-serif; padding: 0 4px; }
        i.word.kept { color: var(--card); }
        i.word.lost { background: var(--lostback); color: var(--lost); text-decoration: line-through; }
        """
}

/// What the marks of a page mean.
enum HTMLLegend {
    private static func entry(_ glyph: String, _ text: String) -> String {
        "<li><svg viewBox=\"0 0 22 18\" aria-hidden=\"true\">\(glyph)</svg>\(text)</li>"
    }

    /// Returns the legend of the time lanes.
    static func lanes(hasCrash: Bool) -> String {
        var entries = [
            entry("<rect class=\"done\" x=\"4\" y=\"4\" width=\"14\" height=\"14\"/>", "write, durable")
        ]
        if hasCrash {
            entries += [
                entry("<rect class=\"kept\" x=\"4\" y=\"4\" width=\"14\" height=\"14\"/>", "not synced, kept"),
                entry(
                    "<rect class=\"lost\" x=\"4\" y=\"3\" width=\"14\" height=\"14\"/>"
                        + "<path class=\"cross\" d=\"M7 6l8 8m0 -8l-8 8\"/>",
                    "not synced, lost"
                ),
                entry("<rect class=\"band\" x=\"0\" y=\"2\" width=\"22\" height=\"15\"/>", "no sync since"),
            ]
        }
        entries += [
            entry("<line class=\"barrier\" x1=\"11\" y1=\"1\" x2=\"11\" y2=\"17\"/>", "sync: all before it is durable"),
            entry("<path class=\"done\" d=\"M11 1l8 8l-8 8l-8 -8z\"/>", "name made, changed or removed"),
            entry("<path class=\"issued\" d=\"M7 7l4 6l4 -6z\"/>", "commit asked for"),
            entry("<rect class=\"ack\" x=\"1\" y=\"1\" width=\"20\" height=\"16\" rx=\"8\"/>", "commit acknowledged"),
        ]
        return "<ul class=\"legend\">\(entries.joined())</ul>"
    }

    /// The legend of the sectors.
    static let sectors =
        "<ul class=\"legend\"><li><i class=\"kept\"></i>kept</li><li><i class=\"lost\"></i>lost</li>"
        + "<li><i class=\"replaced\"></i>replaced by a later write</li>"
        + "<li><i class=\"unchanged\"></i>the same bytes were durable before</li></ul>"
}
