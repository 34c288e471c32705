/*
 * redoubt.h: the C interface of Redoubt, an embedded storage engine.
 *
 *     redoubt_database *database;
 *     redoubt_keyspace *orders;
 *     const char *options[] = {"memory=64 MiB", "durability=written"};
 *     if (redoubt_open("/var/lib/shop", options, 2, &database) != REDOUBT_OK) puts(redoubt_message());
 *     redoubt_keyspace_open(database, "orders", 1, &orders);
 *     redoubt_put(orders, "2026-11-21", 10, "3 apples", 8, REDOUBT_FLUSHED);
 *     redoubt_close(database);
 *
 * Rules for every function
 *
 * Status.     A function that can fail returns a redoubt_status: 0 (REDOUBT_OK), or what went wrong. REDOUBT_NOT_FOUND
 *             is an answer and not a failure. After a failure redoubt_message() says what happened, to what, and what
 *             to do. Each function names the statuses of its own; every one that takes a handle can also return
 *             REDOUBT_INVALID_HANDLE, REDOUBT_INVALID_ARGUMENT and REDOUBT_REENTERED, every one that reads or writes
 *             rows REDOUBT_KEYSPACE_NOT_FOUND (dropped meanwhile), REDOUBT_CORRUPT_PAGE, REDOUBT_READ_FAILED and
 *             REDOUBT_POOL_EXHAUSTED. Results are stored through pointers only where the function says so.
 * Handles.    Opaque; they are checked, not followed: NULL, a closed handle, one of another kind, or any other pointer
 *             is REDOUBT_INVALID_HANDLE and does no harm. What was opened is closed once by who opened it, except
 *             keyspaces, which belong to their database and end with it.
 * Threads.    Databases and keyspaces may be used by any number of threads at once. A batch, cursor or loader may be
 *             used by any thread, but by one at a time: the others get REDOUBT_HANDLE_IN_USE. A stack of 292 KiB is
 *             enough. Nothing may be called in a signal handler.
 * Forking.    In a child after fork() every handle of its parent is REDOUBT_INVALID_HANDLE, and what it was of stays
 *             the parent's. A child opens databases after exec(), or if its parent has not opened one before.
 * Blocking.   Every function that takes a handle may wait for another thread for a moment; those that say so wait for
 *             reads, writes or the device. None spins or holds a lock while it waits for the device.
 * Bytes.      Keys have 1 to 3072 bytes, values 0 to 4 GiB - 1, both of any content. Rows stand in the unsigned order
 *             of the bytes of their keys, a key before those that it begins. Lengths are in bytes. What is passed in is
 *             copied before the function returns. NULL with length 0 is an empty value.
 * Text.       Names, paths, options and messages are UTF-8 with a NUL at the end. A `const char **text` that a function
 *             fills belongs to the library and is valid until the calling thread asks for another text, or ends.
 * Compatible  Within one REDOUBT_ABI_VERSION functions, numbers and layouts stay; functions and numbers are added.
 * Unloading.  The library stays in the process after dlclose(), and works again after another dlopen(); databases that
 *             are open stay open.
 */
#ifndef REDOUBT_H
#define REDOUBT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define REDOUBT_API __attribute__((visibility("default")))
#else
#define REDOUBT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this header. */
#define REDOUBT_VERSION "0.1.0"
/** The version of the binary interface that this header describes; the number in the file name libredoubt.so.1. */
#define REDOUBT_ABI_VERSION 1

/** The version of the library that is loaded, such as "0.1.0"; valid for ever. Never fails. */
REDOUBT_API const char *redoubt_version(void);

/** The REDOUBT_ABI_VERSION of the library that is loaded. Never fails. */
REDOUBT_API uint32_t redoubt_abi_version(void);

/** What came of a call: one of the numbers below. */
typedef int32_t redoubt_status;

enum {
    REDOUBT_OK = 0,

