"""Runs the programs: one process a point, on a database of its own."""

import json
import os
import shutil
import signal
import subprocess

import machine
import plan


class Failed(Exception):
    pass


def start(words, settings, group=None):
    """Runs a program as all of a comparison are run: with the same niceness, in a memory group if there is one."""
    if group and group.path:
        words = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', f"{group.path}/cgroup.procs", *words]
    if settings.nice:
        # Where the scheduler weighs sessions, a process is only as nice as its session.
        words = ["nice", "-n", str(settings.nice), "sh", "-c", 'echo "$0" > /proc/self/autogroup; exec "$@"',
                 str(settings.nice), *words]
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=settings.timeout,
                              start_new_session=settings.nice != 0)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"no end after {error.timeout} s") from error


def can_limit_memory(settings):
    """Whether a process can be started with a limit of memory that includes its page cache."""
    group = machine.MemoryGroup("probe", 64 << 20)
    try:
        return group.path is not None and start(["true"], settings, group).returncode == 0
    finally:
        group.remove()


def _sync(folder):
    """What was copied is on disk before the next measurement, and its pages stay in memory."""
    for root, _, names in os.walk(folder):
        for name in names:
            file = os.open(os.path.join(root, name), os.O_RDONLY)
            os.fsync(file)
            os.close(file)


class Engine:
    """One engine: its program, what it says of itself, and its loaded databases."""

    def __init__(self, name, settings):
        self.name = name
        self.settings = settings
        self.extra = settings.extra
        if name in plan.VARIANTS:
            self.extra += " " + plan.VARIANTS[name][1]
        program = plan.program(name)
        self.program = os.path.join(settings.programs, f"peer-{program}")
        self.folder = os.path.join(settings.folder, program)
        self.about = self._output([self.program], None)
        self.library = machine.file_hash(self.about["library"])

    def _output(self, words, group):
        done = start(words, self.settings, group)
        if done.returncode == -signal.SIGKILL and "work=grow-redo" in words:
            return None
        if done.returncode != 0:
            raise Failed((done.stderr.strip() or f"ended with {done.returncode}")[-300:])
        return json.loads(done.stdout)

    def _words(self, work, folder, point):
        settings, big = self.settings, point.big
        rows = settings.big_rows if big else settings.rows
        seconds = settings.big_seconds if point.long else settings.seconds
        redo = settings.recovery_redo if point.name == "recovery" else settings.redo
        warm_up = min(settings.warm_up * (5 if point.long else 1), seconds)
        return [self.program, f"work={work}", f"folder={folder}", f"rows={rows}", f"threads={point.threads}",
                f"cache={settings.big_cache if big else settings.cache}", f"redo={redo}", f"seconds={seconds}",
                f"warm-up={warm_up}", f"durable={int(point.durable)}", f"out-of-cache={int(big)}",
                f"check={int(settings.smoke)}", f"extra={self.extra}", f"marks={self.folder}/marks"]

    def _fresh(self, name):
        folder = os.path.join(self.folder, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        return folder

    def load(self, point):
        """The folder of the loaded database that a point works on, made when it is not there."""
        settings = self.settings
        name = "big" if point.big else "small"
        mark = os.path.join(self.folder, name + ".loaded")
        rows = settings.big_rows if point.big else settings.rows
        wanted = f"{self.about['version']} {self.library} {rows} {settings.redo} {settings.sources}"
        if not os.path.exists(mark) or open(mark).read() != wanted:
            folder = self._fresh(name)
            self._output(self._words("load-sorted", folder, point), None)
            with open(mark, "w") as file:
                file.write(wanted)
        return os.path.join(self.folder, name)

    def _copy(self, point):
        loaded = self.load(point)
        folder = self._fresh("run")
        shutil.copytree(loaded, folder, dirs_exist_ok=True)
        _sync(folder)
        return folder

    def run(self, point):
        """The figures of one point, or None when the engine leaves it out."""
        settings = self.settings
        is_limited = point.big and self.about["memory_percent"] > 0
        # Without a limit it would have the memory of the machine: a smoke run is only to work.
        if plan.left_out(self.name, point) or is_limited and not (settings.limits_memory or settings.smoke):
            return None
        group = None
        if point.work.startswith("load-"):
            folder = self._fresh("run")
        elif point.big or not point.changes:
            folder = self.load(point)
        else:
            folder = self._copy(point)
        if point.name == "recovery":
            marks = os.path.join(self.folder, "marks")
            if os.path.exists(marks):
                os.remove(marks)
            self._output(self._words("grow-redo", folder, point), None)
        if is_limited:
            # The constant is for the program itself: code, stacks, histograms.
            limit = settings.big_cache * self.about["memory_percent"] // 100 + (48 << 20)
            group = machine.MemoryGroup(self.name, limit)
            if group.path is None and not settings.smoke:
                raise Failed("no control group for its limit of memory")
        try:
            figures = self._output(self._words(point.work, folder, point), group)
        finally:
            if group:
                group.remove()
        if group:
            figures["memory_limit"] = limit if group.path else "none: no control group"
        figures["library"] = self.library
        return None if "missing" in figures else figures
