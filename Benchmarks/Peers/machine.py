"""What the figures depend on and no engine decides: the machine, the commit, the memory limits of processes."""

import glob
import hashlib
import os
import subprocess


def _first(path, key):
    with open(path) as lines:
        for line in lines:
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    return "unknown"


def machine_line(folder):
    memory = int(_first("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    system = os.uname()
    return (f"{os.cpu_count()} x {_first('/proc/cpuinfo', 'model name')}, {memory:.0f} GiB, {_file_system(folder)}, "
            f"{system.sysname} {system.release}")


def _file_system(folder):
    best = ("", "unknown")
    with open("/proc/mounts") as mounts:
        for line in mounts:
            place, kind = line.split()[1:3]
            if os.path.realpath(folder).startswith(place.rstrip("/") + "/") and len(place) > len(best[0]):
                best = (place, kind)
    return best[1]


def commit():
    def git(*words):
        return subprocess.run(["git", *words], capture_output=True, text=True, cwd=os.path.dirname(__file__)).stdout
    changed = "+" if git("status", "--porcelain", "--untracked-files=no").strip() else ""
    return (git("rev-parse", "--short", "HEAD").strip() or "unknown") + changed


def source_hash():
    """The driver and its adapters: figures of another driver are not the same figures."""
    digest = hashlib.sha256()
    here = os.path.dirname(os.path.abspath(__file__))
    for pattern in ("driver/*", "engines/*", "raw.c"):
        for path in sorted(glob.glob(os.path.join(here, pattern))):
            with open(path, "rb") as file:
                digest.update(file.read())
    return digest.hexdigest()


class MemoryGroup:
    """A control group with a memory limit, page cache included, below that of this process; version 1 or 2."""

    def __init__(self, name, limit):
        self.path = self._create(name, limit)

    @staticmethod
    def _create(name, limit):
        own = {}
        with open("/proc/self/cgroup") as lines:
            for line in lines:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                own.update({controller: path for controller in controllers.split(",")})
        for root, controller, file in (("/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes"),
                                       ("/sys/fs/cgroup", "", "memory.max")):
            if controller not in own:
                continue
            path = f"{root}{own[controller]}/redoubt-peers-{name}-{os.getpid()}"
            try:
                os.makedirs(path, exist_ok=True)
                with open(f"{path}/{file}", "w") as knob:
                    knob.write(str(limit))
                return path
            except OSError:
                if os.path.isdir(path):
                    os.rmdir(path)
        return None

    def remove(self):
        if self.path:
            os.rmdir(self.path)
