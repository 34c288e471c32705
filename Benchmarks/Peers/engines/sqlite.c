// SQLite: WAL, one connection a session, writers under a lock of the process, which is faster than its own waiting.
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"
#include "usage.h"

const char peer_name[] = "sqlite";
const int peer_memory_percent = 100;
const char peer_log_pattern[] = "*-wal";
void (*const peer_function)(void) = (void (*)(void))sqlite3_libversion;

enum { BEGIN, COMMIT, GET, UPDATE, INSERT, SCAN, SCAN_ALL, STATEMENTS };

typedef struct {
    sqlite3 *connection;
    sqlite3_stmt *statements[STATEMENTS];
} session_t;

static pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;
static session_t *first;
static options_t opened;

static void check(sqlite3 *connection, const char *call, int code) {
    bool is_right = code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW;
    if (!is_right) fail("%s: %s", call, sqlite3_errmsg(connection));
}

const char *peer_version(void) { return sqlite3_libversion(); }

// Data in memory is read by mmap, without a copy in its own cache, which then is for pages that a commit changes. Data
// beyond the memory is read through the page cache.
const char *peer_settings(const options_t *options) {
    static char text[256];
    unsigned long long cache = options->cache_bytes;
    snprintf(text, sizeof text, "PRAGMA busy_timeout=60000; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; "
             "PRAGMA mmap_size=%llu; PRAGMA cache_size=-%llu; PRAGMA wal_autocheckpoint=%d;",
             options->is_durable ? "FULL" : "NORMAL",
             options->is_out_of_cache ? 0 : cache * 4,
             options->is_out_of_cache ? 4000ULL : cache / 1024 / (unsigned)options->threads,
             options->keeps_redo ? 0 : 16384);
    return text;
}

static void execute(sqlite3 *connection, const char *text) {
    check(connection, text, sqlite3_exec(connection, text, NULL, NULL, NULL));
}