    /* Answers. */
    /** There is no such row; a cursor has reached the end. */
    REDOUBT_NOT_FOUND = 1,
    /** The value is longer than the buffer; its length was stored. */
    REDOUBT_BUFFER_TOO_SMALL = 2,

    /* Calls that were wrong; nothing was changed. */
    /** A pointer is NULL that must not be, a number is out of its range, a text is not UTF-8. */
    REDOUBT_INVALID_ARGUMENT = 10,
    /** The handle is NULL, closed, of another kind, or never was one. */
    REDOUBT_INVALID_HANDLE = 11,
    /** Another thread is using the batch, cursor or loader. */
    REDOUBT_HANDLE_IN_USE = 12,

    /* Calls that the engine refuses; nothing was changed. */
    /** A key has 0 or more than 3072 bytes. */
    REDOUBT_KEY_TOO_LARGE = 20,
    /** A value has more than 4 GiB - 1 bytes. */
    REDOUBT_VALUE_TOO_LARGE = 21,
    /** A batch needs more than can be written in one step; the message states the bound. */
    REDOUBT_BATCH_TOO_LARGE = 22,
    REDOUBT_KEYSPACE_NOT_FOUND = 23,
    REDOUBT_KEYSPACE_EXISTS = 24,
    /** A name is empty, longer than 200 bytes, or not UTF-8. */
    REDOUBT_INVALID_NAME = 25,
    /** There is no such option, its value is out of range, or it contradicts another. */
    REDOUBT_INVALID_CONFIGURATION = 26,
    /** The database was closed while the cursor, batch or loader was still open. */
    REDOUBT_CLOSED = 27,
    /** The library was called from a visitor of redoubt_scan(). */
    REDOUBT_REENTERED = 28,
    /** Another process, or this one, has the database open; the message has its process id. */
    REDOUBT_ALREADY_OPEN = 29,
    REDOUBT_NOT_OPEN = 30,
    REDOUBT_READ_ONLY = 31,
    /** There is nothing at the path. */
    REDOUBT_PATH_NOT_FOUND = 32,
    /** There is something at the path already. */
    REDOUBT_PATH_EXISTS = 33,

    /* Resources: try again, or make room. */
    /** Writers are being slowed down, and the call had REDOUBT_REFUSE_SLOWDOWN; nothing was changed. */
    REDOUBT_BUSY = 40,
    /** The file system is full; reads, deletes and checkpoints go on, writes when there is room again. */
    REDOUBT_DISK_FULL = 41,
    /** The change was made, but its redo finds no space: durable as soon as there is some. */
    REDOUBT_NOT_DURABLE = 42,
    /** No page of memory became free in time. */
    REDOUBT_POOL_EXHAUSTED = 43,
    /** The system refused memory, threads or descriptors, or there are too many handles. */
    REDOUBT_SYSTEM_LIMIT = 44,

    /* I/O. */
    REDOUBT_READ_FAILED = 50,
    REDOUBT_SYSTEM_CALL_FAILED = 51,
    /** A write or sync failed: nothing is written any more. Close, open again, which recovers. */
    REDOUBT_FENCED = 52,

    /* Damage and foreign files. */
    REDOUBT_CORRUPT_PAGE = 60,
    REDOUBT_CORRUPT_LOG = 61,
    REDOUBT_NOT_A_DATABASE = 62,
    /** Written by a newer version, or needs a feature that this one lacks. */
    REDOUBT_UNSUPPORTED_FORMAT = 63,
    /** Files, or keyspaces of a batch, are of different databases. */
    REDOUBT_MIXED_FILES = 64,
    REDOUBT_DAMAGED_BACKUP = 65,
    REDOUBT_MISSING_FILE = 66,

    /** An error that has no number yet; the message has it. */
    REDOUBT_OTHER = 90
};

/** The name of a status, such as "diskFull", or "unknown"; valid for ever. Never fails. */
REDOUBT_API const char *redoubt_status_name(redoubt_status status);

