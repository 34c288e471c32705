"""One HTML page of a run, with drawings in it and nothing from elsewhere."""

from html import escape

from report import short

STYLE = """
:root { color-scheme: light dark; --back: #fcfcfb; --ink: #1c1b19; --soft: #6b6862; --rule: #dedbd5;
  --own: #0b62c4; --other: #aaa59c; --good: #1a7f37; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --back: #16171a; --ink: #e9e7e2; --soft: #9b9890; --rule: #34363b;
  --own: #62a8ff; --other: #6d6f76; --good: #56c271; --bad: #ff8a80; } }
body { font: 15px/1.45 system-ui, sans-serif; background: var(--back); color: var(--ink); max-width: 1080px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; } h3 { font-size: .95rem; margin: 0; }
p, figcaption { color: var(--soft); margin: .3rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 1.4rem; }
figure { margin: 0; } svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .soft { fill: var(--soft); }
.bar { fill: var(--other); } .bar.own, .line.own { fill: var(--own); } .line { fill: var(--other); }
.whisker { stroke: var(--ink); stroke-width: 1; } .rule { stroke: var(--rule); stroke-width: 1; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .86rem; white-space: nowrap; }
td, th { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); }
td:first-child, th:first-child { text-align: left; } .met { color: var(--good); } .missed { color: var(--bad); }
"""


def is_own(engine):
    return engine.startswith("redoubt")


def bars(summary, point):
    """One bar an engine, longest first, with a line from the slowest to the fastest round."""
    found = [(summary.median(point.name, name), name) for name in summary.engines]
    found = sorted(((value, name) for value, name in found if value is not None), reverse=True)
    if not found:
        return ""
    height, left, width = 22, 118, 170
    top = max(summary.spread(point.name, name)[1] for _, name in found)
    drawn = []
    for row, (value, name) in enumerate(found):
        y = row * height
        low, high = summary.spread(point.name, name)
        own = " own" if is_own(name) else ""
        end = left + max(high / top * width, 1)
        drawn.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
                     f'<rect class="bar{own}" x="{left}" y="{y + 4}" width="{max(value / top * width, 1):.1f}" '
                     f'height="14" rx="2"><title>{escape(name)}: {value:,.0f} ({low:,.0f} to {high:,.0f})</title>'
                     f'</rect>'
                     f'<line class="whisker" x1="{left + low / top * width:.1f}" x2="{end:.1f}" y1="{y + 11}" '
                     f'y2="{y + 11}"/><text x="{end + 6:.1f}" y="{y + 15}">{summary.cell(point.name, name)}</text>')
    return (f'<figure><h3>{escape(point.title)}</h3><figcaption>{point.unit}</figcaption>'
            f'<svg viewBox="0 0 350 {len(found) * height + 4}" role="img" aria-label="{escape(point.title)}">'
            + "".join(drawn) + "</svg></figure>")


def series(summary, point):
    """Operations of each 100 ms in the middle round, one strip an engine, all to the same scale."""
    results = [(name, summary.middle_round(point.name, name)) for name in summary.engines]
    results = [(name, result["each_100_ms"], result) for name, result in results if result and "each_100_ms" in result]
    if not results:
        return ""
    width, height, left = 800, 46, 130
    drawn = []
    for row, (name, samples, result) in enumerate(results):
        top = max(samples) or 1
        base = (row + 1) * (height + 12)
        step = width / len(samples)
        # A filled outline, so that a stall is a gap.
        path = f"M{left},{base}" + "".join(
            f"L{left + index * step:.1f},{base - value / top * height:.1f}H{left + (index + 1) * step:.1f}"
            for index, value in enumerate(samples)) + f"V{base}Z"
        own = " own" if is_own(name) else ""
        drawn.append(f'<text x="{left - 8}" y="{base - height / 2}" text-anchor="end">{escape(name)}</text>'
                     f'<text class="soft" x="{left - 8}" y="{base - height / 2 + 15}" text-anchor="end">'
                     f'top {short(top * 10)}/s</text><path class="line{own}" d="{path}"><title>{escape(name)}: '
                     f'{result["ops_s"]:,.0f}/s, stalled {result["stalled_s"]:.1f} s</title></path>'
                     f'<line class="rule" x1="{left}" x2="{left + width}" y1="{base}" y2="{base}"/>')
    total = len(results[0][1]) / 10
    bottom = len(results) * (height + 12) + 18
    drawn.append(f'<text class="soft" x="{left}" y="{bottom}">0 s</text><text class="soft" x="{left + width}" '
                 f'y="{bottom}" text-anchor="end">{total:g} s</text>')
    return (f'<figure><h3>{escape(point.title)}: each 100 ms</h3><figcaption>each engine to its own scale</figcaption>'
            f'<svg viewBox="0 0 {left + width + 10} {bottom + 6}" role="img" aria-label="throughput over time">'
            + "".join(drawn) + "</svg></figure>")


def table(rows):
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def goals(summary):
    rows = []
    for one in summary.goals():
        mark = "-" if one.value is None else "met" if one.is_met else "missed"
        figure = "not measured: " + ", ".join(one.lacks) if one.value is None else f"{one.value:.3g}"
        rows.append(f'<tr><td>{escape(one.text)}</td><td>{escape(figure)}</td><td>{one.goal}</td><td class="{mark}">'
                    f'{mark}{"*" if one.is_noisy else ""}</td></tr>')
    return ('<div class="scroll"><table><tr><th></th><th>measured</th><th>goal</th><th></th></tr>'
            + "".join(rows) + "</table></div>")


def settings(summary):
    """What each engine was told at its points, once each."""
    rows = [["engine", "version", "points", "settings"]]
    for name in summary.engines:
        kinds = {}
        for result in summary.results:
            if result["engine"] == name:
                library = f", library {result['library'][:12]}" if "library" in result else ""
                kinds.setdefault((result["version"] + library, result["settings"]), []).append(result["point"])
        for (version, text), points in kinds.items():
            names = list(dict.fromkeys(points))
            some = ", ".join(names) if len(names) < 5 else f"{names[0]}, {names[1]} and {len(names) - 2} more"
            rows.append([name, version, some, text])
    return table(rows)


def make(summary):
    first = summary.results[0]
    groups = list(dict.fromkeys(point.group for point in summary.points))
    parts = []
    for group in groups:
        points = [point for point in summary.points if point.group == group]
        parts.append(f'<h2>{escape(group)}</h2><div class="cards">' + "".join(bars(summary, p) for p in points)
                     + "</div>" + "".join(series(summary, p) for p in points if p.long))
    rounds = max(summary.rounds(point.name, name) for point in summary.points for name in summary.engines)
    controls = [["control", "operations/s"]] + [
        [name, summary.cell(name, "raw" if name.startswith("raw") else "fio")] for name in summary.controls]
    about = (f"Commit {first['commit']}; {first['machine']}. {first['rows']:,} rows of 16-byte keys and 100-byte "
             f"values, cache {first['cache'] >> 20} MiB; beyond the cache {first['big_rows']:,} rows, cache "
             f"{first['big_cache'] >> 20} MiB. Medians of up to {rounds} rounds; lines show the slowest and the "
             "fastest; * marks points beside which others used more than 0.3 processors: lower bounds. "
             + " ".join(summary.notes()))
    title = "Storage engines on the same work"
    return ('<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{escape(about)}</p>"
            + "".join(parts) + f"<h2>Controls</h2>{table(controls)}<h2>Goals</h2>"
            + goals(summary) + f"<h2>Further figures</h2>{table(summary.details())}"
            f"<h2>Settings and versions</h2>{settings(summary)}</html>\n")