void *peer_session(void) {
    static const char *texts[STATEMENTS] = {
        "BEGIN IMMEDIATE", "COMMIT", "SELECT v FROM rows WHERE k = ?", "UPDATE rows SET v = ? WHERE k = ?",
        "INSERT INTO rows (v, k) VALUES (?, ?)", "SELECT k, v FROM rows WHERE k >= ? ORDER BY k LIMIT ?",
        "SELECT k, v FROM rows WHERE k >= ? ORDER BY k",
    };
    char path[4096];
    session_t *session = calloc(1, sizeof *session);
    if (!session) fail("no memory");
    snprintf(path, sizeof path, "%s/rows.sqlite", opened.folder);
    // Two that open at once may find the log locked, and are not made to wait.
    pthread_mutex_lock(&writers);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    check(session->connection, "open", sqlite3_open_v2(path, &session->connection, flags, NULL));
    if (!first) execute(session->connection, "PRAGMA page_size=4096");
    execute(session->connection, peer_settings(&opened));
    if (!first) {
        execute(session->connection, "CREATE TABLE IF NOT EXISTS rows (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
    }
    for (int index = 0; index < STATEMENTS; index++) {
        int code = sqlite3_prepare_v3(session->connection, texts[index], -1, SQLITE_PREPARE_PERSISTENT,
                                      &session->statements[index], NULL);
        check(session->connection, texts[index], code);
    }
    pthread_mutex_unlock(&writers);
    return session;
}

void peer_session_end(void *opaque) {
    session_t *session = opaque;
    for (int index = 0; index < STATEMENTS; index++) sqlite3_finalize(session->statements[index]);
    check(session->connection, "close", sqlite3_close(session->connection));
    free(session);
}

void peer_open(const options_t *options) {
    opened = *options;
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    first = peer_session();
}

void peer_close(void) {
    peer_session_end(first);
}

// The log alone, as of the others: a checkpoint is what recovery must not find, and a load needs not wait for.
void peer_sync(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/rows.sqlite-wal", opened.folder);
    int log = open(path, O_RDONLY | O_CLOEXEC), folder = open(opened.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // SQLite's locks are on other files: closing this one gives none of them back.
    if (log < 0 || folder < 0 || fdatasync(log) != 0 || fsync(folder) != 0) fail("%s cannot be synced", path);
    close(log);
    close(folder);
}

uint64_t peer_log_bytes(void) { return folder_lengths(opened.folder, peer_log_pattern); }

bool peer_counters(counters_t *counters) {
    (void)counters;
    return false;
}

bool peer_bulk_load(const uint64_t *hashes, size_t count) {
    (void)hashes, (void)count;
    return false;
}

static int run(session_t *session, int which) {
    int code = sqlite3_step(session->statements[which]);
    check(session->connection, "step", code);
    return code;
}

static void rewind_statement(session_t *session, int which) {
    check(session->connection, "reset", sqlite3_reset(session->statements[which]));
}

static void finish(session_t *session, int which) {
    run(session, which);
    rewind_statement(session, which);
}

static void bind(session_t *session, int which, int place, const uint8_t *bytes, int length) {
    int code = sqlite3_bind_blob(session->statements[which], place, bytes, length, SQLITE_STATIC);
    check(session->connection, "bind", code);
}

bool peer_get(void *opaque, const uint8_t *key, uint8_t *value) {
    session_t *session = opaque;
    sqlite3_stmt *statement = session->statements[GET];
    bind(session, GET, 1, key, KEY_BYTES);
    bool is_found = run(session, GET) == SQLITE_ROW;
    if (is_found && sqlite3_column_bytes(statement, 0) != VALUE_BYTES) fail("a value of another length");
    if (is_found) memcpy(value, sqlite3_column_blob(statement, 0), VALUE_BYTES);
    rewind_statement(session, GET);
    return is_found;
}

static void write_row(session_t *session, int which, const uint8_t *key, const uint8_t *value) {
    bind(session, which, 1, value, VALUE_BYTES);
    bind(session, which, 2, key, KEY_BYTES);
    finish(session, which);
}

void peer_put(void *opaque, const uint8_t *key, const uint8_t *value) {
    session_t *session = opaque;
    pthread_mutex_lock(&writers);
    write_row(session, UPDATE, key, value);
    if (sqlite3_changes(session->connection) == 0) write_row(session, INSERT, key, value);
    pthread_mutex_unlock(&writers);
}

void peer_put_rows(void *opaque, const row_t *rows, size_t count, bool is_append) {
    session_t *session = opaque;
    (void)is_append;
    pthread_mutex_lock(&writers);
    finish(session, BEGIN);
    for (size_t index = 0; index < count; index++) write_row(session, INSERT, rows[index].key, rows[index].value);
    finish(session, COMMIT);
    pthread_mutex_unlock(&writers);
}

void peer_modify(void *opaque, const uint8_t *key, uint64_t salt) {
    session_t *session = opaque;
    uint8_t value[VALUE_BYTES];
    pthread_mutex_lock(&writers);
    finish(session, BEGIN);
    if (!peer_get(session, key, value) || !value_fits(key_hash(key), value)) fail("a row is missing or wrong");
    make_value(key_hash(key), salt, value);
    write_row(session, UPDATE, key, value);
    finish(session, COMMIT);
    pthread_mutex_unlock(&writers);
}

void peer_scan(void *opaque, const uint8_t *key, size_t limit, scan_t *scan) {
    session_t *session = opaque;
    int which = limit == SIZE_MAX ? SCAN_ALL : SCAN;
    sqlite3_stmt *statement = session->statements[which];
    bind(session, which, 1, key, KEY_BYTES);
    if (which == SCAN) check(session->connection, "bind", sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit));
    while (run(session, which) == SQLITE_ROW) {
        scan_row(scan, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0),
                 sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1));
    }
    rewind_statement(session, which);
}
