"""What Redoubt is to reach, as ratios to what ran beside it."""

from dataclasses import dataclass, field

from plan import POINTS, crew, left_out

PEERS = ["rocksdb", "wiredtiger", "lmdb", "sqlite", "berkeleydb", "innodb"]
TREES = ["wiredtiger", "lmdb", "sqlite", "berkeleydb", "innodb"]
PAGE_KB = 16.384


class Lacking(Exception):
    """Engines without a figure that a goal is about: it is neither met nor missed."""

    def __init__(self, names):
        super().__init__(", ".join(names))
        self.names = names


def figure_at(summary, point, engine, name="ops_s"):
    value = summary.median(point, engine, name)
    if value is None:
        raise Lacking([engine])
    return value


def figures_of(summary, point, engines):
    """The figures of all `engines` but those that do not run the point: one that failed is not a slower one."""
    place = next(one for one in POINTS if one.name == point)
    values = {name: summary.median(point, name) for name in engines if not left_out(name, place)}
    lacks = [name for name, value in values.items() if value is None]
    if lacks:
        raise Lacking(lacks)
    return values.values()


def quotient(mine, theirs, names):
    """A ratio to what `names` reached; what reached nothing at all is nothing to compare with."""
    if theirs == 0:
        raise Lacking(names)
    return mine / theirs


@dataclass
class Judgement:
    """What came of a goal: its figure, or the engines that have none."""
    text: str
    goal: str
    value: float | None = None
    is_met: bool | None = None
    is_noisy: bool = False
    lacks: list = field(default_factory=list)


class Goal:
    """A figure of a summary and a bound for it: at least, or at most."""

    def __init__(self, text, figure, bound, at_most=False):
        self.text, self.figure, self.bound, self.at_most = text, figure, bound, at_most

    def judged(self, summary):
        goal = f"{'at most' if self.at_most else 'at least'} {self.bound}"
        try:
            value = self.figure(summary)
        except Lacking as lacking:
            return Judgement(self.text, goal, lacks=lacking.names)
        return Judgement(self.text, goal, value, value <= self.bound if self.at_most else value >= self.bound)


def ratio(point, engines, own="redoubt", own_points=None):
    """Redoubt's figure over the best of `engines` at the same point."""
    def figure(summary):
        mine = [value for name in own_points or [point] if (value := summary.median(name, own)) is not None]
        if not mine:
            raise Lacking([own])
        return quotient(max(mine), max(figures_of(summary, point, engines)), engines)
    return figure


def over(point, other, other_engine, own="redoubt"):
    """The figure of `own` at `point` over that of another engine, or a control, at another point."""
    def figure(summary):
        return quotient(figure_at(summary, point, own), figure_at(summary, other, other_engine), [other_engine])
    return figure


def rank(point):
    def figure(summary):
        mine = figure_at(summary, point, "redoubt")
        return 1 + sum(value > mine for value in figures_of(summary, point, PEERS))
    return figure


def page_reads(summary):
    gets = figure_at(summary, "big-read-8", "redoubt")
    kilobytes = figure_at(summary, "big-read-8", "redoubt", "read_kb_per_op")
    return quotient(gets * kilobytes / PAGE_KB, figure_at(summary, "fio-reads", "fio"), ["fio"])


def figure_of(point, name, engine="redoubt"):
    return lambda summary: figure_at(summary, point, engine, name)


def _goals():
    for threads in (1, 2):
        yield Goal(f"cached reads, {crew(threads)} / LMDB", ratio(f"read-{threads}", ["lmdb"]), 1.0)
    for point in ("scan-100", "scan-all"):
        yield Goal(f"{point} / best of WiredTiger, RocksDB, SQLite",
                   ratio(point, ["wiredtiger", "rocksdb", "sqlite"]), 1.0)
        yield Goal(f"{point} / LMDB", ratio(point, ["lmdb"]), 0.7)
    loads = ["load-sorted", "load-bulk"]
    for name, bound in (("wiredtiger", 2), ("berkeleydb", 2), ("lmdb", 0.4)):
        yield Goal(f"sorted load (own loader or commits) / {name}'s commits", ratio("load-sorted", [name],
                   own_points=loads), bound)
    yield Goal("random load / best B-tree", ratio("load-random", TREES), 2.5)
    for letter in "abcdef":
        yield Goal(f"YCSB {letter.upper()}, rank", rank(f"ycsb-{letter}"), 2, at_most=True)
    for threads in (1, 2, 4):
        yield Goal(f"unsynced updates, {crew(threads)} / RocksDB", ratio(f"update-{threads}", ["rocksdb"]), 1.0)
    yield Goal("durable updates, 1 thread / raw synced writes", over("durable-1", "raw-writes-1", "raw"), 0.9)
    for threads, bound in ((8, 1.6), (16, 2), (32, 2)):
        yield Goal(f"durable updates, {crew(threads)} / best peer", ratio(f"durable-{threads}", PEERS), bound)
    yield Goal("page reads beyond the cache, 8 threads / fio", page_reads, 0.95)
    yield Goal("reads beyond the cache, 8 threads / best of WiredTiger, InnoDB",
               ratio("big-read-8", ["wiredtiger", "innodb"]), 1.0)
    yield Goal("updates beyond the cache, 4 threads / best B-tree", ratio("big-update-4", TREES), 1.05)
    yield Goal("the same with changed sectors", ratio("big-update-4", TREES, own="redoubt-sectors"), 1.1)
    yield Goal("updates beyond the cache, 4 threads / fio's mix", over("big-update-4", "fio-mix-4", "fio"), 0.95)
    yield Goal("updates beyond the cache, 16 threads / InnoDB with 4",
               over("big-update-16", "big-update-4", "innodb"), 1.3)
    yield Goal("KB written an update, full images", figure_of("big-update-4", "written_kb_per_op"), 30.5, at_most=True)
    yield Goal("KB written an update, changed sectors",
               figure_of("big-update-4", "written_kb_per_op", "redoubt-sectors"), 18, at_most=True)
    yield Goal("recovery, s", figure_of("recovery", "open_s"), 6, at_most=True)
    yield Goal("recovery, updates replayed/s", figure_of("recovery", "ops_s"), 1e6)


GOALS = list(_goals())
