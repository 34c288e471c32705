#!/usr/bin/env python3
"""Runs every engine that was built over the same points, in rounds, beside controls; see README.md."""

import argparse
import fcntl
import hashlib
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import machine
import page
import plan
import report
from controls import Controls
from engine import Engine, Failed, can_limit_memory


def bytes_of(text):
    units = {"K": 10, "M": 20, "G": 30}
    return int(text[:-1]) << units[text[-1]] if text[-1:] in units else int(text)


def arguments():
    parser = argparse.ArgumentParser(prog="tools/peers", description="Compares storage engines on the same work.",
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--programs", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--any-library", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help="where databases are made (default: beside the programs)")
    parser.add_argument("--engines", default=",".join(plan.NAMES))
    parser.add_argument("--only", default="", help="points, by the beginnings of their names: read,durable-8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long-rounds", type=int, help="rounds of loads, recovery and updates beyond the cache")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--big-rows", type=int, default=20_000_000, help="rows of the points beyond the cache")
    parser.add_argument("--cache", type=bytes_of, help="default: three times the data, at least 256M")
    parser.add_argument("--big-cache", type=bytes_of, help="default: a tenth of the data")
    parser.add_argument("--redo", type=bytes_of, default=512 << 20, help="log between two checkpoints")
    parser.add_argument("--recovery-redo", type=bytes_of, default=1 << 30, help="log to recover from")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--big-seconds", type=float, default=60, help="of the long points")
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--nice", type=int, default=0, help="added to the niceness of the engines")
    parser.add_argument("--patience", type=int, default=0,
                        help="how often a point that others disturbed is tried again; the least disturbed counts")
    parser.add_argument("--timeout", type=float, default=1200, help="seconds after which a point has failed")
    parser.add_argument("--extra", default="", help="options of Redoubt, such as flushing.policy=mysql80")
    parser.add_argument("--json", help="where the results go, a line a point and round")
    parser.add_argument("--html", help="where the page goes")
    parser.add_argument("--from-json", help="run nothing: tell again what is in this file")
    parser.add_argument("--smoke", action="store_true", help="every path in a minute, with every value checked")
    return parser.parse_args()


