// InnoDB, as MariaDB's embedded library, by prepared statements: a read costs some microseconds of SQL layer besides.
// With several committing threads this library returns from COMMIT before the log is on disk: such points are left out.
#define EMBEDDED_LIBRARY  // The names of the functions as this library exports them.
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "peer.h"

const char peer_name[] = "innodb";
const int peer_memory_percent = 0;
const char peer_log_pattern[] = "ib_logfile*";
void (*const peer_function)(void) = (void (*)(void))mysql_real_query;

enum { GET, GET_FOR_UPDATE, UPDATE, INSERT, SCAN, STATEMENTS };
// So many rows of a scan are fetched by one statement: the library keeps a result in memory.
enum { SCAN_ROWS = 1000, DUPLICATE_KEY = 1062, DEADLOCK = 1213, LOCK_TIMEOUT = 1205 };

typedef struct {
    MYSQL *connection;
    MYSQL_STMT *statements[STATEMENTS];
    uint8_t key[KEY_BYTES], value[VALUE_BYTES];
    unsigned long key_length, value_length;
    long long limit;
} session_t;

static session_t *first;
static _Thread_local int connections;

static void check(session_t *session, const char *call, int code) {
    if (code != 0) fail("%s: %s", call, mysql_error(session->connection));
}

const char *peer_version(void) { return mysql_get_client_info(); }

// The engine's limit for the age of the redo is about four fifths of the file; well below it pages are written faster,
// which is not wanted of a process that keeps redo.
static uint64_t log_file_bytes(const options_t *options) {
    if (options->keeps_redo || options->is_recovery) return options->redo_bytes * 2;
    return options->redo_bytes / 4 * 5 + (16 << 20);
}

const char *peer_settings(const options_t *options) {
    static char text[512];
    snprintf(text, sizeof text,
             "innodb-buffer-pool-size=%llu innodb-log-file-size=%llu innodb-flush-log-at-trx-commit=%d "
             "innodb-flush-method=O_DIRECT innodb-io-capacity=%d innodb-io-capacity-max=20000 "
             "innodb-max-dirty-pages-pct=%d innodb-adaptive-flushing=%s innodb-doublewrite=ON innodb-page-size=16384",
             (unsigned long long)options->cache_bytes, (unsigned long long)log_file_bytes(options),
             options->is_durable ? 1 : 2, options->keeps_redo ? 100 : 10000, options->keeps_redo ? 99 : 90,
             options->keeps_redo ? "OFF" : "ON");
    return text;
}

static void start_server(const options_t *options) {
    static char words[32][256], settings[512];
    static char *arguments[32];
    static char *groups[] = {"embedded", "server", NULL};
    int count = 0;
    snprintf(words[count++], sizeof *words, "peer");
    snprintf(words[count++], sizeof *words, "--no-defaults");
    snprintf(words[count++], sizeof *words, "--datadir=%s", options->folder);
    snprintf(words[count++], sizeof *words, "--skip-grant-tables");
    snprintf(words[count++], sizeof *words, "--skip-name-resolve");
    snprintf(words[count++], sizeof *words, "--innodb-buffer-pool-dump-at-shutdown=OFF");
    snprintf(words[count++], sizeof *words, "--innodb-buffer-pool-load-at-startup=OFF");
    snprintf(words[count++], sizeof *words, "--innodb-fast-shutdown=1");
    snprintf(words[count++], sizeof *words, "--character-set-server=binary");
    snprintf(words[count++], sizeof *words, "--log-error=%s/error.log", options->folder);
    snprintf(settings, sizeof settings, "%s", peer_settings(options));
    for (char *word = strtok(settings, " "); word; word = strtok(NULL, " ")) {
        snprintf(words[count++], sizeof *words, "--%s", word);
    }
    for (int index = 0; index < count; index++) arguments[index] = words[index];
    if (mysql_server_init(count, arguments, groups) != 0) fail("the embedded server does not start");
}

static void execute(session_t *session, const char *text) {
    check(session, text, mysql_real_query(session->connection, text, strlen(text)));
}

