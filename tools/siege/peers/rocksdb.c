// RocksDB as a target of power cuts. Modes: sync, whose writes wait for the log's sync; nosync, which keeps a prefix at
// best.
#include "peer.h"

#include <rocksdb/c.h>

static rocksdb_t *database;
static rocksdb_writeoptions_t *writing;
static rocksdb_readoptions_t *reading;

static void check(const char *call, char *error) {
    if (error) fail(call, error);
}

static void open_database(const char *mode, const char *folder) {
    int is_sync = strcmp(mode, "sync") == 0;
    if (!is_sync && strcmp(mode, "nosync") != 0) fail("mode", mode);
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    // Small, so that tables are written and merged all the time.
    rocksdb_options_set_write_buffer_size(options, 64 << 10);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    writing = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(writing, (unsigned char)is_sync);
    reading = rocksdb_readoptions_create();
    char *error = NULL;
    database = rocksdb_open(options, folder, &error);
    check("open", error);
}

static void commit_changes(const change_t *changes, int count) {
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (int index = 0; index < count; index++) {
        const change_t *change = &changes[index];
        size_t length = strlen(change->key);
        if (change->value) {
            rocksdb_writebatch_put(batch, change->key, length, change->value, strlen(change->value));
        } else {
            rocksdb_writebatch_delete(batch, change->key, length);
        }
    }
    char *error = NULL;
    rocksdb_write(database, writing, batch, &error);
    check("write", error);
    rocksdb_writebatch_destroy(batch);
}

static void dump_rows(void) {
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(database, reading);
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        size_t key_length, value_length;
        const char *key = rocksdb_iter_key(iterator, &key_length);
        const char *value = rocksdb_iter_value(iterator, &value_length);
        row(key, key_length, value, value_length);
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    check("iterator", error);
    rocksdb_iter_destroy(iterator);
}

// Every block was checked when the dump read it.
static void verify_database(void) {}

static void close_database(void) { rocksdb_close(database); }
