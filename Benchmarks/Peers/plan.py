"""The points of a run: what is measured, with which threads, durability and data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    name: str
    title: str
    work: str
    group: str
    threads: int = 1
    durable: bool = False
    big: bool = False       # Data ten times the cache.
    changes: bool = True    # Works on a copy of the loaded database; big ones are changed in place.
    long: bool = False      # Takes the time of the long points.
    unit: str = "ops/s"


def crew(threads):
    return "1 thread" if threads == 1 else f"{threads} threads"


def _points():
    yield Point("load-sorted", "sorted load, commits of 1000", "load-sorted", "Loads", unit="rows/s")
    yield Point("load-bulk", "sorted load, the engine's loader", "load-bulk", "Loads", unit="rows/s")
    yield Point("load-random", "random load, commits of 1000", "load-random", "Loads", unit="rows/s")
    for threads in (1, 2):
        yield Point(f"read-{threads}", f"cached reads, {crew(threads)}", "read", "Cached reads and scans", threads,
                    changes=False)
    yield Point("scan-100", "scans of 100 rows", "scan-100", "Cached reads and scans", changes=False, unit="rows/s")
    yield Point("scan-all", "full scans", "scan-all", "Cached reads and scans", changes=False, unit="rows/s")
    for letter in "abcdef":
        yield Point(f"ycsb-{letter}", f"YCSB {letter.upper()}, 2 threads", f"ycsb-{letter}", "YCSB", 2,
                    changes=letter != "c")
    for threads in (1, 2, 4):
        yield Point(f"update-{threads}", f"unsynced updates, {crew(threads)}", "update", "Unsynced updates", threads)
    for threads in (1, 2, 8, 16, 32):
        yield Point(f"durable-{threads}", f"durable updates, {crew(threads)}", "update", "Durable updates", threads,
                    durable=True)
    for threads in (2, 8):
        yield Point(f"big-read-{threads}", f"reads beyond the cache, {crew(threads)}", "read", "Data 10x cache",
                    threads, big=True, changes=False)
    for threads in (4, 16):
        yield Point(f"big-update-{threads}", f"updates beyond the cache, {crew(threads)}", "update",
                    "Data 10x cache", threads, big=True, long=True)
    yield Point("recovery", "recovery after kill -9, updates replayed", "recover", "Recovery", unit="updates/s")


POINTS = list(_points())

# A minute for all engines: every path once, but not every mix and number of threads.
SMOKE = ["load-bulk", "load-random", "ycsb-d", "ycsb-e", "ycsb-f", "durable-2", "big-read-2", "big-update-4",
         "recovery"]

ENGINES = ["redoubt", "rocksdb", "wiredtiger", "lmdb", "sqlite", "berkeleydb", "innodb"]
# The same program with other options, at the points that they are for.
SECTORS = "redoubt-sectors"
BUFFERED = "redoubt-buffered"
VARIANTS = {SECTORS: ("redoubt", "flushing.doublewrite=changedSectors"),
            BUFFERED: ("redoubt", "storage.usesDirectIO=false")}
OWN = ["redoubt", *VARIANTS]
NAMES = ENGINES + list(VARIANTS)


def program(name):
    return VARIANTS[name][0] if name in VARIANTS else name


def left_out(engine, point):
    """Why an engine does not run a point, or None."""
    if engine == "innodb" and point.durable and point.threads > 1:
        return "this library returns from COMMIT before the log is on disk when several threads commit"
    if engine == SECTORS and point.name != "big-update-4":
        return "how pages are protected shows where they are written all the time"
    if engine == BUFFERED and (point.big or not point.name.startswith(("ycsb-", "update-", "durable-"))):
        return "how the log is written shows in commits"
    return None


def chosen(patterns):
    """The points whose names begin with one of `patterns`; all without any."""
    points = [point for point in POINTS if not patterns or any(point.name.startswith(p) for p in patterns)]
    if not points:
        raise SystemExit("no point begins with " + ", ".join(patterns) + "; there are: "
                         + " ".join(point.name for point in POINTS))
    return points
