// Berkeley DB: two-phase locking, 8 KiB pages, a thread for checkpoints and for writing old pages early.
#include <db.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"

const char peer_name[] = "berkeleydb";
// Debian's reads through the page cache.
const int peer_memory_percent = 160;
const char peer_log_pattern[] = "log.*";
void (*const peer_function)(void) = (void (*)(void))db_version;

enum { SMALL_BUFFER = 32 << 10, LARGE_BUFFER = 256 << 10 };

static DB_ENV *environment;
static DB *table;
static options_t opened;
static pthread_t keeper;
static atomic_bool is_closing;

typedef struct {
    uint8_t buffer[LARGE_BUFFER];
} session_t;

static void check(const char *call, int code) {
    if (code != 0) fail("%s: %s", call, db_strerror(code));
}

const char *peer_version(void) { return db_version(NULL, NULL, NULL); }

const char *peer_settings(const options_t *options) {
    static char text[160];
    snprintf(text, sizeof text, "cachesize=%llu pagesize=8192 lg_bsize=16777216 trickle=20 checkpoint_kb=%llu%s",
             (unsigned long long)options->cache_bytes, (unsigned long long)options->redo_bytes / 1024,
             options->is_durable ? "" : " DB_TXN_WRITE_NOSYNC");
    return text;
}

static void *keep_house(void *argument) {
    (void)argument;
    u_int32_t kilobytes = (u_int32_t)(opened.redo_bytes / 1024);
    while (!atomic_load(&is_closing)) {
        int written;
        usleep(100000);
        check("memp_trickle", environment->memp_trickle(environment, 20, &written));
        check("txn_checkpoint", environment->txn_checkpoint(environment, kilobytes, 0, 0));
    }
    return NULL;
}

void peer_open(const options_t *options) {
    opened = *options;
    u_int32_t flags = DB_CREATE | DB_INIT_MPOOL | DB_INIT_LOG | DB_INIT_TXN | DB_INIT_LOCK | DB_RECOVER | DB_PRIVATE
        | DB_THREAD;
    check("db_env_create", db_env_create(&environment, 0));
    environment->set_errfile(environment, stderr);
    u_int32_t gigabytes = (u_int32_t)(options->cache_bytes >> 30);
    u_int32_t rest = (u_int32_t)(options->cache_bytes & ((1u << 30) - 1));
    check("set_cachesize", environment->set_cachesize(environment, gigabytes, rest, 1));
    check("set_lg_bsize", environment->set_lg_bsize(environment, 16 << 20));
    check("set_lg_max", environment->set_lg_max(environment, 128 << 20));
    check("set_lk_max_locks", environment->set_lk_max_locks(environment, 50000));
    check("set_lk_max_objects", environment->set_lk_max_objects(environment, 50000));
    check("set_lk_detect", environment->set_lk_detect(environment, DB_LOCK_DEFAULT));
    if (!options->is_durable) check("set_flags", environment->set_flags(environment, DB_TXN_WRITE_NOSYNC, 1));
    if (!options->keeps_redo) check("log_set_config", environment->log_set_config(environment, DB_LOG_AUTO_REMOVE, 1));
    check("DB_ENV->open", environment->open(environment, options->folder, flags, 0600));
    check("db_create", db_create(&table, environment, 0));
    check("set_pagesize", table->set_pagesize(table, 8192));
    flags = DB_CREATE | DB_AUTO_COMMIT | DB_THREAD;
    check("DB->open", table->open(table, NULL, "rows.db", NULL, DB_BTREE, flags, 0600));
    if (!options->keeps_redo && pthread_create(&keeper, NULL, keep_house, NULL) != 0) fail("no thread");
}

void peer_close(void) {
    atomic_store(&is_closing, true);
    if (!opened.keeps_redo) pthread_join(keeper, NULL);
    check("txn_checkpoint", environment->txn_checkpoint(environment, 0, 0, 0));
    check("DB->close", table->close(table, 0));
    check("DB_ENV->close", environment->close(environment, 0));
}

void peer_sync(void) { check("log_flush", environment->log_flush(environment, NULL)); }

uint64_t peer_log_bytes(void) {
    DB_LOG_STAT *statistics;
    check("log_stat", environment->log_stat(environment, &statistics, 0));
    uint64_t bytes = ((uint64_t)statistics->st_wc_mbytes << 20) + statistics->st_wc_bytes;
    free(statistics);
    return bytes;
}

bool peer_counters(counters_t *counters) {
    (void)counters;
    return false;
}

