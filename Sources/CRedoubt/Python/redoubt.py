"""Redoubt, an embedded storage engine, for Python: a thin layer over libredoubt.so, without dependencies.

    import redoubt

    with redoubt.open("/var/lib/shop", memory="64 MiB") as database:
        orders = database.keyspace("orders", create=True)
        orders[b"2026-11-21"] = b"3 apples"
        print(orders[b"2026-11-21"], b"2026-11-22" in orders)
        with database.batch() as batch:
            batch.put(orders, b"2026-11-22", b"1 pear")
        for key, value in orders.items(lower=b"2026-11"):
            print(key, value)

Keys and values are bytes (or anything that bytes() takes from a buffer). Errors are Error, whose `status` is the number
and `name` the name that redoubt.h gives. Databases and keyspaces may be used by many threads, and calls let other
threads of Python run; batches, cursors and loaders are for one thread at a time. After os.fork() the child has nothing
open: whatever it uses raises Error with the name invalidHandle, and closing has no effect.

The library is found by the environment's REDOUBT_LIBRARY, beside this file's folder in ../lib, or by the system.
"""

import ctypes
import os

DEFAULT, FLUSHED, WRITTEN, DEFERRED, REFUSE_SLOWDOWN = 0, 1, 2, 3, 16
AT_LEAST, ABOVE, AT_MOST, BELOW = 0, 1, 2, 3
NOT_FOUND, BUFFER_TOO_SMALL = 1, 2


class Error(Exception):
    """What the library refused or could not do."""

    def __init__(self, status):
        self.status = status
        self.name = _library.redoubt_status_name(status).decode()
        super().__init__(_library.redoubt_message().decode(errors="replace"))


class Row(ctypes.Structure):
    """A row that the library lends."""

    _fields_ = [
        ("key", ctypes.c_void_p),
        ("key_length", ctypes.c_size_t),
        ("value", ctypes.c_void_p),
        ("value_length", ctypes.c_size_t),
    ]

    def copy(self):
        """Key and value as bytes."""
        return ctypes.string_at(self.key, self.key_length), ctypes.string_at(self.value, self.value_length)


def _load():
    here = os.path.dirname(os.path.abspath(__file__))
    beside = os.path.join(here, "..", "lib", "libredoubt.so.1")
    path = os.environ.get("REDOUBT_LIBRARY") or (beside if os.path.exists(beside) else "libredoubt.so.1")
    library = ctypes.CDLL(path)
    handle, text, size, how = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32
    place = ctypes.POINTER(handle)
    texts, sizes, row = ctypes.POINTER(text), ctypes.POINTER(size), ctypes.POINTER(Row)
    signatures = {
        "open": [text, texts, size, place],
        "open_read_only": [text, texts, size, place],
        "close": [handle],
        "change": [handle, texts, size],
        "option": [handle, text, texts],
        "flush": [handle],
        "checkpoint": [handle],
        "keyspace_open": [handle, text, ctypes.c_int32, place],
        "keyspace_drop": [handle, text],
        "keyspace_rename": [handle, text, text],
        "keyspace_names": [handle, place, sizes],
        "get": [handle, text, size, handle, size, sizes],
        "get_length": [handle, text, size, sizes],
        "put": [handle, text, size, text, size, how],
        "delete": [handle, text, size, how],
        "compare_and_put": [handle, text, size, text, size, text, size, how, ctypes.POINTER(ctypes.c_int32)],
        "delete_range": [handle, text, size, text, size, how, ctypes.POINTER(ctypes.c_uint64)],
        "batch_create": [handle, place],
        "batch_put": [handle, handle, text, size, text, size],
        "batch_delete": [handle, handle, text, size],
        "batch_count": [handle, sizes, sizes],
        "batch_clear": [handle],
        "batch_write": [handle, how],
        "batch_close": [handle],
        "cursor_open": [handle, place],
        "cursor_seek": [handle, ctypes.c_int32, text, size, row],
        "cursor_first": [handle, row],
        "cursor_last": [handle, row],
        "cursor_next": [handle, row],
        "cursor_previous": [handle, row],
        "cursor_close": [handle],
        "loader_create": [handle, ctypes.c_int32, place],
        "loader_add": [handle, text, size, text, size],
        "loader_finish": [handle, how],
        "loader_close": [handle],
        "statistics": [handle, ctypes.POINTER(ctypes.c_uint64), size, sizes],
        "status_report": [handle, texts],
        "metrics": [handle, texts],
    }
    for name, arguments in signatures.items():
        function = getattr(library, "redoubt_" + name)
        function.argtypes, function.restype = arguments, ctypes.c_int32
    for name, argument in {"status_name": ctypes.c_int32, "option_name": size, "statistic_name": size}.items():
        function = getattr(library, "redoubt_" + name)
        function.argtypes, function.restype = [argument], text
    for name in ("version", "message"):
        function = getattr(library, "redoubt_" + name)
        function.argtypes, function.restype = [], text
    if library.redoubt_abi_version() != 1:
        raise ImportError(f"{path} has another binary interface than this module")
    return library