/** What this thread's last call that failed has to say, in one line; "" before. Valid until its next one that fails. */
REDOUBT_API const char *redoubt_message(void);

/** An open database: a folder of keyspaces that share one redo log and one pool of pages. */
typedef struct redoubt_database redoubt_database;
/** A named, ordered set of rows; belongs to its database. */
typedef struct redoubt_keyspace redoubt_keyspace;
/** Changes that become visible and durable together. */
typedef struct redoubt_batch redoubt_batch;
/** A position in a keyspace that walks both ways. */
typedef struct redoubt_cursor redoubt_cursor;
/** Puts rows whose keys ascend, whole pages at a time. */
typedef struct redoubt_loader redoubt_loader;

/*
 * Reserved: no function takes these yet, and programs must not define them. A transaction will be begun on a database,
 * and used by functions that take it before the keyspace (redoubt_transaction_get(transaction, keyspace, ...)), with
 * the arguments and statuses of those below. A savepoint is a place in a transaction to go back to. A prepared
 * transaction is one that a coordinator has named: it survives a crash, and is committed or rolled back by its name.
 */
typedef struct redoubt_transaction redoubt_transaction;
typedef struct redoubt_savepoint redoubt_savepoint;
typedef struct redoubt_prepared redoubt_prepared;

/* How to write: one durability, and REDOUBT_REFUSE_SLOWDOWN or not. Every other bit must be 0. */

/** A combination of the numbers below. */
typedef uint32_t redoubt_how;

enum {
    /** Wait as the option `durability` of the database says. */
    REDOUBT_DEFAULT = 0,
    /** Wait until the redo is on the device: survives a power cut. */
    REDOUBT_FLUSHED = 1,
    /** Wait until the redo is with the operating system: survives a kill of the process. */
    REDOUBT_WRITTEN = 2,
    /** Wait for nothing: durable within about one second. */
    REDOUBT_DEFERRED = 3,
    /** Return REDOUBT_BUSY, having changed nothing, where the call would be slowed down because writers outrun I/O. */
    REDOUBT_REFUSE_SLOWDOWN = 16
};

/* Databases. */

/**
 * Opens the database in the folder `path`, creates it if it is missing (unless the option createIfMissing is false),
 * and recovers it if it was not closed. At most 256 databases are open in one process. Waits, for a time that depends
 * on the redo since the last checkpoint.
 *
 * options: `count` texts "name=value"; redoubt_option_name() lists the names. A size is a number of bytes, or has a
 * unit (B, KiB, MiB, GiB); a switch is true or false; a choice is its name; a time has a unit (ms, s). NULL if `count`
 * is 0. database: the handle, to be closed with redoubt_close(); NULL after a failure.
 *
 * REDOUBT_INVALID_CONFIGURATION, REDOUBT_PATH_NOT_FOUND, REDOUBT_ALREADY_OPEN, REDOUBT_NOT_A_DATABASE,
 * REDOUBT_UNSUPPORTED_FORMAT, REDOUBT_MIXED_FILES, REDOUBT_MISSING_FILE, REDOUBT_CORRUPT_PAGE, REDOUBT_CORRUPT_LOG,
 * REDOUBT_DISK_FULL, REDOUBT_SYSTEM_LIMIT, REDOUBT_SYSTEM_CALL_FAILED.
 */
REDOUBT_API redoubt_status redoubt_open(const char *path, const char *const *options, size_t count,
                                        redoubt_database **database);

/**
 * Opens a database for reading: recovers in memory and writes nothing, also where the database is damaged. Every write
 * returns REDOUBT_READ_ONLY. Arguments and statuses as redoubt_open(); waits.
 */
REDOUBT_API redoubt_status redoubt_open_read_only(const char *path, const char *const *options, size_t count,
                                                  redoubt_database **database);

