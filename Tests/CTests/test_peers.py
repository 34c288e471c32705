"""Tests of how engines are compared: what is judged, of which library a figure is, and who is limited in memory."""

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
import unittest
from types import SimpleNamespace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Benchmarks", "Peers"))

import goals
import machine
import plan
import report
import suite


def result(point, engine, ops_s, **others):
    return {"point": point, "engine": engine, "ops_s": ops_s, "round": 1, "machine": "m", "commit": "c",
            "other_cpu": 0.0, **others}


def judged(results, text):
    return next(one for one in report.Summary(results).goals() if one.text == text)


class GoalTests(unittest.TestCase):
    RANK, LOAD, DURABLE = "YCSB A, rank", "random load / best B-tree", "durable updates, 8 threads / best peer"

    def test_redoubt_alone_meets_no_goal_that_is_about_others(self):
        results = [result(point.name, "redoubt", 1000) for point in plan.POINTS]
        for one in report.Summary(results).goals():
            if not one.text.startswith("recovery"):
                self.assertIsNone(one.is_met, one.text)
        self.assertEqual(judged(results, self.RANK).lacks, goals.PEERS)
        self.assertIn("no answer YCSB A, rank: no figure of rocksdb, wiredtiger", report.Summary(results).goals_text())

    def test_an_engine_that_failed_is_not_a_slower_one(self):
        results = [result("ycsb-a", "redoubt", 1000)] + [result("ycsb-a", name, 1) for name in goals.PEERS[1:]]
        self.assertEqual((judged(results, self.RANK).value, judged(results, self.RANK).lacks), (None, ["rocksdb"]))
        self.assertIn("Goals: ", report.Summary(results).goals_text())
        results = [result("load-random", "redoubt", 1000), result("load-random", "sqlite", 1)]
        self.assertEqual(judged(results, self.LOAD).lacks, ["wiredtiger", "lmdb", "berkeleydb", "innodb"])

    def test_with_all_engines_a_goal_is_met_or_missed(self):
        results = [result("ycsb-a", "redoubt", 5)]
        results += [result("ycsb-a", name, number) for number, name in enumerate(goals.PEERS, start=1)]
        one = judged(results, self.RANK)
        self.assertEqual((one.value, one.is_met), (2, True))
        results = [result("load-random", "redoubt", 5)]
        results += [result("load-random", name, number) for number, name in enumerate(goals.TREES, start=1)]
        one = judged(results, self.LOAD)
        self.assertEqual((one.value, one.is_met), (1.0, False))

    def test_what_reached_nothing_is_nothing_to_compare_with(self):
        results = [result("load-random", name, 0) for name in ["redoubt", *goals.TREES]]
        self.assertEqual(judged(results, self.LOAD).lacks, goals.TREES)
        results = [result("durable-1", "redoubt", 5), result("raw-writes-1", "raw", 0)]
        self.assertEqual(judged(results, "durable updates, 1 thread / raw synced writes").lacks, ["raw"])

    def test_an_engine_that_does_not_run_a_point_is_not_waited_for(self):
        results = [result("durable-8", "redoubt", 20)]
        results += [result("durable-8", name, 10) for name in goals.PEERS if name != "innodb"]
        one = judged(results, self.DURABLE)
        self.assertEqual((one.value, one.is_met), (2.0, True))

    def test_a_figure_beyond_the_cache_without_a_limit_of_memory_is_none(self):
        text = "reads beyond the cache, 8 threads / best of WiredTiger, InnoDB"
        results = [result("big-read-8", "redoubt", 10), result("big-read-8", "innodb", 5)]
        results.append(result("big-read-8", "wiredtiger", 1e6, memory_limit="none: no control group"))
        self.assertEqual(judged(results, text).lacks, ["wiredtiger"])
        results[-1]["memory_limit"] = 1 << 26
        self.assertFalse(judged(results, text).is_met)


class LibraryTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.library = folder.name, os.path.join(folder.name, "libredoubt.so.1")
        with open(self.library, "wb") as file:
            file.write(b"library")
        self.about = {"library": hashlib.sha256(b"library").hexdigest(), "sources": "these", "configuration": "release"}

    def is_of_these(self, **changes):
        with open(os.path.join(self.folder, "libredoubt.json"), "w") as file:
            json.dump({**self.about, **changes}, file)
        link = os.path.join(self.folder, "libredoubt.so")
        if not os.path.islink(link):
            os.symlink("libredoubt.so.1", link)
        return machine.library_is_of(link, "these")

    def test_a_library_is_told_from_one_of_other_sources(self):
        self.assertIs(self.is_of_these(), True)
        self.assertIs(self.is_of_these(sources="others"), False)
        self.assertIs(self.is_of_these(configuration="debug"), False)
        self.assertIsNone(self.is_of_these(library="another"))
        os.remove(os.path.join(self.folder, "libredoubt.json"))
        self.assertIsNone(machine.library_is_of(self.library, "these"))
        self.assertRegex(machine.own_sources(), "^[0-9a-f]{64}$")

    def test_one_of_other_sources_is_refused_unless_it_was_named(self):
        engines = [SimpleNamespace(name="redoubt", about={"library": self.library})]
        self.is_of_these(sources="others")
        with self.assertRaises(SystemExit):
            suite.check_library(engines, SimpleNamespace(any_library=False))
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertIs(suite.check_library(engines, SimpleNamespace(any_library=True)), False)
        self.assertIn("NOT built of these sources", output.getvalue())
        table = report.Summary([result("read-1", "redoubt", 1, library_is_of_commit=False)]).table()
        self.assertIn("NOT built of these sources", table)


class MemoryGroupTests(unittest.TestCase):
    """Folders and files in the place of the kernel's: those that it would make are there before."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def make(self, path, text=""):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    @staticmethod
    def text(path):
        with open(path) as file:
            return file.read()

    def group(self, *lines):
        own = self.make("own", "".join(line + "\n" for line in lines))
        return machine.MemoryGroup("x", 4096, root=self.root, own=own).path

    def test_version_1_is_below_the_own_group(self):
        knob = self.make(f"memory/a/redoubt-peers-x-{os.getpid()}/memory.limit_in_bytes")
        self.assertEqual(self.group("4:memory:/a", "0::/"), os.path.dirname(knob))
        self.assertEqual(self.text(knob), "4096")

    def test_version_2_is_below_the_nearest_group_that_hands_memory_on(self):
        for path, controllers in (("", "cpu memory"), ("user/", "memory"), ("user/own/", "")):
            self.make(f"{path}cgroup.subtree_control", controllers + "\n")
            self.make(f"{path}redoubt-peers-x-{os.getpid()}/memory.max")
        made = self.group("0::/user/own")
        self.assertEqual(made, f"{self.root}/user/redoubt-peers-x-{os.getpid()}")
        self.assertEqual(self.text(made + "/memory.max"), "4096")

    def test_there_may_be_none(self):
        self.make("cgroup.subtree_control", "cpu\n")
        self.assertIsNone(self.group("0::/user/own"))
        self.assertIsNone(self.group("0::/"))
        self.assertIsNone(self.group())
        # What cannot be limited is not left behind.
        self.make("cgroup.subtree_control", "memory\n")
        self.assertIsNone(self.group("0::/"))
        self.assertEqual(sorted(os.listdir(self.root)), ["cgroup.subtree_control", "own"])


class RoundTests(unittest.TestCase):
    def test_each_round_begins_with_another_engine(self):
        ran = []
        engines = [SimpleNamespace(name=name, run=lambda point, name=name: ran.append(name)) for name in "abc"]
        settings = SimpleNamespace(rounds=4, long_rounds=4, patience=0)
        run = SimpleNamespace(settings=settings, measure=lambda number, point, name, action: action())
        suite.run_rounds(run, [plan.chosen(["read-1"])[0]], engines, SimpleNamespace(has_fio=False))
        self.assertEqual("".join(ran), "abc" "bca" "cab" "abc")


if __name__ == "__main__":
    unittest.main()
