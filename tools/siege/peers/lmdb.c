// LMDB as a target of power cuts. Modes: sync, which keeps every commit; nosync, which by its documentation may leave a
// database that cannot be read.
#include "peer.h"

#include <lmdb.h>

static MDB_env *environment;
static MDB_dbi rows;

static void check(const char *call, int code) {
    if (code != 0) fail(call, mdb_strerror(code));
}

static void open_database(const char *mode, const char *folder) {
    unsigned flags = 0;
    if (strcmp(mode, "nosync") == 0) flags = MDB_NOSYNC;
    else if (strcmp(mode, "sync") != 0) fail("mode", mode);
    make_folder(folder);
    check("mdb_env_create", mdb_env_create(&environment));
    check("mdb_env_set_mapsize", mdb_env_set_mapsize(environment, 16 << 20));
    check("mdb_env_open", mdb_env_open(environment, folder, flags, 0600));
    MDB_txn *transaction;
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, 0, &transaction));
    check("mdb_dbi_open", mdb_dbi_open(transaction, NULL, 0, &rows));
    check("mdb_txn_commit", mdb_txn_commit(transaction));
}

static void commit_changes(const change_t *changes, int count) {
    MDB_txn *transaction;
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, 0, &transaction));
    for (int index = 0; index < count; index++) {
        const change_t *change = &changes[index];
        MDB_val key = {strlen(change->key), change->key};
        if (change->value) {
            MDB_val value = {strlen(change->value), change->value};
            check("mdb_put", mdb_put(transaction, rows, &key, &value, 0));
        } else {
            int code = mdb_del(transaction, rows, &key, NULL);
            if (code != MDB_NOTFOUND) check("mdb_del", code);
        }
    }
    check("mdb_txn_commit", mdb_txn_commit(transaction));
}

static void dump_rows(void) {
    MDB_txn *transaction;
    MDB_cursor *cursor;
    MDB_val key, value;
    int code;
    check("mdb_txn_begin", mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction));
    check("mdb_cursor_open", mdb_cursor_open(transaction, rows, &cursor));
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        row(key.mv_data, key.mv_size, value.mv_data, value.mv_size);
    }
    if (code != MDB_NOTFOUND) check("mdb_cursor_get", code);
    mdb_cursor_close(cursor);
    mdb_txn_abort(transaction);
}

// It has no checker; the dump has read every page of rows.
static void verify_database(void) {}

static void close_database(void) { mdb_env_close(environment); }