/**
 * Waits for the calls that are inside, makes everything durable, and gives the folder back. The handle and those of the
 * keyspaces are invalid from the beginning of the call; cursors, batches and loaders return REDOUBT_CLOSED, and are
 * still to be closed; the memory of the database is given back with the last of them.
 *
 * REDOUBT_FENCED, REDOUBT_NOT_DURABLE: the database is closed all the same. After REDOUBT_REENTERED it is open.
 */
REDOUBT_API redoubt_status redoubt_close(redoubt_database *database);

/**
 * Changes options (as for redoubt_open()) while reads and writes go on: all of them or none. They last until the
 * database is closed. Waits for the file system if redoLog.capacity changes.
 *
 * REDOUBT_INVALID_CONFIGURATION, also for an option that can only be set when opening; REDOUBT_DISK_FULL,
 * REDOUBT_FENCED.
 */
REDOUBT_API redoubt_status redoubt_change(redoubt_database *database, const char *const *options, size_t count);

/** Stores the value of an option as it is now, in a form that redoubt_open() takes. REDOUBT_INVALID_CONFIGURATION. */
REDOUBT_API redoubt_status redoubt_option(redoubt_database *database, const char *name, const char **text);

/** The name of option number `index`, or NULL if there are not so many; valid for ever. Never fails. */
REDOUBT_API const char *redoubt_option_name(size_t index);

/** Makes durable what was written before the call. Waits for the device. REDOUBT_FENCED, REDOUBT_NOT_DURABLE. */
REDOUBT_API redoubt_status redoubt_flush(redoubt_database *database);

/** Writes every changed page to its file. Waits for the device, long. REDOUBT_FENCED, REDOUBT_READ_ONLY. */
REDOUBT_API redoubt_status redoubt_checkpoint(redoubt_database *database);

/* Keyspaces. */

/**
 * Stores the handle of the keyspace `name`; the same handle each time, valid until the database is closed. Waits, for
 * the device if it creates. `create`: whether to create it if it is missing (0 or 1).
 *
 * REDOUBT_KEYSPACE_NOT_FOUND; with `create` as redoubt_keyspace_create().
 */
REDOUBT_API redoubt_status redoubt_keyspace_open(redoubt_database *database, const char *name, int32_t create,
                                                 redoubt_keyspace **keyspace);

/**
 * Creates an empty keyspace, durable on return, and stores its handle (unless `keyspace` is NULL). Waits for the
 * device. name: 1 to 200 bytes.
 *
 * REDOUBT_KEYSPACE_EXISTS, REDOUBT_INVALID_NAME, REDOUBT_DISK_FULL, REDOUBT_FENCED, REDOUBT_READ_ONLY.
 */
REDOUBT_API redoubt_status redoubt_keyspace_create(redoubt_database *database, const char *name,
                                                   redoubt_keyspace **keyspace);

/**
 * Removes a keyspace with all its rows, durable on return. Its handle returns REDOUBT_KEYSPACE_NOT_FOUND from then on.
 * Waits for the device, and for writers inside.
 *
 * REDOUBT_KEYSPACE_NOT_FOUND, REDOUBT_FENCED, REDOUBT_READ_ONLY.
 */
REDOUBT_API redoubt_status redoubt_keyspace_drop(redoubt_database *database, const char *name);

/**
 * Gives a keyspace another name, durable on return; its handle stays valid. Waits for the device.
 *
 * REDOUBT_KEYSPACE_NOT_FOUND, REDOUBT_KEYSPACE_EXISTS, REDOUBT_INVALID_NAME, REDOUBT_FENCED, REDOUBT_READ_ONLY.
 */
REDOUBT_API redoubt_status redoubt_keyspace_rename(redoubt_database *database, const char *name, const char *new_name);

/** Stores the names of all keyspaces, in order, each with a NUL after it, and in `count` how many there are. Waits. */
REDOUBT_API redoubt_status redoubt_keyspace_names(redoubt_database *database, const char **text, size_t *count);

/* Rows. Reads wait where a page must be read, and may see a value that is not durable yet. */