static MYSQL_BIND bytes(void *buffer, unsigned long length, unsigned long *real_length) {
    MYSQL_BIND bind;
    memset(&bind, 0, sizeof bind);
    bind.buffer_type = MYSQL_TYPE_BLOB;
    bind.buffer = buffer;
    bind.buffer_length = length;
    bind.length = real_length;
    return bind;
}

static void prepare(session_t *session, int which, const char *text) {
    MYSQL_STMT *statement = mysql_stmt_init(session->connection);
    check(session, text, mysql_stmt_prepare(statement, text, strlen(text)));
    session->statements[which] = statement;
    MYSQL_BIND key = bytes(session->key, KEY_BYTES, &session->key_length);
    MYSQL_BIND value = bytes(session->value, VALUE_BYTES, &session->value_length);
    MYSQL_BIND parameters[2] = {key}, results[2] = {key, value};
    if (which == UPDATE || which == INSERT) parameters[0] = value, parameters[1] = key;
    if (which == SCAN) parameters[1].buffer_type = MYSQL_TYPE_LONGLONG, parameters[1].buffer = &session->limit;
    if (which == GET || which == GET_FOR_UPDATE) results[0] = value;
    check(session, text, mysql_stmt_bind_param(statement, parameters));
    if (which != UPDATE && which != INSERT) check(session, text, mysql_stmt_bind_result(statement, results));
}

static session_t *connect_session(const char *database) {
    session_t *session = calloc(1, sizeof *session);
    if (!session) fail("no memory");
    if (connections++ == 0) mysql_thread_init();
    session->connection = mysql_init(NULL);
    mysql_options(session->connection, MYSQL_OPT_USE_EMBEDDED_CONNECTION, NULL);
    MYSQL *connected = mysql_real_connect(session->connection, NULL, NULL, NULL, database, 0, NULL, CLIENT_FOUND_ROWS);
    check(session, "connect", connected == NULL);
    return session;
}

void *peer_session(void) {
    session_t *session = connect_session("peers");
    prepare(session, GET, "SELECT v FROM rows_table WHERE k = ?");
    prepare(session, GET_FOR_UPDATE, "SELECT v FROM rows_table WHERE k = ? FOR UPDATE");
    prepare(session, UPDATE, "UPDATE rows_table SET v = ? WHERE k = ?");
    prepare(session, INSERT, "INSERT INTO rows_table (v, k) VALUES (?, ?)");
    prepare(session, SCAN, "SELECT k, v FROM rows_table WHERE k >= ? ORDER BY k LIMIT ?");
    return session;
}

static void disconnect(session_t *session) {
    for (int index = 0; index < STATEMENTS; index++) {
        if (session->statements[index]) mysql_stmt_close(session->statements[index]);
    }
    mysql_close(session->connection);
    free(session);
    if (--connections == 0) mysql_thread_end();
}

void peer_session_end(void *session) { disconnect(session); }

void peer_open(const options_t *options) {
    start_server(options);
    first = connect_session(NULL);
    if (options->is_new) {
        execute(first, "CREATE DATABASE peers");
        execute(first, "CREATE TABLE peers.rows_table (k BINARY(16) PRIMARY KEY, v VARBINARY(100) NOT NULL) "
                "ENGINE=InnoDB");
    }
}

void peer_close(void) {
    disconnect(first);
    mysql_server_end();
}

static uint64_t status_number(const char *name) {
    char text[128];
    snprintf(text, sizeof text, "SHOW GLOBAL STATUS LIKE '%s'", name);
    session_t *session = connect_session(NULL);
    execute(session, text);
    MYSQL_RES *result = mysql_store_result(session->connection);
    MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;
    uint64_t number = row ? strtoull(row[1], NULL, 10) : 0;
    mysql_free_result(result);
    disconnect(session);
    return number;
}

void peer_sync(void) { execute(first, "FLUSH ENGINE LOGS"); }
uint64_t peer_log_bytes(void) { return status_number("Innodb_checkpoint_age"); }

bool peer_counters(counters_t *counters) {
    counters->page_bytes_read = status_number("Innodb_pages_read") * 16384;
    counters->page_bytes_written = status_number("Innodb_pages_written") * 16384;
    counters->doublewrite_bytes = status_number("Innodb_dblwr_pages_written") * 16384;
    counters->log_bytes = status_number("Innodb_os_log_written");
    counters->log_position = status_number("Innodb_lsn_current");
    return true;
}

