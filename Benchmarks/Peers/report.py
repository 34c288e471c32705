"""Medians over the rounds, as a table, and as ratios beside the goals."""

import statistics

import plan
from goals import GOALS


UNEQUAL = ("Redoubt has no transactions here: no rollback, no row locks, no snapshots, which the others pay for "
           "(RocksDB: not for locks and isolation).")
LIBRARY_NOTES = {False: "Redoubt's library was NOT built of these sources: its figures are not of the commit.",
                 None: "What Redoubt's library was built of is not known: its figures may not be of the commit."}


def short(value):
    if value is None:
        return ""
    for limit, divisor, unit in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= limit:
            return f"{value / divisor:.{2 if unit == 'M' else 1}f}{unit}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


class Summary:
    """The results of a run, by point and engine."""

    # Busier than this beside a point, in processors, and its figure is a lower bound.
    NOISE = 0.3

    def __init__(self, results):
        # "Beyond the cache" without a limit of memory was within it.
        results = [r for r in results if not isinstance(r.get("memory_limit"), str)]
        self.results = results
        self.by_place, self.asked = {}, set()
        for result in results:
            self.by_place.setdefault((result["point"], result["engine"]), []).append(result)
        self.engines = [name for name in plan.NAMES if any(r["engine"] == name for r in results)]
        self.points = [point for point in plan.POINTS if any(r["point"] == point.name for r in results)]
        self.controls = sorted({r["point"] for r in results if r["engine"] in ("raw", "fio")})

    def median(self, point, engine, figure="ops_s"):
        """The median of a figure over the rounds, or None when there is none."""
        self.asked.add((point, engine))
        values = [r[figure] for r in self.by_place.get((point, engine), []) if figure in r]
        return statistics.median(values) if values else None

    def spread(self, point, engine):
        values = [r["ops_s"] for r in self.by_place.get((point, engine), []) if "ops_s" in r]
        return (min(values), max(values)) if values else None

    def rounds(self, point, engine):
        return len(self.by_place.get((point, engine), []))

    def is_noisy(self, point, engine):
        return (self.median(point, engine, "other_cpu") or 0) > self.NOISE

    def middle_round(self, point, engine):
        """The result of the round whose throughput is the median."""
        results = sorted(self.by_place.get((point, engine), []), key=lambda r: r.get("ops_s", 0))
        return results[len(results) // 2] if results else None

    def cell(self, point, engine):
        value = self.median(point, engine)
        return "-" if value is None else short(value) + ("*" if self.is_noisy(point, engine) else "")

    def table(self):
        rows = [["", *self.engines]]
        for point in self.points:
            rows.append([f"{point.name}, {point.unit}"] + [self.cell(point.name, name) for name in self.engines])
        lines = [self._aligned(rows), "", self._aligned(self.details())]
        for name in self.controls:
            engine = "raw" if name.startswith("raw") else "fio"
            lines.append(f"{name}: {self.cell(name, engine)}/s")
        lines.append("Medians. * others used more than 0.3 processors: a lower bound.")
        lines.append("To device: what reached it from all processes of the machine, so an upper bound.")
        lines += self.notes()
        return "\n".join(lines)

    def notes(self):
        """What must be known of Redoubt's figures."""
        own = [r for r in self.results if r["engine"] in plan.OWN]
        notes = [UNEQUAL] if own else []
        for is_of_commit, note in LIBRARY_NOTES.items():
            if any(r.get("library_is_of_commit") is is_of_commit for r in own):
                notes.append(note)
        return notes

    def details(self):
        """What else was measured, beside throughput."""
        wanted = [("read-2", "p99_us", "us", 1), ("update-4", "p99_us", "us", 1), ("durable-1", "p99_us", "us", 1),
                  ("durable-8", "p99_us", "us", 1), ("load-sorted", "disk_bytes", "MB on disk", 1e6),
                  ("load-random", "disk_bytes", "MB on disk", 1e6),
                  ("load-random", "device_written_per_changed_byte", "to device/changed", 1),
                  ("big-update-4", "device_written_per_changed_byte", "to device/changed", 1),
                  ("big-update-4", "device_written_kb_per_op", "KB to device/op", 1),
                  ("big-update-4", "p999_us", "us, 99.9 %", 1), ("big-update-4", "max_us", "ms, longest", 1e3),
                  ("big-update-4", "cv_of_seconds", "CV of seconds", 1),
                  ("big-update-4", "stalled_s", "s stalled", 1),
                  ("big-update-4", "peak_memory_bytes", "MB of memory", 1e6),
                  ("big-read-8", "read_kb_per_op", "KB read/op", 1), ("recovery", "open_s", "s to open", 1)]
        rows = [["", *self.engines]]
        for point, figure, unit, divisor in wanted:
            values = [self.median(point, name, figure) for name in self.engines]
            if any(value is not None for value in values):
                cells = ["-" if value is None else short(value / divisor) for value in values]
                rows.append([f"{point}, {unit}{' 99 %' if figure == 'p99_us' else ''}", *cells])
        return rows

    @staticmethod
    def _aligned(rows):
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = []
        for row in rows:
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def goals(self):
        """The judgement of each goal."""
        judged = []
        for goal in GOALS:
            self.asked = set()
            one = goal.judged(self)
            one.is_noisy = any(self.is_noisy(*place) for place in list(self.asked))
            judged.append(one)
        return judged

    def goals_text(self):
        goals = self.goals()
        measured = [one for one in goals if one.value is not None]
        lines = [f"{'met' if one.is_met else 'MISSED'}{'*' if one.is_noisy else ''}".ljust(9)
                 + f"{one.text}: {one.value:.3g}; goal {one.goal}" for one in measured]
        # Where Redoubt itself has no figure, the point was not asked for.
        lines += [f"{'no answer'.ljust(10)}{one.text}: no figure of {', '.join(one.lacks)}"
                  for one in goals if one.value is None and not set(one.lacks) & set(plan.OWN)]
        return "\n".join(lines + [f"Goals: {len(goals)}, of which measured: {len(measured)}"])
