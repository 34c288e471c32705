// RocksDB. Plain writes: no row locks, so a read-modify-write is not isolated, which flatters it.
#include <rocksdb/c.h>
#include <stdio.h>

#include "peer.h"
#include "usage.h"

const char peer_name[] = "rocksdb";
const int peer_memory_percent = 0;
const char peer_log_pattern[] = "*.log";
void (*const peer_function)(void) = (void (*)(void))rocksdb_open;

static rocksdb_t *database;
static rocksdb_options_t *engine_options;
static rocksdb_cache_t *cache;
static rocksdb_writeoptions_t *writing;
static rocksdb_readoptions_t *reading;
static char folder[4096];
static bool is_loading;

static void check(const char *call, char *error) {
    if (error) fail("%s: %s", call, error);
}

// Its C interface has no version; the build takes it from pkg-config.
const char *peer_version(void) { return PACKAGE_VERSION; }

// The C interface cannot charge memtables to the cache; so they get a quarter of it for themselves.
static uint64_t memtable_bytes(const options_t *options) {
    return options->keeps_redo ? options->redo_bytes * 4 : options->cache_bytes / 4;
}

static uint64_t block_bytes(const options_t *options) { return options->cache_bytes - options->cache_bytes / 4; }

const char *peer_settings(const options_t *options) {
    static char text[256];
    snprintf(text, sizeof text, "block_cache=%llu db_write_buffer_size=%llu bloom=10 block_size=4096 "
             "max_background_jobs=2 compression=none%s%s", (unsigned long long)block_bytes(options),
             (unsigned long long)memtable_bytes(options), options->is_durable ? " sync" : "",
             options->is_out_of_cache ? " direct_io cache_index_and_filter_blocks partition_filters" : "");
    return text;
}

