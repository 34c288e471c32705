"""What the figures depend on and no engine decides: the machine, the commit, the memory limits of processes."""

import glob
import hashlib
import json
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


def file_hash(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def own_sources():
    """The hash of the sources that tools/build-c would build a library of."""
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "build-c")
    return subprocess.run([tool, "--sources"], capture_output=True, text=True, check=True).stdout.strip()


def library_is_of(path, sources):
    """Whether the Redoubt library in a file was built, for release, of these sources; None if nobody knows.

    tools/build-c leaves a file beside the library that says of what it was built.
    """
    path = os.path.realpath(path)
    try:
        with open(os.path.join(os.path.dirname(path), "libredoubt.json")) as file:
            built = json.load(file)
    except (OSError, ValueError):
        return None
    if built.get("library") != file_hash(path):
        return None
    return built.get("sources") == sources and built.get("configuration") == "release"


class MemoryGroup:
    """A control group with a memory limit, page cache included; version 1 or 2. `path` is None where none can be made.

    In version 1 it is below the group of this process. In version 2 a group with processes in it has no groups with
    limits, so it is below the nearest one above that hands memory on and may be written to.
    """

    def __init__(self, name, limit, root="/sys/fs/cgroup", own="/proc/self/cgroup"):
        self.path = None
        for parent, knob in self._parents(root, own):
            path = f"{parent}/redoubt-peers-{name}-{os.getpid()}"
            try:
                os.makedirs(path, exist_ok=True)
                with open(f"{path}/{knob}", "r+") as file:
                    file.write(str(limit))
                self.path = path
                return
            except OSError:
                if os.path.isdir(path):
                    os.rmdir(path)

    @staticmethod
    def _parents(root, own):
        groups = {}
        with open(own) as lines:
            for line in lines:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                groups.update({controller: path for controller in controllers.split(",")})
        if "memory" in groups:
            yield f"{root}/memory{groups['memory']}", "memory.limit_in_bytes"
            return
        steps = groups.get("", "/").strip("/").split("/")
        for count in range(len(steps), -1, -1):
            parent = "/".join([root, *steps[:count]]).rstrip("/")
            try:
                with open(f"{parent}/cgroup.subtree_control") as file:
                    hands_on = "memory" in file.read().split()
            except OSError:
                continue
            if hands_on:
                yield parent, "memory.max"

    def remove(self):
        if self.path:
            os.rmdir(self.path)