def settle(settings):
    if settings.smoke:
        settings.rows, settings.big_rows, settings.rounds, settings.seconds = 10_000, 90_000, 1, 0.1
        settings.big_seconds, settings.warm_up, settings.timeout = 1, 0.05, 60
        settings.cache, settings.redo, settings.recovery_redo = 64 << 20, 64 << 20, 4 << 20
        settings.big_cache = 8 << 20
    data = 116
    settings.cache = settings.cache or max(settings.rows * data * 3, 256 << 20)
    settings.big_cache = settings.big_cache or max(settings.big_rows * data // 10, 16 << 20)
    settings.long_rounds = settings.long_rounds or settings.rounds
    settings.sources = machine.source_hash()
    settings.folder = os.path.abspath(settings.folder or os.path.join(settings.programs, "..", "databases"))
    os.makedirs(settings.folder, mode=0o700, exist_ok=True)
    settings.lock = open(os.path.join(settings.folder, "lock"), "w")
    try:
        fcntl.flock(settings.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit(f"another run works in {settings.folder}; wait for it, or use --folder") from None


class Run:
    """The results of all points so far, each written as soon as it is known."""

    def __init__(self, settings):
        self.settings = settings
        self.results, self.failures = [], []
        self.file = open(settings.json, "w") if settings.json else None
        self.machine, self.commit = machine.machine_line(settings.folder), machine.commit()
        self.library_is_of_commit = None
        kept = ("rows", "big_rows", "cache", "big_cache", "redo", "recovery_redo", "seconds", "big_seconds", "warm_up")
        self.common = {name: getattr(settings, name) for name in kept}

    def add(self, number, point, figures, seconds):
        config = dict(self.common, sources=self.settings.sources, point=point,
                      **{name: figures.get(name) for name in ("engine", "version", "library", "settings")})
        text = json.dumps(config, sort_keys=True)
        figures.update(point=point, round=number, commit=self.commit, machine=self.machine, **self.common,
                       configuration=hashlib.sha256(text.encode()).hexdigest()[:12])
        if figures["engine"] in plan.OWN:
            figures["library_is_of_commit"] = self.library_is_of_commit
        self.results.append(figures)
        if self.file:
            self.file.write(json.dumps(figures) + "\n")
            self.file.flush()
        others = figures.get("other_cpu")
        noise = "" if others is None else f"  others {others:4.2f}"
        print(f"{number:2d}  {point:15s} {figures['engine']:16s} {report.short(figures.get('ops_s')):>8s}/s{noise}"
              f"  ({seconds:.1f} s)", flush=True)

    def measure(self, number, name, engine, action):
        """Runs `action`, keeps its figures, and returns them; what fails is told and does not end the run."""
        start = time.monotonic()
        try:
            figures = action()
            for _ in range(self.settings.patience):
                # Chosen by the noise alone, never by what was reached.
                if figures and figures.get("other_cpu", 0) > report.Summary.NOISE:
                    figures = min(figures, action(), key=lambda one: one["other_cpu"])
        except (Failed, OSError) as error:
            self.failures.append(f"{name} {engine}: {error}")
            print(f"{number:2d}  {name:15s} {engine:16s} FAILED: {error}", flush=True)
            return None
        if figures:
            figures["engine"] = engine
            self.add(number, name, figures, time.monotonic() - start)
        return figures


def run_controls(run, number, point, controls):
    """What a point is compared with, just before it."""
    if point.name.startswith("durable-"):
        run.measure(number, f"raw-writes-{point.threads}", "raw", lambda: controls.raw_writes(point.threads))
    if controls.has_fio and point.name == ("big-read-2" if run.settings.smoke else "big-read-8"):
        run.measure(number, "fio-reads", "fio", controls.reads)


def run_engine(run, number, point, engine, controls):
    figures = run.measure(number, point.name, engine.name, lambda: engine.run(point))
    if figures and figures.get("lost_commits"):
        run.failures.append(f"{point.name} {engine.name}: {figures['lost_commits']} commits are lost")
    if figures and engine.name == "redoubt" and point.long and controls.has_fio:
        run.measure(number, f"fio-mix-{point.threads}", "fio", lambda: controls.mix(figures, point.threads))


def run_smoke(run, points, engines, controls):
    """The engines side by side: what they reach does not matter, and most of the time they wait for the disk."""
    for point in points:
        run_controls(run, 1, point, controls)
    with ThreadPoolExecutor(max_workers=len(engines)) as pool:
        work = [pool.submit(lambda own: [run_engine(run, 1, point, own, controls) for point in points], engine)
                for engine in engines if engine.name not in plan.VARIANTS]
        for one in work:
            one.result()


def run_rounds(run, points, engines, controls):
    for number in range(1, run.settings.rounds + 1):
        for point in points:
            if number > run.settings.long_rounds and (point.long or point.group in ("Loads", "Recovery")):
                continue
            run_controls(run, number, point, controls)
            # Another one is first in each round: what one leaves to the device is not always borne by the same.
            first = (number - 1) % len(engines)
            for engine in engines[first:] + engines[:first]:
                run_engine(run, number, point, engine, controls)


def check_library(engines, settings):
    """Whether the library of Redoubt is of the sources beside this suite, or None; others are told, or refused."""
    path = next((engine.about["library"] for engine in engines if engine.name in plan.OWN), None)
    if path is None:
        return None
    is_of_commit = machine.library_is_of(path, machine.own_sources())
    if is_of_commit is False and not settings.any_library:
        raise SystemExit(f"{path} was not built of these sources, or not for release: run tools/build-c, or name its "
                         "folder by --redoubt, first of all options, to measure it as it is")
    if not is_of_commit:
        print(f"    {report.LIBRARY_NOTES[is_of_commit]} ({path})", flush=True)
    return is_of_commit


def check_memory(engines, points, settings):
    """Tells which engines have no points beyond the cache, because nothing can limit their page cache."""
    limited = [engine.name for engine in engines if engine.about["memory_percent"] > 0]
    settings.limits_memory = can_limit_memory(settings)
    if limited and not settings.limits_memory and any(point.big for point in points):
        print(f"SKIPPED: peers: no control group with a memory limit can be made (root, or systemd-run --user --scope "
              f"-p Delegate=yes): no points beyond the cache for {', '.join(limited)}", flush=True)


def run_all(settings):
    only = settings.only.split(",") if settings.only else plan.SMOKE if settings.smoke else []
    points = plan.chosen(only)
    wanted = settings.engines.split(",")
    strange = set(wanted) - set(plan.NAMES)
    if strange:
        raise SystemExit(f"no engine is called {', '.join(strange)}; there are: {' '.join(plan.NAMES)}")
    engines = []
    for name in plan.NAMES:
        program = os.path.join(settings.programs, "peer-" + plan.program(name))
        if name in wanted and os.path.exists(program):
            engines.append(Engine(name, settings))
            print(f"    {name}: {engines[-1].about['version']}, library {engines[-1].library[:12]}", flush=True)
    if not engines:
        raise SystemExit("no engine was built; tools/setup --peers installs those of Debian")
    is_of_commit = check_library(engines, settings)
    check_memory(engines, points, settings)
    run, controls = Run(settings), Controls(settings)
    run.library_is_of_commit = is_of_commit
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    print(f"    {run.machine}\n    commit {run.commit}, {settings.rows} rows, cache {settings.cache >> 20} MiB; "
          f"{settings.big_rows} rows, cache {settings.big_cache >> 20} MiB", flush=True)
    try:
        (run_smoke if settings.smoke else run_rounds)(run, points, engines, controls)
    except KeyboardInterrupt:
        print("interrupted: what follows is of the rounds so far")
    return run.results, run.failures


def main():
    settings = arguments()
    if settings.from_json:
        with open(settings.from_json) as lines:
            results, failures = [json.loads(line) for line in lines], []
    else:
        settle(settings)
        results, failures = run_all(settings)
    if not results:
        raise SystemExit("nothing was measured")
    summary = report.Summary(results)
    print("\n" + summary.table())
    if not settings.smoke:
        print("\n" + summary.goals_text())
    if settings.html:
        with open(settings.html, "w") as file:
            file.write(page.make(summary))
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
