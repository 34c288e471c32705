// WiredTiger: snapshot isolation, 16 KiB leaves. Each commit waits until its log is written, and for the disk where it
// is to be durable.
#include <stdio.h>
#include <stdlib.h>
#include <wiredtiger.h>

#include "peer.h"

const char peer_name[] = "wiredtiger";
// It reads through the page cache, and its own memory goes far beyond its cache: less than this ends in a kill.
const int peer_memory_percent = 400;
const char peer_log_pattern[] = "WiredTiger*[Ll]og.*";
void (*const peer_function)(void) = (void (*)(void))wiredtiger_open;

static WT_CONNECTION *connection;

typedef struct {
    WT_SESSION *session;
    WT_CURSOR *cursor;
} session_t;

static void check(const char *call, int code) {
    if (code != 0) fail("%s: %s", call, wiredtiger_strerror(code));
}

const char *peer_version(void) { return wiredtiger_version(NULL, NULL, NULL); }

const char *peer_settings(const options_t *options) {
    static char text[512];
    char checkpoint[64] = "checkpoint=(wait=0)";
    if (!options->keeps_redo) {
        snprintf(checkpoint, sizeof checkpoint, "checkpoint=(wait=60,log_size=%llu)",
                 (unsigned long long)options->redo_bytes);
    }
    snprintf(text, sizeof text,
             "create,cache_size=%llu,session_max=300,statistics=(fast),"
             "log=(enabled=true,file_max=128MB),transaction_sync=(enabled=true,method=%s),"
             "eviction=(threads_min=1,threads_max=4),%s",
             (unsigned long long)options->cache_bytes, options->is_durable ? "fsync" : "none", checkpoint);
    return text;
}

static WT_SESSION *open_session(void) {
    WT_SESSION *session;
    check("open_session", connection->open_session(connection, NULL, "isolation=snapshot", &session));
    return session;
}

void peer_open(const options_t *options) {
    check("wiredtiger_open", wiredtiger_open(options->folder, NULL, peer_settings(options), &connection));
    if (!options->is_new) return;
    WT_SESSION *session = open_session();
    check("create", session->create(session, "table:rows", "key_format=u,value_format=u,leaf_page_max=16KB,"
                                    "internal_page_max=16KB,block_compressor=none"));
    check("session->close", session->close(session, NULL));
}

void peer_close(void) { check("close", connection->close(connection, NULL)); }

void peer_sync(void) {
    WT_SESSION *session = open_session();
    check("log_flush", session->log_flush(session, "sync=on"));
    check("session->close", session->close(session, NULL));
}

uint64_t peer_log_bytes(void) {
    const char *description, *text;
    int64_t bytes;
    WT_CURSOR *statistics;
    WT_SESSION *session = open_session();
    check("open_cursor", session->open_cursor(session, "statistics:", NULL, "statistics=(fast)", &statistics));
    statistics->set_key(statistics, WT_STAT_CONN_LOG_BYTES_WRITTEN);
    check("search", statistics->search(statistics));
    check("get_value", statistics->get_value(statistics, &description, &text, &bytes));
    check("session->close", session->close(session, NULL));
    return (uint64_t)bytes;
}

static void set(WT_CURSOR *cursor, const uint8_t *key, const uint8_t *value) {
    WT_ITEM name = {.data = key, .size = KEY_BYTES}, data = {.data = value, .size = VALUE_BYTES};
    cursor->set_key(cursor, &name);
    if (value) cursor->set_value(cursor, &data);
}

bool peer_counters(counters_t *counters) {
    (void)counters;
    return false;
}