_library = _load()


def version():
    """The version of the library."""
    return _library.redoubt_version().decode()


def _names(function):
    index, names = 0, []
    while (name := function(index)) is not None:
        names.append(name.decode())
        index += 1
    return names


def option_names():
    """The names of all options."""
    return _names(_library.redoubt_option_name)


def _check(status):
    if status != 0:
        raise Error(status)


def _bytes(value):
    if isinstance(value, (str, int)):
        raise TypeError(f"keys and values are bytes, not {type(value).__name__}")
    return bytes(value)


def _bound(value):
    if value is None:
        return None, 0
    value = _bytes(value)
    return value, len(value)


def _options(settings):
    """The options in the form of the library: dots in names may be written as two underscores."""
    texts = []
    for name, value in settings.items():
        value = str(value).lower() if isinstance(value, bool) else str(value)
        texts.append(f"{name.replace('__', '.')}={value}".encode())
    return (ctypes.c_char_p * max(len(texts), 1))(*texts), len(texts)


def open(path, *, read_only=False, **options):
    """Opens the database in a folder; waits while it recovers. Options: memory="64 MiB", flushing__ioCapacity=500."""
    texts, count = _options(options)
    handle = ctypes.c_void_p()
    function = _library.redoubt_open_read_only if read_only else _library.redoubt_open
    _check(function(os.fsencode(path), texts, count, ctypes.byref(handle)))
    return Database(handle)


class _Closing:
    """What has a handle of its own, which `with` closes."""

    _close = None
    # Of the class, because modules may be gone when the interpreter ends.
    _process_id = staticmethod(os.getpid)

    def __init__(self, handle, owner=None):
        self._handle = handle
        self._opener = self._process_id()
        # What must not be closed before this one, only because nobody else mentions it any more.
        self._owner = owner

    def close(self):
        """Closes it; no effect the second time, nor in a child after os.fork()."""
        handle, self._handle = self._handle, None
        if handle is not None and self._opener == self._process_id():
            _check(self._close(handle))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __del__(self):
        handle = getattr(self, "_handle", None)
        if handle is not None and self._close is not None and self._opener == self._process_id():
            self._close(handle)


