"""The same device without an engine, in the same run: synced 4 KiB writes, and fio."""

import json
import os
import shutil

from engine import Failed, start

PAGE = 16384


class Controls:
    def __init__(self, settings):
        self.settings = settings
        self.folder = os.path.join(settings.folder, "controls")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.has_fio = shutil.which("fio") is not None
        if not self.has_fio:
            print("SKIPPED: peers: fio is not installed (fio): no raw reads and no mix to compare with", flush=True)

    def raw_writes(self, threads):
        """Writes of 4 KiB with O_DIRECT and O_DSYNC: what a durable commit costs at least."""
        program = os.path.join(self.settings.programs, "peer-raw")
        done = start([program, self.folder, str(threads), str(self.settings.seconds)], self.settings)
        if done.returncode != 0:
            raise Failed(done.stderr[-300:])
        return json.loads(done.stdout)

    def _fio(self, jobs, seconds):
        size = max(self.settings.big_rows * 180, 16 << 20) // PAGE * PAGE
        words = ["fio", "--output-format=json", "--direct=1", "--group_reporting", "--randrepeat=0", "--norandommap",
                 f"--size={size}", f"--directory={self.folder}", "--filename=fio.data", "--time_based",
                 f"--runtime={max(seconds, 0.5)}", "--fallocate=none", *jobs]
        done = start(words, self.settings)
        if done.returncode != 0:
            raise Failed("fio: " + done.stderr[-300:])
        # Warnings may stand before the report.
        return json.loads(done.stdout[done.stdout.index("{"):])["jobs"]

    def reads(self):
        """Random reads of 16 KiB at depth 8."""
        job, = self._fio(["--name=reads", "--rw=randread", f"--bs={PAGE}", "--ioengine=libaio", "--iodepth=8"],
                         self.settings.seconds)
        return {"engine": "fio", "work": "fio-reads", "ops_s": job["read"]["iops"],
                "p99_us": job["read"]["clat_ns"]["percentile"]["99.000000"] / 1000}

    def mix(self, figures, threads):
        """The operations a second that the device could do if nothing but I/O took time.

        The reads, page writes and doublewrite bytes of one operation are what the engine just reported. Reads go as
        fast as they go, by as many threads as worked; the writes go beside them at the pace of those reads, which
        takes a few rounds to find.
        """
        reads = figures["pages_read_kb_per_op"] * 1000 / PAGE
        writes = figures["pages_written_kb_per_op"] * 1000 / PAGE
        doubled = figures["doublewrite_kb_per_op"] * 1000
        if reads <= 0:
            return None
        rate = figures["ops_s"]
        for _ in range(1 if self.settings.smoke else 3):
            jobs = ["--name=reads", "--rw=randread", f"--bs={PAGE}", "--ioengine=psync", f"--numjobs={threads}"]
            if writes * rate >= 1:
                jobs += ["--name=writes", "--rw=randwrite", f"--bs={PAGE}", "--ioengine=libaio", "--iodepth=32",
                         f"--rate_iops={int(writes * rate)}"]
            if doubled * rate >= 1 << 20:
                jobs += ["--name=doublewrite", "--rw=write", "--bs=1m", "--ioengine=psync",
                         f"--rate={int(doubled * rate)}", "--filename=fio.doublewrite"]
            done = self._fio(jobs, self.settings.seconds)
            rate = done[0]["read"]["iops"] / reads
        return {"engine": "fio", "work": "fio-mix", "threads": threads, "ops_s": rate,
                "p99_us": done[0]["read"]["clat_ns"]["percentile"]["99.000000"] / 1000}
