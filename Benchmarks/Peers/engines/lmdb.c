// LMDB. A commit that is not synced uses MDB_NOSYNC, which a power cut may turn into a database that cannot be read:
// weaker than what the others do.
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

const char peer_name[] = "lmdb";
const int peer_memory_percent = 100;
const char peer_log_pattern[] = "";
void (*const peer_function)(void) = (void (*)(void))mdb_env_create;

static MDB_env *environment;
static MDB_dbi table;

typedef struct {
    MDB_txn *reading;  // Renewed for each read: each sees the newest commit.
    MDB_cursor *cursor;
} session_t;

static void check(const char *call, int code) {
    if (code != 0) fail("%s: %s", call, mdb_strerror(code));
}

const char *peer_version(void) { return mdb_version(NULL, NULL, NULL); }

const char *peer_settings(const options_t *options) {
    return options->is_durable ? "MDB_NORDAHEAD" : "MDB_NORDAHEAD MDB_NOSYNC";
}

void peer_open(const options_t *options) {
    MDB_txn *transaction;
    unsigned flags = MDB_NORDAHEAD | (options->is_durable ? 0 : MDB_NOSYNC);
    check("mdb_env_create", mdb_env_create(&environment));
    // Not the whole machine, so that an address space with a limit suffices; four times the data for random splits.
    check("mdb_env_set_mapsize", mdb_env_set_mapsize(environment, options->data_bytes * 4 + ((size_t)1 << 30)));
    check("mdb_env_open", mdb_env_open(environment, options->folder, flags, 0600));
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, 0, &transaction));
    check("mdb_dbi_open", mdb_dbi_open(transaction, NULL, 0, &table));
    check("mdb_txn_commit", mdb_txn_commit(transaction));
}

void peer_close(void) {
    peer_sync();
    mdb_env_close(environment);
}

void peer_sync(void) { check("mdb_env_sync", mdb_env_sync(environment, 1)); }

uint64_t peer_log_bytes(void) { return NO_LOG; }

// Its way to load sorted rows, MDB_APPEND, works in transactions.
bool peer_counters(counters_t *counters) {
    (void)counters;
    return false;
}

bool peer_bulk_load(const uint64_t *hashes, size_t count) {
    (void)hashes, (void)count;
    return false;
}

void *peer_session(void) {
    session_t *session = calloc(1, sizeof *session);
    if (!session) fail("no memory");
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, MDB_RDONLY, &session->reading));
    check("mdb_cursor_open", mdb_cursor_open(session->reading, table, &session->cursor));
    mdb_txn_reset(session->reading);
    return session;
}

void peer_session_end(void *opaque) {
    session_t *session = opaque;
    mdb_cursor_close(session->cursor);
    mdb_txn_abort(session->reading);
    free(session);
}

bool peer_get(void *opaque, const uint8_t *key, uint8_t *value) {
    session_t *session = opaque;
    MDB_val name = {KEY_BYTES, (void *)(uintptr_t)key}, found;
    check("mdb_txn_renew", mdb_txn_renew(session->reading));
    int code = mdb_get(session->reading, table, &name, &found);
    if (code == 0 && found.mv_size != VALUE_BYTES) fail("a value of %zu bytes", found.mv_size);
    if (code == 0) memcpy(value, found.mv_data, VALUE_BYTES);
    else if (code != MDB_NOTFOUND) check("mdb_get", code);
    mdb_txn_reset(session->reading);
    return code == 0;
}

static void put(MDB_txn *transaction, const uint8_t *key, const uint8_t *value, unsigned flags) {
    MDB_val name = {KEY_BYTES, (void *)(uintptr_t)key}, data = {VALUE_BYTES, (void *)(uintptr_t)value};
    check("mdb_put", mdb_put(transaction, table, &name, &data, flags));
}

void peer_put(void *session, const uint8_t *key, const uint8_t *value) {
    MDB_txn *transaction;
    (void)session;
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, 0, &transaction));
    put(transaction, key, value, 0);
    check("mdb_txn_commit", mdb_txn_commit(transaction));
}

void peer_put_rows(void *session, const row_t *rows, size_t count, bool is_append) {
    MDB_txn *transaction;
    (void)session;
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, 0, &transaction));
    for (size_t index = 0; index < count; index++) {
        put(transaction, rows[index].key, rows[index].value, is_append ? MDB_APPEND : 0);
    }
    check("mdb_txn_commit", mdb_txn_commit(transaction));
}

void peer_modify(void *session, const uint8_t *key, uint64_t salt) {
    MDB_txn *transaction;
    MDB_val name = {KEY_BYTES, (void *)(uintptr_t)key}, found;
    uint8_t value[VALUE_BYTES];
    (void)session;
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, 0, &transaction));
    check("mdb_get", mdb_get(transaction, table, &name, &found));
    if (found.mv_size != VALUE_BYTES || !value_fits(key_hash(key), found.mv_data)) fail("a value of another key");
    make_value(key_hash(key), salt, value);
    put(transaction, key, value, 0);
    check("mdb_txn_commit", mdb_txn_commit(transaction));
}

void peer_scan(void *opaque, const uint8_t *key, size_t limit, scan_t *scan) {
    session_t *session = opaque;
    MDB_val name = {KEY_BYTES, (void *)(uintptr_t)key}, value;
    check("mdb_txn_renew", mdb_txn_renew(session->reading));
    check("mdb_cursor_renew", mdb_cursor_renew(session->reading, session->cursor));
    int code = mdb_cursor_get(session->cursor, &name, &value, MDB_SET_RANGE);
    for (size_t seen = 0; code == 0; code = mdb_cursor_get(session->cursor, &name, &value, MDB_NEXT)) {
        scan_row(scan, name.mv_data, name.mv_size, value.mv_data, value.mv_size);
        if (++seen == limit) break;
    }
    if (code != 0 && code != MDB_NOTFOUND) check("mdb_cursor_get", code);
    mdb_txn_reset(session->reading);
}
