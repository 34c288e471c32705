"""What Redoubt is to reach, as ratios to what ran beside it."""

from plan import crew

PEERS = ["rocksdb", "wiredtiger", "lmdb", "sqlite", "berkeleydb", "innodb"]
TREES = ["wiredtiger", "lmdb", "sqlite", "berkeleydb", "innodb"]
PAGE_KB = 16.384


def best(summary, point, engines):
    values = [value for name in engines if (value := summary.median(point, name)) is not None]
    return max(values) if values else None


class Goal:
    """A figure of a summary and a bound for it: at least, or at most."""

    def __init__(self, text, figure, bound, at_most=False):
        self.text, self.figure, self.bound, self.at_most = text, figure, bound, at_most

    def judged(self, summary):
        value = self.figure(summary)
        goal = f"{'at most' if self.at_most else 'at least'} {self.bound}"
        if value is None:
            return self.text, None, goal, None
        return self.text, value, goal, value <= self.bound if self.at_most else value >= self.bound


def ratio(point, engines, own="redoubt", own_points=None):
    """Redoubt's figure over the best of `engines` at the same point."""
    def figure(summary):
        mine = [value for name in own_points or [point] if (value := summary.median(name, own)) is not None]
        theirs = best(summary, point, engines)
        return max(mine) / theirs if mine and theirs else None
    return figure


def over(point, other, other_engine, own="redoubt"):
    """The figure of `own` at `point` over that of another engine, or a control, at another point."""
    def figure(summary):
        mine, theirs = summary.median(point, own), summary.median(other, other_engine)
        return mine / theirs if mine and theirs else None
    return figure


def rank(point):
    def figure(summary):
        mine = summary.median(point, "redoubt")
        if mine is None:
            return None
        return 1 + sum((summary.median(point, name) or 0) > mine for name in PEERS)
    return figure


def page_reads(summary):
    gets, kilobytes = summary.median("big-read-8", "redoubt"), summary.median("big-read-8", "redoubt", "read_kb_per_op")
    raw = summary.median("fio-reads", "fio")
    return gets * kilobytes / PAGE_KB / raw if gets and kilobytes and raw else None


def figure_of(point, name, engine="redoubt"):
    return lambda summary: summary.median(point, engine, name)


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
