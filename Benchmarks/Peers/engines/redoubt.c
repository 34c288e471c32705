// Redoubt, through its C interface.
#include <redoubt.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

const char peer_name[] = "redoubt";
const int peer_memory_percent = 0;
const char peer_log_pattern[] = "redo_*";
void (*const peer_function)(void) = (void (*)(void))redoubt_version;

enum { OPTIONS_MAX = 24 };

static redoubt_database *database;
static redoubt_keyspace *table;
static redoubt_how how;

static void check(const char *call, redoubt_status status) {
    if (status != REDOUBT_OK) fail("%s: %s: %s", call, redoubt_status_name(status), redoubt_message());
}

const char *peer_version(void) { return redoubt_version(); }

// Recovery must be able to find all its redo between two checkpoints, which is some of the files' capacity.
static uint64_t redo_capacity(const options_t *options) {
    return options->keeps_redo || options->is_recovery ? options->redo_bytes * 2 : options->redo_bytes;
}

// The log buffer counts against the memory: no more than an eighth of it.
static uint64_t log_buffer_bytes(const options_t *options) {
    uint64_t bytes = 16 << 20;
    while (bytes > 256 << 10 && bytes > options->cache_bytes / 8) bytes /= 2;
    return bytes;
}

// A process that keeps redo writes it through the page cache, because that is fast; the redo is the same.
const char *peer_settings(const options_t *options) {
    static char text[1024];
    const char *flushing = "flushing.policy=redoubt";
    if (options->keeps_redo) {
        flushing = "flushing.policy=mysql80 flushing.adaptive=false flushing.dirtyPagePercentLowWater=0 "
                   "flushing.dirtyPagePercentMaximum=99 flushing.idlePercent=0 storage.usesDirectIO=false";
    }
    snprintf(text, sizeof text, "memory=%llu redoLog.capacity=%llu redoLog.bufferCapacity=%llu durability=%s "
             "flushing.ioCapacity=10000 flushing.ioCapacityMaximum=20000 %s %s",
             (unsigned long long)options->cache_bytes, (unsigned long long)redo_capacity(options),
             (unsigned long long)log_buffer_bytes(options), options->is_durable ? "flushed" : "written", flushing,
             options->extra);
    return text;
}

void peer_open(const options_t *options) {
    const char *words[OPTIONS_MAX];
    size_t count = 0;
    char text[1024];
    snprintf(text, sizeof text, "%s", peer_settings(options));
    for (char *word = strtok(text, " "); word && count < OPTIONS_MAX; word = strtok(NULL, " ")) words[count++] = word;
    how = options->is_durable ? REDOUBT_FLUSHED : REDOUBT_WRITTEN;
    check("redoubt_open", redoubt_open(options->folder, words, count, &database));
    check("redoubt_keyspace_open", redoubt_keyspace_open(database, "rows", options->is_new, &table));
}

void peer_close(void) { check("redoubt_close", redoubt_close(database)); }
void peer_sync(void) { check("redoubt_flush", redoubt_flush(database)); }

static uint64_t statistic(const char *name) {
    uint64_t value;
    check(name, redoubt_statistic(database, name, &value));
    return value;
}

uint64_t peer_log_bytes(void) { return statistic("redoAge"); }

bool peer_counters(counters_t *counters) {
    counters->page_bytes_read = statistic("pagesRead") * 16384;
    counters->page_bytes_written = statistic("pagesWritten") * 16384;
    counters->doublewrite_bytes = statistic("doublewriteWrittenBytes");
    counters->log_bytes = statistic("redoWrittenBytes");
    counters->log_position = statistic("currentLSN");
    return true;
}

bool peer_bulk_load(const uint64_t *hashes, size_t count) {
    redoubt_loader *loader;
    row_t row;
    check("redoubt_loader_create", redoubt_loader_create(table, 0, &loader));
    for (size_t index = 0; index < count; index++) {
        make_row(hashes[index], 0, &row);
        check("redoubt_loader_add", redoubt_loader_add(loader, row.key, KEY_BYTES, row.value, VALUE_BYTES));
    }
    check("redoubt_loader_finish", redoubt_loader_finish(loader, REDOUBT_FLUSHED));
    check("redoubt_loader_close", redoubt_loader_close(loader));
    return true;
}

void *peer_session(void) { return NULL; }
void peer_session_end(void *session) { (void)session; }

bool peer_get(void *session, const uint8_t *key, uint8_t *value) {
    size_t length;
    (void)session;
    redoubt_status status = redoubt_get(table, key, KEY_BYTES, value, VALUE_BYTES, &length);
    if (status == REDOUBT_NOT_FOUND) return false;
    check("redoubt_get", status);
    if (length != VALUE_BYTES) fail("a value of %zu bytes", length);
    return true;
}

void peer_put(void *session, const uint8_t *key, const uint8_t *value) {
    (void)session;
    check("redoubt_put", redoubt_put(table, key, KEY_BYTES, value, VALUE_BYTES, how));
}

// The bound of a batch follows the memory and the redo; where it is below a commit of the driver, halves are tried.
static void write_rows(redoubt_batch *batch, const row_t *rows, size_t count) {
    for (size_t index = 0; index < count; index++) {
        const row_t *row = &rows[index];
        check("redoubt_batch_put", redoubt_batch_put(batch, table, row->key, KEY_BYTES, row->value, VALUE_BYTES));
    }
    redoubt_status status = redoubt_batch_write(batch, how);
    if (status == REDOUBT_BATCH_TOO_LARGE && count > 1) {
        write_rows(batch, rows, count / 2);
        write_rows(batch, rows + count / 2, count - count / 2);
        return;
    }
    check("redoubt_batch_write", status);
}

void peer_put_rows(void *session, const row_t *rows, size_t count, bool is_append) {
    redoubt_batch *batch;
    (void)session, (void)is_append;
    check("redoubt_batch_create", redoubt_batch_create(database, &batch));
    write_rows(batch, rows, count);
    check("redoubt_batch_close", redoubt_batch_close(batch));
}

// Without transactions: what was read is written only over itself.
void peer_modify(void *session, const uint8_t *key, uint64_t salt) {
    uint8_t value[VALUE_BYTES], next[VALUE_BYTES];
    int32_t is_applied = 0;
    make_value(key_hash(key), salt, next);
    while (!is_applied) {
        if (!peer_get(session, key, value) || !value_fits(key_hash(key), value)) fail("a row is missing or wrong");
        check("redoubt_compare_and_put", redoubt_compare_and_put(table, key, KEY_BYTES, value, VALUE_BYTES, next,
                                                                 VALUE_BYTES, how, &is_applied));
    }
}

typedef struct {
    scan_t *scan;
    size_t left;
} visit_t;

static int visit(void *context, const redoubt_row *row) {
    visit_t *visit = context;
    scan_row(visit->scan, row->key, row->key_length, row->value, row->value_length);
    return --visit->left == 0;
}

void peer_scan(void *session, const uint8_t *key, size_t limit, scan_t *scan) {
    visit_t context = {scan, limit};
    (void)session;
    check("redoubt_scan", redoubt_scan(table, key, KEY_BYTES, NULL, 0, visit, &context));
}
