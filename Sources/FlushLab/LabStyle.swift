/// The looks of a page: each colour has a light and a dark twin, from the reader's own preference.
///
/// The eight paints are told apart by those who see few colours as well (after Okabe and Ito); what is drawn over each
/// other differs in its dashes too, and a state in its height.
enum LabStyle {
    /// How many paints there are.
    static let paintCount = 8

    /// The style sheet.
    static let sheet = [colours, text, tables, charts, marks, paints, heat].joined(separator: "\n")

    private static let colours = """
        :root { --ground: #f6f7f8; --sheet: #fff; --ink: #16202a; --soft: #566471; --edge: #d5dbe1; --grid: #e4e8ec;
          --good: #0a6b48; --limit: #8f2f27; --heat: #0b5394; --onheat: #fff;
          --p0: #0068b4; --p1: #d2730a; --p2: #00875f; --p3: #c8321f; --p4: #9a4f96; --p5: #2b9ac9; --p6: #7c8894;
          --p7: #b59a00; }
        @media (prefers-color-scheme: dark) {
          :root { --ground: #11161b; --sheet: #192027; --ink: #e6ebef; --soft: #9dabb8; --edge: #33404b;
            --grid: #27313a; --good: #5fd3a2; --limit: #f0958a; --heat: #74b9f5; --onheat: #0c141b;
            --p0: #5cb2f2; --p1: #f5a34c; --p2: #4fcf9f; --p3: #ff7b66; --p4: #d79ad3; --p5: #8ed6f2; --p6: #8795a2;
            --p7: #e6cf4d; }
        }
        """

    private static let text = """
        :root { color-scheme: light dark; }
        *, ::before { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
        main { width: min(1240px, 100%); margin: auto; padding: 26px 24px 64px; }
        header p { margin: 0; }
        h1 { font-size: 28px; line-height: 1.25; margin: 2px 0 6px; }
        h2 { font-size: 20px; margin: 40px 0 10px; padding-top: 14px; border-top: 1px solid var(--edge); }
        h3 { font-size: 15.5px; margin: 0; }
        h3 span { color: var(--soft); font-weight: 400; }
        a { color: var(--heat); }
        .facts { color: var(--soft); font-size: 14px; }
        .notes { max-width: 78ch; margin-top: 14px; }
        .notes p, .hint { margin: 0 0 8px; }
        .hint { color: var(--soft); font-size: 13.5px; max-width: 110ch; }
        .runs { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 14px; }
        .run { background: var(--sheet); border: 1px solid var(--edge); border-left: 4px solid var(--p2);
          border-radius: 6px; padding: 12px 16px; }
        .run.stalls { border-left-color: var(--p3); }
        .run p { margin: 4px 0 0; }
        summary { cursor: pointer; margin: 10px 0; }
        """

    private static let tables = """
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-size: 14px; background: var(--sheet); border: 1px solid var(--edge); }
        th, td { padding: 4px 14px 4px 10px; border-bottom: 1px solid var(--grid); text-align: left;
          vertical-align: top; }
        th { font-weight: 500; }
        thead th { color: var(--soft); position: sticky; top: 0; background: var(--sheet); }
        .r { text-align: right; font-variant-numeric: tabular-nums; }
        b.best { color: var(--good); }
        b.missed { color: var(--limit); }
        .claims .r { text-align: left; }
        td .plain, th .plain { color: var(--soft); }
        """

    private static let charts = """
        .row { margin: 0 0 26px; }
        .panels { display: grid; gap: 10px 12px; margin-top: 6px; }
        .panels.of2 { grid-template-columns: repeat(2, 1fr); }
        .panels.of3 { grid-template-columns: repeat(3, 1fr); }
        figure { margin: 0; background: var(--sheet); border: 1px solid var(--edge); border-radius: 6px;
          padding: 4px 4px 0; min-width: 0; }
        figcaption { font-size: 13px; font-weight: 600; padding: 2px 8px 0; }
        svg { display: block; width: 100%; height: auto; }
        svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
        svg .end { text-anchor: end; }
        svg .mid { text-anchor: middle; }
        svg .phasename { fill: var(--ink); }
        svg .limitname { fill: var(--limit); font-size: 10px; }
        @media (max-width: 900px) { .panels.of2, .panels.of3 { grid-template-columns: 1fr; } }
        @media print { body { background: none; } figure, .run { break-inside: avoid; } }
        """

    private static let marks = """
        .grid { stroke: var(--grid); fill: none; }
        .tick { stroke: var(--edge); fill: none; }
        .phase { stroke: var(--soft); stroke-dasharray: 2 3; fill: none; }
        .limit { stroke: var(--limit); stroke-dasharray: 6 3; fill: none; }
        .line { fill: none; stroke-width: 1.3; stroke-linejoin: round; stroke-linecap: round;
          vector-effect: non-scaling-stroke; }
        .state1 { fill: var(--p7); }
        .state2 { fill: var(--p3); }
        .legend { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; margin: 2px 0 0; padding: 0;
          font-size: 13px; }
        .legend li { display: flex; align-items: center; gap: 6px; }
        .legend i { width: 16px; height: 10px; border-radius: 2px; }
        .legend i.state1 { background: var(--p7); height: 6px; }
        .legend i.state2 { background: var(--p3); height: 12px; }
        .overlay .line.p1, .overlay .line.p5 { stroke-dasharray: 7 2; }
        .overlay .line.p2, .overlay .line.p6 { stroke-dasharray: 2 2; }
        .overlay .line.p3, .overlay .line.p7 { stroke-dasharray: 9 2 2 2; }
        """

    private static let paints = (0..<paintCount).map { paint -> String in
        let colour = "var(--p\(paint))"
        return ".line.p\(paint) { stroke: \(colour); } .area.p\(paint) { fill: \(colour); } "
            + ".legend i.p\(paint) { background: \(colour); }"
    }.joined(separator: "\n")

    private static let heat = """
        .heat { width: auto; max-width: 100%; }
        .heat .cell { fill: var(--heat); }
        .heat .hole { fill: none; stroke: var(--edge); stroke-dasharray: 3 3; }
        .heat .best { fill: none; stroke: var(--p1); stroke-width: 3; }
        .heat text.value { fill: var(--ink); font-size: 12px; text-anchor: middle; }
        .heat text.on { fill: var(--onheat); }
        .heat text.name { fill: var(--ink); font-size: 12px; }
        .heat text.axis { font-size: 12px; }
        """
}
