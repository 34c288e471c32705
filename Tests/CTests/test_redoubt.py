"""Tests of the Python module: each in a database of its own, in a folder that goes with it."""

import gc
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import redoubt

SMALL = {"memory": "12 MiB", "redoLog__bufferCapacity": "1 MiB", "redoLog__capacity": "4 MiB"}


class RedoubtTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "database")

    def refused(self, name, body):
        with self.assertRaises(redoubt.Error) as context:
            body()
        self.assertEqual(context.exception.name, name)
        self.assertTrue(str(context.exception).startswith(name), str(context.exception))

    def test_rows_come_back_after_closing(self):
        with redoubt.open(self.path, **SMALL) as database:
            rows = database.keyspace("rows", create=True)
            rows[b"a\0b"] = b"\0\1\2"
            rows.put(b"empty", b"", redoubt.DEFERRED)
            rows.put(b"long", bytes(range(256)) * 400, redoubt.WRITTEN)
        with redoubt.open(self.path, read_only=True) as database:
            rows = database.keyspace("rows")
            self.assertEqual(rows[b"a\0b"], b"\0\1\2")
            self.assertEqual(rows.get(b"empty"), b"")
            self.assertEqual(rows.get(b"long"), bytes(range(256)) * 400)
            self.assertIsNone(rows.get(b"none"))
            self.assertEqual(rows.get(b"none", b"x"), b"x")
            self.refused("readOnly", lambda: rows.put(b"a", b"b"))

    def test_rows_are_found_changed_and_removed(self):
        with redoubt.open(self.path, **SMALL) as database:
            rows = database.keyspace("rows", create=True)
            rows[bytearray(b"a")] = memoryview(b"1")
            self.assertIn(b"a", rows)
            self.assertNotIn(b"b", rows)
            self.assertFalse(rows.compare_and_put(b"a", b"2", b"3"))
            self.assertTrue(rows.compare_and_put(b"a", b"1", b""))
            self.assertTrue(rows.compare_and_put(b"a", b"", None))
            self.assertTrue(rows.compare_and_put(b"a", None, b"4"))
            del rows[b"a"]
            with self.assertRaises(KeyError):
                del rows[b"a"]
            with self.assertRaises(KeyError):
                rows[b"a"]
            for text in ("a", 7, None):
                with self.assertRaises(TypeError):
                    rows.put(text, b"x")
            self.refused("keyTooLarge", lambda: rows.put(b"", b"x"))

    def test_walks(self):
        with redoubt.open(self.path, **SMALL) as database:
            rows = database.keyspace("rows", create=True)
            with rows.loader() as loader:
                for number in range(1000):
                    loader.add(b"%04d" % number, b"%d" % number)
            self.assertEqual(len(list(rows)), 1000)
            self.assertEqual(list(rows.items(b"0998")), [(b"0998", b"998"), (b"0999", b"999")])
            self.assertEqual(list(rows.items(upper=b"0002")), [(b"0000", b"0"), (b"0001", b"1")])
            reverse = rows.items(b"0010", b"0013", reverse=True)
            self.assertEqual([key for key, _ in reverse], [b"0012", b"0011", b"0010"])
            self.assertEqual(list(rows.items(upper=b"")), [])
            self.assertEqual(list(rows.items(upper=b"", reverse=True)), [])
            with rows.cursor() as cursor:
                self.assertEqual(cursor.seek(redoubt.ABOVE, b"0500"), (b"0501", b"501"))
                self.assertEqual(cursor.previous(), (b"0500", b"500"))
                self.assertEqual(cursor.last(), (b"0999", b"999"))
                self.assertIsNone(cursor.next())
            self.assertEqual(rows.delete_range(b"0100", b"0900"), 800)
            self.assertEqual(len(list(rows.items(reverse=True))), 200)

    def test_a_batch_is_written_whole_or_not_at_all(self):
        with redoubt.open(self.path, **SMALL) as database:
            rows = database.keyspace("rows", create=True)
            with database.batch(redoubt.WRITTEN) as batch:
                batch.put(rows, b"a", b"1")
                batch.delete(rows, b"never")
                self.assertEqual(len(batch), 2)
                self.assertNotIn(b"a", rows)
            self.assertIn(b"a", rows)
            with self.assertRaises(ZeroDivisionError):
                with database.batch() as batch:
                    batch.put(rows, b"b", b"1")
                    1 / 0
            self.assertNotIn(b"b", rows)
            self.refused("invalidHandle", batch.write)

    def test_keyspaces_options_and_statistics(self):
        with redoubt.open(self.path, durability="deferred", **SMALL) as database:
            database.keyspace("b", create=True)
            database.keyspace("\u00e4", create=True)
            database.rename("b", "a")
            self.assertEqual(database.keyspaces(), ["a", "\u00e4"])
            database.drop("a")
            self.refused("keyspaceNotFound", lambda: database.keyspace("a"))
            database.change(flushing__ioCapacity=500, bufferPool__randomReadAhead=True)
            self.assertEqual(database.option("flushing.ioCapacity"), "500")
            self.assertEqual(database.option("bufferPool__randomReadAhead"), "true")
            self.assertEqual(database.option("memory"), "12 MiB")
            self.assertIn("flushing.policy", redoubt.option_names())
            self.refused("invalidConfiguration", lambda: database.change(nothing=1))
            database.flush()
            database.checkpoint()
            self.assertEqual(database.statistics()["keyspaces"], 1)
            self.assertIn("END OF REDOUBT STATUS", database.status_report())
            self.assertIn("# TYPE redoubt_", database.metrics())

    def test_what_is_closed_says_so(self):
        database = redoubt.open(self.path, **SMALL)
        rows = database.keyspace("rows", create=True)
        cursor = rows.cursor()
        database.close()
        database.close()
        self.refused("invalidHandle", lambda: rows.get(b"a"))
        self.refused("closed", cursor.next)
        cursor.close()
        self.refused("invalidHandle", cursor.next)
        self.refused("invalidHandle", database.flush)
        self.refused("notFound", lambda: redoubt.open(self.path + "/none", createIfMissing=False))

    def test_what_nobody_mentions_is_closed(self):
        rows = redoubt.open(self.path, **SMALL).keyspace("rows", create=True)
        gc.collect()
        rows[b"a"] = b"1"
        cursor = rows.cursor()
        del rows
        gc.collect()
        self.assertEqual(cursor.first(), (b"a", b"1"))
        del cursor
        gc.collect()
        with redoubt.open(self.path, **SMALL) as database:
            self.assertIn(b"a", database.keyspace("rows"))

    # What the child prints; its exit, and all that Python does at its end, must not wait for the parent's threads.
    FORKING = """
import os, sys, redoubt

def name_of(body):
    try:
        body()
    except redoubt.Error as error:
        return error.name

options = {"memory": "12 MiB", "redoLog__bufferCapacity": "1 MiB", "redoLog__capacity": "4 MiB"}
with redoubt.open(sys.argv[1], **options) as database:
    rows = database.keyspace("rows", create=True)
    rows[b"a"] = b"1"
    cursor, batch, other = rows.cursor(), database.batch(), redoubt.open(sys.argv[1] + ".other", **options)
    child = os.fork()
    if child == 0:
        print(name_of(lambda: rows.get(b"a")), name_of(lambda: rows.put(b"b", b"2")), name_of(cursor.first),
              name_of(lambda: batch.put(rows, b"c", b"3")), name_of(other.flush), flush=True)
        cursor.close()
        sys.exit(7)
    print("child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print("parent:", rows[b"a"], list(rows), cursor.first())
"""

    def test_a_child_after_a_fork_has_nothing_open_and_can_end(self):
        script = [sys.executable, "-W", "ignore", "-c", self.FORKING, self.path]
        done = subprocess.run(script, capture_output=True, text=True, timeout=60)
        refused = " ".join(["invalidHandle"] * 5)
        self.assertEqual((done.stderr, done.returncode), ("", 0))
        self.assertEqual(done.stdout, f"{refused}\nchild: 7\nparent: b'1' [b'a'] (b'a', b'1')\n")

    def test_what_was_closed_can_be_opened_while_a_child_after_a_fork_lives(self):
        script = """
import os, sys, redoubt
options = {"memory": "12 MiB", "redoLog__bufferCapacity": "1 MiB", "redoLog__capacity": "4 MiB"}
reading, writing = os.pipe()
for opening in ({"read_only": False}, {"read_only": True}):
    database = redoubt.open(sys.argv[1], **opening, **options)
    if os.fork() == 0:
        os.close(writing)
        os._exit(len(os.read(reading, 1)))
    database.close()
    redoubt.open(sys.argv[1], **options).close()
os.close(writing)
print(os.wait()[1], os.wait()[1])
"""
        script = [sys.executable, "-W", "ignore", "-c", script, self.path]
        done = subprocess.run(script, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.stderr, done.stdout), ("", "0 0\n"))

    def test_threads(self):
        with redoubt.open(self.path, **SMALL) as database:
            rows = database.keyspace("rows", create=True)

            def work(thread):
                for number in range(200):
                    key = b"%d %d" % (thread, number)
                    rows.put(key, key, redoubt.DEFERRED)
                    assert rows.get(key) == key

            threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(list(rows)), 800)

    def test_versions(self):
        self.assertRegex(redoubt.version(), r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
