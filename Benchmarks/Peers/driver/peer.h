// What the driver asks of an engine. Each program is the driver with one engine behind these functions: a failure
// inside an engine ends the process with a message, so only what is no failure has a result.
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rows.h"

typedef struct {
    const char *folder;    // Exists, and is empty when `is_new`.
    uint64_t cache_bytes;  // What the engine may use to keep pages in memory.
    uint64_t data_bytes;   // Keys and values that are, or will be, in the database.
    uint64_t redo_bytes;   // For `keeps_redo`: how much log is to fit between two checkpoints.
    bool is_new;
    bool is_durable;       // A commit is on disk when the call returns; otherwise the operating system has it.
    bool is_out_of_cache;  // Data exceeds the cache: read past the page cache where the engine can.
    bool keeps_redo;       // No checkpoint, so that recovery has everything to do.
    bool is_recovery;      // The database was left by a process that kept redo, and was killed.
    int threads;           // That will work at the same time.
    const char *extra;     // Words of the engine's own, from the command line; engines may ignore them.
} options_t;

// What an engine itself says that it moved, since it was opened.
typedef struct {
    uint64_t page_bytes_read, page_bytes_written, doublewrite_bytes, log_bytes;
    uint64_t log_position;  // Of the last change in the log: without what is written twice, or for padding.
} counters_t;

// A row seen by a scan, checked: keys ascend, and the value belongs to its key.
typedef struct {
    uint64_t rows;
    uint64_t last_hash;
    bool is_whole;  // Compare every byte of the value, not only its ends.
} scan_t;

void scan_row(scan_t *scan, const void *key, size_t key_length, const void *value, size_t value_length);

extern const char peer_name[];
// The memory that a process with data beyond its cache may have, page cache included, in hundredths of the cache: for
// engines that read through the page cache. Zero for those with O_DIRECT.
extern const int peer_memory_percent;
// The names of its log files, as a shell pattern: how large they are is a setting and says nothing of the data.
extern const char peer_log_pattern[];

// Any function of the engine's library: leads to the file that was loaded.
extern void (*const peer_function)(void);

const char *peer_version(void);
const char *peer_settings(const options_t *options);

void peer_open(const options_t *options);
void peer_close(void);
// Everything committed is on disk on return.
void peer_sync(void);
// The bytes of log that recovery would read now; `NO_LOG` when the engine has none.
#define NO_LOG UINT64_MAX
uint64_t peer_log_bytes(void);
// False when the engine does not tell.
bool peer_counters(counters_t *counters);
// Fills an empty database by the engine's own loader, in key order and to the disk; false when there is none.
bool peer_bulk_load(const uint64_t *hashes, size_t count);

// A session belongs to one thread.
void *peer_session(void);
void peer_session_end(void *session);
bool peer_get(void *session, const uint8_t *key, uint8_t *value);
// Inserts or replaces, and commits.
void peer_put(void *session, const uint8_t *key, const uint8_t *value);
// One commit of new rows; with `is_append` every key is above all keys of the database.
void peer_put_rows(void *session, const row_t *rows, size_t count, bool is_append);
// Reads the row, checks it, and writes it with a new salt: isolated where the engine can.
void peer_modify(void *session, const uint8_t *key, uint64_t salt);
// Shows at most `limit` rows from `key` on to `scan_row`.
void peer_scan(void *session, const uint8_t *key, size_t limit, scan_t *scan);

// Ends the process: the message goes to standard error.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