bool peer_bulk_load(const uint64_t *hashes, size_t count) {
    (void)hashes, (void)count;
    return false;
}

void *peer_session(void) {
    session_t *session = aligned_alloc(4096, (sizeof *session + 4095) / 4096 * 4096);
    if (!session) fail("no memory");
    return session;
}

void peer_session_end(void *session) { free(session); }

static DBT lend(const void *bytes, size_t length) {
    DBT result;
    memset(&result, 0, sizeof result);
    result.data = (void *)(uintptr_t)bytes;
    result.size = result.ulen = (u_int32_t)length;
    result.flags = DB_DBT_USERMEM;
    return result;
}

static bool find(DB_TXN *transaction, const uint8_t *key, uint8_t *value, u_int32_t flags, int *code) {
    DBT name = lend(key, KEY_BYTES), found = lend(value, VALUE_BYTES);
    *code = table->get(table, transaction, &name, &found, flags);
    return *code == 0 && found.size == VALUE_BYTES;
}

bool peer_get(void *session, const uint8_t *key, uint8_t *value) {
    int code;
    (void)session;
    do {
        if (find(NULL, key, value, 0, &code)) return true;
    } while (code == DB_LOCK_DEADLOCK);
    if (code != DB_NOTFOUND) check("get", code);
    return false;
}

static int put(DB_TXN *transaction, const uint8_t *key, const uint8_t *value) {
    DBT name = lend(key, KEY_BYTES), data = lend(value, VALUE_BYTES);
    return table->put(table, transaction, &name, &data, 0);
}

void peer_put(void *session, const uint8_t *key, const uint8_t *value) {
    int code;
    (void)session;
    // The table is open for automatic commits.
    do code = put(NULL, key, value);
    while (code == DB_LOCK_DEADLOCK);
    check("put", code);
}

void peer_put_rows(void *session, const row_t *rows, size_t count, bool is_append) {
    DB_TXN *transaction;
    int code;
    (void)session, (void)is_append;
    do {
        code = 0;
        check("txn_begin", environment->txn_begin(environment, NULL, &transaction, 0));
        for (size_t index = 0; index < count && code == 0; index++) {
            code = put(transaction, rows[index].key, rows[index].value);
        }
        if (code == 0) check("commit", transaction->commit(transaction, 0));
        else check("abort", transaction->abort(transaction));
    } while (code == DB_LOCK_DEADLOCK);
    check("put", code);
}

void peer_modify(void *session, const uint8_t *key, uint64_t salt) {
    DB_TXN *transaction;
    uint8_t value[VALUE_BYTES];
    int code;
    (void)session;
    do {
        check("txn_begin", environment->txn_begin(environment, NULL, &transaction, 0));
        if (find(transaction, key, value, DB_RMW, &code)) {
            if (!value_fits(key_hash(key), value)) fail("a value of another key");
            make_value(key_hash(key), salt, value);
            code = put(transaction, key, value);
        }
        if (code == 0) check("commit", transaction->commit(transaction, 0));
        else check("abort", transaction->abort(transaction));
    } while (code == DB_LOCK_DEADLOCK);
    check("modify", code);
}

// Rows come by the bufferful, with the first at or after the key.
void peer_scan(void *opaque, const uint8_t *key, size_t limit, scan_t *scan) {
    session_t *session = opaque;
    DBC *cursor;
    uint8_t start[KEY_BYTES];
    memcpy(start, key, KEY_BYTES);
    DBT name = lend(start, KEY_BYTES);
    DBT rows = lend(session->buffer, limit > 200 ? LARGE_BUFFER : SMALL_BUFFER);
    check("cursor", table->cursor(table, NULL, &cursor, 0));
    int code = cursor->get(cursor, &name, &rows, DB_SET_RANGE | DB_MULTIPLE_KEY);
    for (size_t seen = 0; code == 0 && seen < limit;) {
        void *position, *row_key, *value;
        size_t key_length, value_length;
        DB_MULTIPLE_INIT(position, &rows);
        while (seen < limit) {
            DB_MULTIPLE_KEY_NEXT(position, &rows, row_key, key_length, value, value_length);
            if (!position) break;
            scan_row(scan, row_key, key_length, value, value_length);
            seen++;
        }
        if (seen < limit) code = cursor->get(cursor, &name, &rows, DB_NEXT | DB_MULTIPLE_KEY);
    }
    if (code != 0 && code != DB_NOTFOUND) check("cursor->get", code);
    check("cursor->close", cursor->close(cursor));
}