/**
 * Copies the value of `key` to `buffer`, and stores its length in `value_length` (unless NULL). If the value is longer
 * than `capacity`, its first `capacity` bytes are copied and the status is REDOUBT_BUFFER_TOO_SMALL. `buffer` may be
 * NULL if `capacity` is 0.
 *
 * REDOUBT_NOT_FOUND (then nothing is stored), REDOUBT_KEY_TOO_LARGE.
 */
REDOUBT_API redoubt_status redoubt_get(redoubt_keyspace *keyspace, const void *key, size_t key_length, void *buffer,
                                       size_t capacity, size_t *value_length);

/**
 * Copies up to `capacity` bytes of the value, from its byte `offset` on, and stores how many in `copied` and the length
 * of the whole value in `value_length` (each unless NULL); for values that are too long for one buffer. An offset at or
 * behind the end copies nothing. Each call sees the value of its moment.
 *
 * REDOUBT_NOT_FOUND, REDOUBT_KEY_TOO_LARGE.
 */
REDOUBT_API redoubt_status redoubt_get_part(redoubt_keyspace *keyspace, const void *key, size_t key_length,
                                            uint64_t offset, void *buffer, size_t capacity, size_t *copied,
                                            size_t *value_length);

/**
 * Stores the length of the value of `key` in `value_length` (unless NULL) without reading the value; so it also tells
 * whether the row is there. REDOUBT_NOT_FOUND, REDOUBT_KEY_TOO_LARGE.
 */
REDOUBT_API redoubt_status redoubt_get_length(redoubt_keyspace *keyspace, const void *key, size_t key_length,
                                              size_t *value_length);

/**
 * Gives `key` the value `value`. Waits as `how` says.
 *
 * Nothing was changed: REDOUBT_KEY_TOO_LARGE, REDOUBT_VALUE_TOO_LARGE, REDOUBT_DISK_FULL, REDOUBT_BUSY,
 * REDOUBT_READ_ONLY. It may or may not be there after the next opening: REDOUBT_FENCED. See REDOUBT_NOT_DURABLE.
 */
REDOUBT_API redoubt_status redoubt_put(redoubt_keyspace *keyspace, const void *key, size_t key_length,
                                       const void *value, size_t value_length, redoubt_how how);

/** Removes the row of `key`. Waits as `how` says. REDOUBT_NOT_FOUND; else as redoubt_put(). */
REDOUBT_API redoubt_status redoubt_delete(redoubt_keyspace *keyspace, const void *key, size_t key_length,
                                          redoubt_how how);

/**
 * Gives `key` the value `value` (NULL: removes it) if its value is `expected` (NULL: if it is not there), as one step,
 * and stores 1 in `applied`, or else 0. For an empty value pass a pointer that is not NULL, and length 0. Waits as
 * `how` says. As redoubt_put().
 */
REDOUBT_API redoubt_status redoubt_compare_and_put(redoubt_keyspace *keyspace, const void *key, size_t key_length,
                                                   const void *expected, size_t expected_length, const void *value,
                                                   size_t value_length, redoubt_how how, int32_t *applied);

/**
 * Removes the rows from the key `lower` (NULL: from the first) up to but not including `upper` (NULL: to the last), and
 * stores how many in `removed` (unless NULL). A sequence of steps in ascending order, not one. Waits as `how` says;
 * REDOUBT_REFUSE_SLOWDOWN is REDOUBT_INVALID_ARGUMENT. As redoubt_put(), but what was removed by then stays removed.
 */
REDOUBT_API redoubt_status redoubt_delete_range(redoubt_keyspace *keyspace, const void *lower, size_t lower_length,
                                                const void *upper, size_t upper_length, redoubt_how how,
                                                uint64_t *removed);

/* Batches: put and delete collect changes, redoubt_batch_write() makes all of them or none. */

/** Creates an empty batch for `database`; to be closed with redoubt_batch_close(). REDOUBT_SYSTEM_LIMIT. */
REDOUBT_API redoubt_status redoubt_batch_create(redoubt_database *database, redoubt_batch **batch);