bool peer_bulk_load(const uint64_t *hashes, size_t count) {
    WT_CURSOR *cursor;
    row_t row;
    WT_SESSION *session = open_session();
    check("open_cursor", session->open_cursor(session, "table:rows", NULL, "bulk", &cursor));
    for (size_t index = 0; index < count; index++) {
        make_row(hashes[index], 0, &row);
        set(cursor, row.key, row.value);
        check("insert", cursor->insert(cursor));
    }
    check("cursor->close", cursor->close(cursor));
    // Bulk cursors write no log: a checkpoint makes the rows durable.
    check("checkpoint", session->checkpoint(session, NULL));
    check("session->close", session->close(session, NULL));
    return true;
}

void *peer_session(void) {
    session_t *session = calloc(1, sizeof *session);
    if (!session) fail("no memory");
    session->session = open_session();
    check("open_cursor", session->session->open_cursor(session->session, "table:rows", NULL, NULL, &session->cursor));
    return session;
}

void peer_session_end(void *opaque) {
    session_t *session = opaque;
    check("session->close", session->session->close(session->session, NULL));
    free(session);
}

static bool find(WT_CURSOR *cursor, const uint8_t *key, uint8_t *value) {
    WT_ITEM found;
    set(cursor, key, NULL);
    int code = cursor->search(cursor);
    if (code == WT_NOTFOUND) return false;
    check("search", code);
    check("get_value", cursor->get_value(cursor, &found));
    if (found.size != VALUE_BYTES) fail("a value of %zu bytes", found.size);
    memcpy(value, found.data, VALUE_BYTES);
    return true;
}

bool peer_get(void *opaque, const uint8_t *key, uint8_t *value) {
    session_t *session = opaque;
    bool is_found = find(session->cursor, key, value);
    check("reset", session->cursor->reset(session->cursor));
    return is_found;
}

void peer_put(void *opaque, const uint8_t *key, const uint8_t *value) {
    session_t *session = opaque;
    int code;
    do {
        set(session->cursor, key, value);
        code = session->cursor->insert(session->cursor);
    } while (code == WT_ROLLBACK);
    check("insert", code);
}

void peer_put_rows(void *opaque, const row_t *rows, size_t count, bool is_append) {
    session_t *session = opaque;
    (void)is_append;
    check("begin_transaction", session->session->begin_transaction(session->session, NULL));
    for (size_t index = 0; index < count; index++) {
        set(session->cursor, rows[index].key, rows[index].value);
        check("insert", session->cursor->insert(session->cursor));
    }
    check("commit_transaction", session->session->commit_transaction(session->session, NULL));
}

void peer_modify(void *opaque, const uint8_t *key, uint64_t salt) {
    session_t *session = opaque;
    uint8_t value[VALUE_BYTES];
    for (;;) {
        check("begin_transaction", session->session->begin_transaction(session->session, NULL));
        if (!find(session->cursor, key, value) || !value_fits(key_hash(key), value)) fail("a row is missing or wrong");
        make_value(key_hash(key), salt, value);
        set(session->cursor, key, value);
        int code = session->cursor->update(session->cursor);
        if (code == 0) break;
        if (code != WT_ROLLBACK) check("update", code);
        check("rollback_transaction", session->session->rollback_transaction(session->session, NULL));
    }
    check("commit_transaction", session->session->commit_transaction(session->session, NULL));
}

void peer_scan(void *opaque, const uint8_t *key, size_t limit, scan_t *scan) {
    session_t *session = opaque;
    WT_CURSOR *cursor = session->cursor;
    WT_ITEM name, value;
    int exact;
    set(cursor, key, NULL);
    int code = cursor->search_near(cursor, &exact);
    if (code == 0 && exact < 0) code = cursor->next(cursor);
    for (size_t seen = 0; code == 0; code = cursor->next(cursor)) {
        check("get_key", cursor->get_key(cursor, &name));
        check("get_value", cursor->get_value(cursor, &value));
        scan_row(scan, name.data, name.size, value.data, value.size);
        if (++seen == limit) break;
    }
    if (code != 0 && code != WT_NOTFOUND) check("next", code);
    check("reset", cursor->reset(cursor));
}