class Database(_Closing):
    """An open database; `with` closes it."""

    _close = _library.redoubt_close

    def keyspace(self, name, create=False):
        """The keyspace called `name`."""
        handle = ctypes.c_void_p()
        _check(_library.redoubt_keyspace_open(self._handle, name.encode(), int(create), ctypes.byref(handle)))
        return Keyspace(handle, self)

    def drop(self, name):
        """Removes a keyspace with all its rows."""
        _check(_library.redoubt_keyspace_drop(self._handle, name.encode()))

    def rename(self, name, new_name):
        """Gives a keyspace another name."""
        _check(_library.redoubt_keyspace_rename(self._handle, name.encode(), new_name.encode()))

    def keyspaces(self):
        """The names of all keyspaces, in order."""
        text, count = ctypes.c_void_p(), ctypes.c_size_t()
        _check(_library.redoubt_keyspace_names(self._handle, ctypes.byref(text), ctypes.byref(count)))
        names, position = [], text.value
        for _ in range(count.value):
            name = ctypes.string_at(position)
            names.append(name.decode())
            position += len(name) + 1
        return names

    def batch(self, how=DEFAULT):
        """Changes that are made together; `with` writes them at its end, or none if it ends by an exception."""
        handle = ctypes.c_void_p()
        _check(_library.redoubt_batch_create(self._handle, ctypes.byref(handle)))
        return Batch(handle, self, how)

    def change(self, **options):
        """Changes options while the database is open."""
        _check(_library.redoubt_change(self._handle, *_options(options)))

    def option(self, name):
        """The value of an option as text."""
        return self._text(_library.redoubt_option, name.replace("__", ".").encode())

    def flush(self):
        """Makes everything durable that was written before."""
        _check(_library.redoubt_flush(self._handle))

    def checkpoint(self):
        """Writes every changed page to its file."""
        _check(_library.redoubt_checkpoint(self._handle))

    def statistics(self):
        """What happened since the opening, by name."""
        names = _names(_library.redoubt_statistic_name)
        values = (ctypes.c_uint64 * len(names))()
        _check(_library.redoubt_statistics(self._handle, values, len(names), None))
        return dict(zip(names, values))

    def status_report(self):
        """A report for people."""
        return self._text(_library.redoubt_status_report)

    def metrics(self):
        """The statistics in the text format that Prometheus scrapes."""
        return self._text(_library.redoubt_metrics)

    def _text(self, function, *arguments):
        text = ctypes.c_char_p()
        _check(function(self._handle, *arguments, ctypes.byref(text)))
        return text.value.decode()


class Keyspace:
    """A named, ordered set of rows; valid until its database is closed."""

    def __init__(self, handle, database):
        self._handle = handle
        self._database = database

    def get(self, key, default=None):
        """The value of `key`, or `default`."""
        key, capacity, length = _bytes(key), 512, ctypes.c_size_t()
        while True:
            buffer = ctypes.create_string_buffer(capacity)
            status = _library.redoubt_get(self._handle, key, len(key), buffer, capacity, ctypes.byref(length))
            if status == NOT_FOUND:
                return default
            if status != BUFFER_TOO_SMALL:
                _check(status)
                return buffer.raw[: length.value]
            capacity = length.value

    def put(self, key, value, how=DEFAULT):
        """Gives `key` the value `value`."""
        key, value = _bytes(key), _bytes(value)
        _check(_library.redoubt_put(self._handle, key, len(key), value, len(value), how))

    def delete(self, key, how=DEFAULT):
        """Removes a row; returns whether it was there."""
        key = _bytes(key)
        status = _library.redoubt_delete(self._handle, key, len(key), how)
        if status == NOT_FOUND:
            return False
        _check(status)
        return True

    def compare_and_put(self, key, expected, value, how=DEFAULT):
        """Gives `key` the value `value` (None: removes it) if it is `expected` (None: if it is not there)."""
        key, applied = _bytes(key), ctypes.c_int32()
        arguments = (*_bound(expected), *_bound(value), how, ctypes.byref(applied))
        _check(_library.redoubt_compare_and_put(self._handle, key, len(key), *arguments))
        return applied.value == 1

    def delete_range(self, lower=None, upper=None, how=DEFAULT):
        """Removes the rows from `lower` up to but not including `upper`; returns how many."""
        removed = ctypes.c_uint64()
        bounds = (*_bound(lower), *_bound(upper))
        _check(_library.redoubt_delete_range(self._handle, *bounds, how, ctypes.byref(removed)))
        return removed.value

    def cursor(self):
        """A position that walks both ways."""
        handle = ctypes.c_void_p()
        _check(_library.redoubt_cursor_open(self._handle, ctypes.byref(handle)))
        return Cursor(handle, self)

    def loader(self, fill_percent=0, how=DEFAULT):
        """Puts rows whose keys ascend; `with` finishes at its end."""
        handle = ctypes.c_void_p()
        _check(_library.redoubt_loader_create(self._handle, fill_percent, ctypes.byref(handle)))
        return Loader(handle, self, how)

    def items(self, lower=None, upper=None, reverse=False):
        """The rows from `lower` up to but not including `upper`, each as of the moment it is reached."""
        lower, upper = _bound(lower)[0], _bound(upper)[0]
        with self.cursor() as cursor:
            if reverse:
                row = cursor.last() if upper is None else cursor.seek(BELOW, upper) if upper else None
            else:
                row = cursor.first() if not lower else cursor.seek(AT_LEAST, lower)
            while row is not None:
                if reverse and lower is not None and row[0] < lower:
                    return
                if not reverse and upper is not None and row[0] >= upper:
                    return
                yield row
                row = cursor.previous() if reverse else cursor.next()

    def __iter__(self):
        return (key for key, _ in self.items())

    def __contains__(self, key):
        key = _bytes(key)
        status = _library.redoubt_get_length(self._handle, key, len(key), None)
        if status == NOT_FOUND:
            return False
        _check(status)
        return True

    def __getitem__(self, key):
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key, value):
        self.put(key, value)

    def __delitem__(self, key):
        if not self.delete(key):
            raise KeyError(key)