/** Adds: give `key` the value `value`. Does not wait. REDOUBT_KEY_TOO_LARGE, REDOUBT_VALUE_TOO_LARGE. */
REDOUBT_API redoubt_status redoubt_batch_put(redoubt_batch *batch, redoubt_keyspace *keyspace, const void *key,
                                             size_t key_length, const void *value, size_t value_length);

/** Adds: remove the row of `key`, if it is there. Does not wait. REDOUBT_KEY_TOO_LARGE. */
REDOUBT_API redoubt_status redoubt_batch_delete(redoubt_batch *batch, redoubt_keyspace *keyspace, const void *key,
                                                size_t key_length);

/** Forgets the changes collected so far. */
REDOUBT_API redoubt_status redoubt_batch_clear(redoubt_batch *batch);

/** Stores the number of changes, and the bytes of their keys and values (each unless NULL). */
REDOUBT_API redoubt_status redoubt_batch_count(redoubt_batch *batch, size_t *count, size_t *bytes);

/**
 * Makes the changes in order, in one step; of several to one key the last one wins. Waits as `how` says. The batch is
 * empty afterwards, whatever the status, and can collect again.
 *
 * As redoubt_put(); REDOUBT_BATCH_TOO_LARGE, REDOUBT_MIXED_FILES, REDOUBT_CLOSED.
 */
REDOUBT_API redoubt_status redoubt_batch_write(redoubt_batch *batch, redoubt_how how);

/** Closes the batch; changes that were not written are forgotten. */
REDOUBT_API redoubt_status redoubt_batch_close(redoubt_batch *batch);

/* Walks. */

/** A row that is lent: how long its bytes are valid says who lends it. */
typedef struct redoubt_row {
    const void *key;
    size_t key_length;
    /** NULL if redoubt_scan() lends a value that stands outside its page; redoubt_get_part() reads it. */
    const void *value;
    size_t value_length;
} redoubt_row;

/**
 * Is lent each row of a scan; returns 0 to go on, anything else to end the scan. The row is valid until it returns, and
 * its page is latched: writers of neighbouring keys wait, but go first when it returns; calls of this library return
 * REDOUBT_REENTERED (but for redoubt_message() and what else takes no handle). It must not leave by longjmp() or an
 * exception.
 */
typedef int (*redoubt_visitor)(void *context, const redoubt_row *row);

/**
 * Lends the rows from the key `lower` (NULL: from the first) up to but not including `upper` (NULL: to the last) to
 * `visitor`, in order and without copying. Waits where a page must be read.
 */
REDOUBT_API redoubt_status redoubt_scan(redoubt_keyspace *keyspace, const void *lower, size_t lower_length,
                                        const void *upper, size_t upper_length, redoubt_visitor visitor,
                                        void *context);

/** Which row redoubt_cursor_seek() looks for. */
typedef int32_t redoubt_bound;

enum {
    /** The first row at or after the key. */
    REDOUBT_AT_LEAST = 0,
    /** The first row after the key. */
    REDOUBT_ABOVE = 1,
    /** The last row at or before the key. */
    REDOUBT_AT_MOST = 2,
    /** The last row before the key. */
    REDOUBT_BELOW = 3
};

/**
 * Creates a cursor that is on no row; to be closed with redoubt_cursor_close(). It holds nothing between calls, so it
 * hinders nobody and may live long. It sees each row as of the moment it reaches it: a row that is there during the
 * whole walk is seen exactly once. REDOUBT_SYSTEM_LIMIT.
 */
REDOUBT_API redoubt_status redoubt_cursor_open(redoubt_keyspace *keyspace, redoubt_cursor **cursor);

/*
 * The steps go to a row and store it in `row` (unless NULL): a copy, valid until the next call with this cursor. They
 * wait where a page must be read. REDOUBT_NOT_FOUND: there is no such row, and the cursor is on none; `row` is not
 * stored to. REDOUBT_CLOSED.
 */