void peer_open(const options_t *options) {
    char *error = NULL;
    snprintf(folder, sizeof folder, "%s", options->folder);
    is_loading = options->is_new;
    rocksdb_block_based_table_options_t *tables = rocksdb_block_based_options_create();
    cache = rocksdb_cache_create_lru(block_bytes(options));
    rocksdb_block_based_options_set_block_cache(tables, cache);
    rocksdb_block_based_options_set_block_size(tables, 4096);
    rocksdb_block_based_options_set_filter_policy(tables, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(tables, options->is_out_of_cache);
    if (options->is_out_of_cache) {
        // In parts: whole, the filter of one file may be larger than what a small cache has left.
        rocksdb_block_based_options_set_index_type(tables, rocksdb_block_based_table_index_type_two_level_index_search);
        rocksdb_block_based_options_set_partition_filters(tables, 1);
        rocksdb_block_based_options_set_pin_top_level_index_and_filter(tables, 1);
    }
    engine_options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(engine_options, 1);
    rocksdb_options_set_block_based_table_factory(engine_options, tables);
    rocksdb_options_set_compression(engine_options, rocksdb_no_compression);
    rocksdb_options_set_max_background_jobs(engine_options, 2);
    uint64_t buffers = memtable_bytes(options);
    rocksdb_options_set_db_write_buffer_size(engine_options, buffers);
    rocksdb_options_set_write_buffer_size(engine_options, options->keeps_redo ? buffers : buffers / 3);
    rocksdb_options_set_max_total_wal_size(engine_options, options->redo_bytes * 4);
    rocksdb_options_set_use_direct_reads(engine_options, options->is_out_of_cache);
    rocksdb_options_set_use_direct_io_for_flush_and_compaction(engine_options, options->is_out_of_cache);
    writing = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(writing, options->is_durable);
    reading = rocksdb_readoptions_create();
    database = rocksdb_open(engine_options, folder, &error);
    check("rocksdb_open", error);
    rocksdb_block_based_options_destroy(tables);
}

void peer_close(void) {
    char *error = NULL;
    peer_sync();
    if (is_loading) {
        // So that what is loaded stands in its tables, and not in the log.
        rocksdb_flushoptions_t *waiting = rocksdb_flushoptions_create();
        rocksdb_flush(database, waiting, &error);
        check("rocksdb_flush", error);
        rocksdb_flushoptions_destroy(waiting);
    }
    rocksdb_close(database);
    rocksdb_writeoptions_destroy(writing);
    rocksdb_readoptions_destroy(reading);
    rocksdb_options_destroy(engine_options);
    rocksdb_cache_destroy(cache);
}

void peer_sync(void) {
    char *error = NULL;
    rocksdb_flush_wal(database, 1, &error);
    check("rocksdb_flush_wal", error);
}

uint64_t peer_log_bytes(void) { return folder_lengths(folder, peer_log_pattern); }

bool peer_counters(counters_t *counters) {
    (void)counters;
    return false;
}

bool peer_bulk_load(const uint64_t *hashes, size_t count) {
    char *error = NULL;
    char path[sizeof folder + 16];
    row_t row;
    snprintf(path, sizeof path, "%s/load.sst", folder);
    rocksdb_envoptions_t *files = rocksdb_envoptions_create();
    rocksdb_sstfilewriter_t *writer = rocksdb_sstfilewriter_create(files, engine_options);
    rocksdb_sstfilewriter_open(writer, path, &error);
    check("rocksdb_sstfilewriter_open", error);
    for (size_t index = 0; index < count; index++) {
        make_row(hashes[index], 0, &row);
        rocksdb_sstfilewriter_put(writer, (char *)row.key, KEY_BYTES, (char *)row.value, VALUE_BYTES, &error);
        check("rocksdb_sstfilewriter_put", error);
    }
    rocksdb_sstfilewriter_finish(writer, &error);
    check("rocksdb_sstfilewriter_finish", error);
    rocksdb_ingestexternalfileoptions_t *ingest = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(ingest, 1);
    const char *paths[] = {path};
    rocksdb_ingest_external_file(database, paths, 1, ingest, &error);
    check("rocksdb_ingest_external_file", error);
    rocksdb_ingestexternalfileoptions_destroy(ingest);
    rocksdb_sstfilewriter_destroy(writer);
    rocksdb_envoptions_destroy(files);
    return true;
}

void *peer_session(void) { return NULL; }
void peer_session_end(void *session) { (void)session; }

bool peer_get(void *session, const uint8_t *key, uint8_t *value) {
    char *error = NULL;
    size_t length;
    (void)session;
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned(database, reading, (const char *)key, KEY_BYTES, &error);
    check("rocksdb_get_pinned", error);
    if (!found) return false;
    const char *bytes = rocksdb_pinnableslice_value(found, &length);
    if (length != VALUE_BYTES) fail("a value of %zu bytes", length);
    memcpy(value, bytes, VALUE_BYTES);
    rocksdb_pinnableslice_destroy(found);
    return true;
}

void peer_put(void *session, const uint8_t *key, const uint8_t *value) {
    char *error = NULL;
    (void)session;
    rocksdb_put(database, writing, (const char *)key, KEY_BYTES, (const char *)value, VALUE_BYTES, &error);
    check("rocksdb_put", error);
}

void peer_put_rows(void *session, const row_t *rows, size_t count, bool is_append) {
    char *error = NULL;
    (void)session, (void)is_append;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (size_t index = 0; index < count; index++) {
        rocksdb_writebatch_put(batch, (const char *)rows[index].key, KEY_BYTES, (const char *)rows[index].value,
                               VALUE_BYTES);
    }
    rocksdb_write(database, writing, batch, &error);
    check("rocksdb_write", error);
    rocksdb_writebatch_destroy(batch);
}

void peer_modify(void *session, const uint8_t *key, uint64_t salt) {
    uint8_t value[VALUE_BYTES];
    if (!peer_get(session, key, value) || !value_fits(key_hash(key), value)) fail("a row is missing or wrong");
    make_value(key_hash(key), salt, value);
    peer_put(session, key, value);
}

void peer_scan(void *session, const uint8_t *key, size_t limit, scan_t *scan) {
    char *error = NULL;
    size_t key_length, value_length;
    (void)session;
    rocksdb_iterator_t *rows = rocksdb_create_iterator(database, reading);
    rocksdb_iter_seek(rows, (const char *)key, KEY_BYTES);
    for (size_t seen = 0; seen < limit && rocksdb_iter_valid(rows); seen++) {
        const char *name = rocksdb_iter_key(rows, &key_length);
        const char *value = rocksdb_iter_value(rows, &value_length);
        scan_row(scan, name, key_length, value, value_length);
        rocksdb_iter_next(rows);
    }
    rocksdb_iter_get_error(rows, &error);
    check("rocksdb_iter_get_error", error);
    rocksdb_iter_destroy(rows);
}
