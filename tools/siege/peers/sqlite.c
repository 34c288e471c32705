// SQLite as a target of power cuts. The mode names its journal and what it syncs: delete-full, delete-extra,
// delete-off, wal-full, wal-off. By SQLite's documentation full keeps every commit in wal mode, and in delete mode all
// but perhaps the last, whose journal may come back; extra keeps that one as well; off promises nothing.
#include "peer.h"

#include <sqlite3.h>

static sqlite3 *database;

static void run(const char *text) {
    if (sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK) fail(text, sqlite3_errmsg(database));
}

static sqlite3_stmt *prepare(const char *text) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(database, text, -1, &statement, NULL) != SQLITE_OK) fail(text, sqlite3_errmsg(database));
    return statement;
}

static void open_database(const char *mode, const char *folder) {
    char path[4096], pragma[256];
    const char *dash = strchr(mode, '-');
    if (!dash) fail("mode", mode);
    make_folder(folder);
    snprintf(path, sizeof path, "%s/rows.sqlite", folder);
    if (sqlite3_open(path, &database) != SQLITE_OK) fail("open", sqlite3_errmsg(database));
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %.*s", (int)(dash - mode), mode);
    run(pragma);
    snprintf(pragma, sizeof pragma, "PRAGMA synchronous = %s", dash + 1);
    run(pragma);
    // Small, so that pages are written back all the time.
    run("PRAGMA wal_autocheckpoint = 20");
    run("CREATE TABLE IF NOT EXISTS rows(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID");
}

static void commit_changes(const change_t *changes, int count) {
    run("BEGIN IMMEDIATE");
    for (int index = 0; index < count; index++) {
        const change_t *change = &changes[index];
        sqlite3_stmt *statement =
            prepare(change->value ? "REPLACE INTO rows VALUES(?1, ?2)" : "DELETE FROM rows WHERE key = ?1");
        sqlite3_bind_text(statement, 1, change->key, -1, SQLITE_STATIC);
        if (change->value) sqlite3_bind_text(statement, 2, change->value, -1, SQLITE_STATIC);
        if (sqlite3_step(statement) != SQLITE_DONE) fail("step", sqlite3_errmsg(database));
        sqlite3_finalize(statement);
    }
    run("COMMIT");
}

static void dump_rows(void) {
    sqlite3_stmt *statement = prepare("SELECT key, value FROM rows ORDER BY key");
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const void *key = sqlite3_column_text(statement, 0), *value = sqlite3_column_text(statement, 1);
        row(key, (size_t)sqlite3_column_bytes(statement, 0), value, (size_t)sqlite3_column_bytes(statement, 1));
    }
    if (code != SQLITE_DONE) fail("select", sqlite3_errmsg(database));
    sqlite3_finalize(statement);
}

static void verify_database(void) {
    sqlite3_stmt *statement = prepare("PRAGMA integrity_check");
    if (sqlite3_step(statement) != SQLITE_ROW) fail("integrity_check", sqlite3_errmsg(database));
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (strcmp(text, "ok") != 0) fail("integrity_check", text);
    sqlite3_finalize(statement);
}

static void close_database(void) {
    if (sqlite3_close(database) != SQLITE_OK) fail("close", sqlite3_errmsg(database));
}