class Batch(_Closing):
    """Changes that become visible and durable together."""

    _close = _library.redoubt_batch_close

    def __init__(self, handle, owner, how):
        super().__init__(handle, owner)
        self._how = how

    def __len__(self):
        count = ctypes.c_size_t()
        _check(_library.redoubt_batch_count(self._handle, ctypes.byref(count), None))
        return count.value

    def put(self, keyspace, key, value):
        """Adds: give `key` the value `value`."""
        key, value = _bytes(key), _bytes(value)
        _check(_library.redoubt_batch_put(self._handle, keyspace._handle, key, len(key), value, len(value)))

    def delete(self, keyspace, key):
        """Adds: remove `key`, if it is there."""
        key = _bytes(key)
        _check(_library.redoubt_batch_delete(self._handle, keyspace._handle, key, len(key)))

    def clear(self):
        """Forgets the changes collected so far."""
        _check(_library.redoubt_batch_clear(self._handle))

    def write(self, how=None):
        """Makes the changes; the batch is empty afterwards."""
        _check(_library.redoubt_batch_write(self._handle, self._how if how is None else how))

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.write()
        finally:
            self.close()


class Cursor(_Closing):
    """A position in a keyspace; each step returns a row as two bytes, or None."""

    _close = _library.redoubt_cursor_close

    def seek(self, bound, key):
        """Goes to the row that `bound` (AT_LEAST, ABOVE, AT_MOST, BELOW) says relative to `key`."""
        key = _bytes(key)
        return self._step(_library.redoubt_cursor_seek, bound, key, len(key))

    def first(self):
        """Goes to the first row."""
        return self._step(_library.redoubt_cursor_first)

    def last(self):
        """Goes to the last row."""
        return self._step(_library.redoubt_cursor_last)

    def next(self):
        """Goes to the next row."""
        return self._step(_library.redoubt_cursor_next)

    def previous(self):
        """Goes to the row before."""
        return self._step(_library.redoubt_cursor_previous)

    def _step(self, function, *arguments):
        row = Row()
        status = function(self._handle, *arguments, ctypes.byref(row))
        if status == NOT_FOUND:
            return None
        _check(status)
        return row.copy()


class Loader(_Closing):
    """Puts rows whose keys ascend, whole pages at a time."""

    _close = _library.redoubt_loader_close

    def __init__(self, handle, owner, how):
        super().__init__(handle, owner)
        self._how = how

    def add(self, key, value):
        """Adds a row."""
        key, value = _bytes(key), _bytes(value)
        _check(_library.redoubt_loader_add(self._handle, key, len(key), value, len(value)))

    def finish(self, how=None):
        """Writes what is left."""
        _check(_library.redoubt_loader_finish(self._handle, self._how if how is None else how))

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()