/** Goes to the row that `bound` says relative to `key`. REDOUBT_KEY_TOO_LARGE. */
REDOUBT_API redoubt_status redoubt_cursor_seek(redoubt_cursor *cursor, redoubt_bound bound, const void *key,
                                               size_t key_length, redoubt_row *row);
/** Goes to the first row. */
REDOUBT_API redoubt_status redoubt_cursor_first(redoubt_cursor *cursor, redoubt_row *row);
/** Goes to the last row. */
REDOUBT_API redoubt_status redoubt_cursor_last(redoubt_cursor *cursor, redoubt_row *row);
/** Goes to the next row; the first if the cursor was nowhere yet. */
REDOUBT_API redoubt_status redoubt_cursor_next(redoubt_cursor *cursor, redoubt_row *row);
/** Goes to the row before; the last if the cursor was nowhere yet. */
REDOUBT_API redoubt_status redoubt_cursor_previous(redoubt_cursor *cursor, redoubt_row *row);

/** Stores the row that the cursor is on, as it was when it got there. REDOUBT_NOT_FOUND if it is on none. */
REDOUBT_API redoubt_status redoubt_cursor_row(redoubt_cursor *cursor, redoubt_row *row);

/** Closes the cursor. */
REDOUBT_API redoubt_status redoubt_cursor_close(redoubt_cursor *cursor);

/* Loading. */

/**
 * Begins to put rows whose keys ascend, filling each page to `fill_percent` (10 to 100; 0: 94). To be closed with
 * redoubt_loader_close(). REDOUBT_SYSTEM_LIMIT.
 */
REDOUBT_API redoubt_status redoubt_loader_create(redoubt_keyspace *keyspace, int32_t fill_percent,
                                                 redoubt_loader **loader);

/**
 * Adds a row, which may be visible only after redoubt_loader_finish(); one that does not ascend is put by itself. Waits
 * for pages and room in the redo log. As redoubt_put(), REDOUBT_CLOSED.
 */
REDOUBT_API redoubt_status redoubt_loader_add(redoubt_loader *loader, const void *key, size_t key_length,
                                              const void *value, size_t value_length);

/**
 * Writes what is left, and waits as `how` says; REDOUBT_REFUSE_SLOWDOWN is REDOUBT_INVALID_ARGUMENT. The loader can
 * begin again. As redoubt_put(), REDOUBT_CLOSED.
 */
REDOUBT_API redoubt_status redoubt_loader_finish(redoubt_loader *loader, redoubt_how how);

/** Closes the loader; of the rows added since redoubt_loader_finish() some may be there, and some not. */
REDOUBT_API redoubt_status redoubt_loader_close(redoubt_loader *loader);

/* Statistics. */

/** The name of statistic number `index`, such as "pagesRead", or NULL if there are not so many; valid for ever. */
REDOUBT_API const char *redoubt_statistic_name(size_t index);

/**
 * Stores all statistics, at most `capacity` of them, in `values`, in the order of their names, and how many there are
 * in `count` (unless NULL). Counters are since the opening, times in nanoseconds, sizes in bytes unless the name says
 * pages.
 */
REDOUBT_API redoubt_status redoubt_statistics(redoubt_database *database, uint64_t *values, size_t capacity,
                                              size_t *count);

/** Stores one statistic. REDOUBT_INVALID_ARGUMENT if there is none of this name. */
REDOUBT_API redoubt_status redoubt_statistic(redoubt_database *database, const char *name, uint64_t *value);

/** Stores a report for people, in the sections of SHOW ENGINE INNODB STATUS; rates are since the report before. */
REDOUBT_API redoubt_status redoubt_status_report(redoubt_database *database, const char **text);

/** Stores the statistics in the text format that Prometheus scrapes. */
REDOUBT_API redoubt_status redoubt_metrics(redoubt_database *database, const char **text);

#ifdef __cplusplus
}
#endif

#endif