bool peer_bulk_load(const uint64_t *hashes, size_t count) {
    (void)hashes, (void)count;
    return false;
}

// Runs a statement with a key and a value; true when it may have to be tried again.
static bool is_refused(session_t *session, int which, const uint8_t *key, const uint8_t *value) {
    MYSQL_STMT *statement = session->statements[which];
    memcpy(session->key, key, KEY_BYTES);
    session->key_length = KEY_BYTES;
    if (value) memcpy(session->value, value, VALUE_BYTES);
    session->value_length = VALUE_BYTES;
    if (mysql_stmt_execute(statement) == 0) return false;
    unsigned error = mysql_stmt_errno(statement);
    if (error != DEADLOCK && error != LOCK_TIMEOUT) fail("execute: %s", mysql_stmt_error(statement));
    return true;
}

static bool fetch(session_t *session, int which) {
    int code = mysql_stmt_fetch(session->statements[which]);
    if (code != 0 && code != MYSQL_NO_DATA) fail("fetch: %s", mysql_stmt_error(session->statements[which]));
    return code == 0;
}

static bool find(session_t *session, int which, const uint8_t *key, bool *was_refused) {
    *was_refused = is_refused(session, which, key, NULL);
    if (*was_refused) return false;
    bool is_found = fetch(session, which);
    mysql_stmt_free_result(session->statements[which]);
    if (is_found && session->value_length != VALUE_BYTES) fail("a value of another length");
    return is_found;
}

bool peer_get(void *opaque, const uint8_t *key, uint8_t *value) {
    session_t *session = opaque;
    bool was_refused;
    if (!find(session, GET, key, &was_refused)) return false;
    memcpy(value, session->value, VALUE_BYTES);
    return true;
}

void peer_put(void *opaque, const uint8_t *key, const uint8_t *value) {
    session_t *session = opaque;
    while (is_refused(session, UPDATE, key, value)) {}
    if (mysql_stmt_affected_rows(session->statements[UPDATE]) == 0) {
        while (is_refused(session, INSERT, key, value)) {}
    }
}

void peer_put_rows(void *opaque, const row_t *rows, size_t count, bool is_append) {
    session_t *session = opaque;
    (void)is_append;
    execute(session, "BEGIN");
    for (size_t index = 0; index < count; index++) {
        if (is_refused(session, INSERT, rows[index].key, rows[index].value)) fail("a load meets a lock");
    }
    execute(session, "COMMIT");
}

void peer_modify(void *opaque, const uint8_t *key, uint64_t salt) {
    session_t *session = opaque;
    bool was_refused;
    do {
        uint8_t value[VALUE_BYTES];
        execute(session, "BEGIN");
        bool is_found = find(session, GET_FOR_UPDATE, key, &was_refused);
        if (!was_refused) {
            if (!is_found || !value_fits(key_hash(key), session->value)) fail("a row is missing or wrong");
            make_value(key_hash(key), salt, value);
            was_refused = is_refused(session, UPDATE, key, value);
        }
        execute(session, was_refused ? "ROLLBACK" : "COMMIT");
    } while (was_refused);
}

void peer_scan(void *opaque, const uint8_t *key, size_t limit, scan_t *scan) {
    session_t *session = opaque;
    uint8_t from[KEY_BYTES];
    bool is_more = true;
    memcpy(from, key, KEY_BYTES);
    for (size_t seen = 0; is_more && seen < limit;) {
        size_t fetched = 0;
        session->limit = limit - seen < SCAN_ROWS ? (long long)(limit - seen) : SCAN_ROWS;
        if (is_refused(session, SCAN, from, NULL)) fail("a scan meets a lock");
        while (seen < limit && fetch(session, SCAN)) {
            scan_row(scan, session->key, session->key_length, session->value, session->value_length);
            fetched++, seen++;
        }
        mysql_stmt_free_result(session->statements[SCAN]);
        is_more = fetched == SCAN_ROWS;
        // The next statement begins at the key after the last one.
        memcpy(from, session->key, KEY_BYTES);
        for (int place = KEY_BYTES - 1; place >= 0 && ++from[place] == 0; place--) {}
    }
}
