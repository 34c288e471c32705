// Filling a database: in key order, in random order, or by the engine's own loader.
#include <stdlib.h>

#include "json.h"
#include "point.h"

enum { COMMIT_ROWS = 1000 };

static int compare_hashes(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static uint64_t *load_order(uint64_t rows, bool is_sorted) {
    uint64_t *hashes = malloc(rows * sizeof *hashes);
    if (!hashes) fail("no memory for the order of %llu rows", (unsigned long long)rows);
    for (uint64_t index = 0; index < rows; index++) hashes[index] = row_hash(index);
    if (is_sorted) qsort(hashes, rows, sizeof *hashes, compare_hashes);
    return hashes;
}

static void put_all(const uint64_t *hashes, uint64_t count, bool is_append) {
    static row_t batch[COMMIT_ROWS];
    void *session = peer_session();
    for (uint64_t start = 0; start < count; start += COMMIT_ROWS) {
        size_t length = count - start < COMMIT_ROWS ? count - start : COMMIT_ROWS;
        for (size_t index = 0; index < length; index++) make_row(hashes[start + index], 0, &batch[index]);
        peer_put_rows(session, batch, length, is_append);
    }
    peer_session_end(session);
}

bool load_run(const point_t *point) {
    usage_t from, loaded, synced, closed;
    bool is_bulk = strcmp(point->work, "load-bulk") == 0;
    bool is_random = strcmp(point->work, "load-random") == 0;
    uint64_t *hashes = load_order(point->rows, !is_random);
    uint64_t first = 0, last = 0;
    bool is_known = usage_device(point->options.folder, &first);
    peer_open(&point->options);
    usage_take(&from);
    if (!is_bulk) {
        put_all(hashes, point->rows, !is_random);
    } else if (!peer_bulk_load(hashes, point->rows)) {
        peer_close();
        return false;
    }
    usage_take(&loaded);
    peer_sync();
    usage_take(&synced);
    free(hashes);
    if (point->checks_all) {
        void *session = peer_session();
        check_rows(session, point->rows);
        peer_session_end(session);
    }
    uint64_t peak = usage_peak_memory();
    peer_close();
    usage_take(&closed);
    is_known = is_known && usage_device(point->options.folder, &last);
    json_number("ops_s", (double)point->rows / (loaded.wall - from.wall));
    json_number("ops_s_synced", (double)point->rows / (synced.wall - from.wall));
    json_number("close_s", closed.wall - synced.wall);
    // Whole, with what the engine wrote late: a load has an end.
    report_usage(&from, &closed, point->rows);
    if (is_known) report_device(last - first, point->rows);
    json_integer("peak_memory_bytes", peak);
    return true;
}
