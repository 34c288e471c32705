#include "work.h"

static uint64_t row_count;
static int thread_count;
static zipf_t zipf;

static void get_row(worker_t *worker, uint64_t index) {
    uint8_t key[KEY_BYTES], value[VALUE_BYTES];
    uint64_t hash = row_hash(index);
    make_key(hash, key);
    if (!peer_get(worker->session, key, value)) fail("row %llu is not found", (unsigned long long)index);
    if (!value_fits(hash, value)) fail("row %llu has the value of another", (unsigned long long)index);
}

static void update_row(worker_t *worker, uint64_t index) {
    row_t row;
    make_row(row_hash(index), ++worker->salt, &row);
    peer_put(worker->session, row.key, row.value);
}

// Readers look for no more than `inserted` says, so that a row in the making is never missed.
static void insert_row(worker_t *worker) {
    uint64_t own = worker->inserted;
    uint64_t index = row_count + own * (uint64_t)thread_count + (uint64_t)worker->number;
    update_row(worker, index);
    atomic_store_explicit(&worker->inserted, own + 1, memory_order_release);
}

static uint64_t scan_rows(worker_t *worker, uint64_t index, size_t limit) {
    uint8_t key[KEY_BYTES];
    make_key(row_hash(index), key);
    memset(&worker->scan, 0, sizeof worker->scan);
    peer_scan(worker->session, key, limit, &worker->scan);
    if (worker->scan.rows == 0) fail("a scan from row %llu sees nothing", (unsigned long long)index);
    return worker->scan.rows;
}

static uint64_t any(worker_t *worker) { return chance_below(&worker->chance, row_count); }
static uint64_t popular(worker_t *worker) { return zipf_next(&zipf, &worker->chance); }
static bool happens(worker_t *worker, uint64_t percent) { return chance_below(&worker->chance, 100) < percent; }

// The newest rows are the most popular; those of all threads count as equally new.
static uint64_t recent(worker_t *worker) {
    uint64_t age = popular(worker);
    uint64_t other = chance_below(&worker->chance, (uint64_t)thread_count);
    uint64_t inserted = atomic_load_explicit(&worker->crew->workers[other].inserted, memory_order_acquire);
    if (age < inserted) return row_count + (inserted - 1 - age) * (uint64_t)thread_count + other;
    age -= inserted;
    return age < row_count ? row_count - 1 - age : 0;
}

static uint64_t step_read(worker_t *worker) { return get_row(worker, any(worker)), 1; }
static uint64_t step_update(worker_t *worker) { return update_row(worker, any(worker)), 1; }
static uint64_t step_scan_100(worker_t *worker) { return scan_rows(worker, any(worker), 100); }

static uint64_t step_scan_all(worker_t *worker) {
    static const uint8_t lowest[KEY_BYTES];
    memset(&worker->scan, 0, sizeof worker->scan);
    peer_scan(worker->session, lowest, SIZE_MAX, &worker->scan);
    if (worker->scan.rows != row_count) fail("a full scan sees %llu rows", (unsigned long long)worker->scan.rows);
    return worker->scan.rows;
}

static uint64_t step_a(worker_t *worker) {
    if (happens(worker, 50)) get_row(worker, popular(worker));
    else update_row(worker, popular(worker));
    return 1;
}

static uint64_t step_b(worker_t *worker) {
    if (happens(worker, 95)) get_row(worker, popular(worker));
    else update_row(worker, popular(worker));
    return 1;
}

static uint64_t step_c(worker_t *worker) { return get_row(worker, popular(worker)), 1; }

static uint64_t step_d(worker_t *worker) {
    if (happens(worker, 95)) get_row(worker, recent(worker));
    else insert_row(worker);
    return 1;
}

static uint64_t step_e(worker_t *worker) {
    if (happens(worker, 95)) scan_rows(worker, popular(worker), 1 + chance_below(&worker->chance, 100));
    else insert_row(worker);
    return 1;
}

static uint64_t step_f(worker_t *worker) {
    uint8_t key[KEY_BYTES];
    uint64_t index = popular(worker);
    if (happens(worker, 50)) return get_row(worker, index), 1;
    make_key(row_hash(index), key);
    peer_modify(worker->session, key, ++worker->salt);
    return 1;
}

static const work_t works[] = {
    {"read", step_read, 16, false, false, false},
    {"update", step_update, 1, true, false, false},
    {"scan-100", step_scan_100, 1, false, false, false},
    {"scan-all", step_scan_all, 1, false, false, true},
    {"ycsb-a", step_a, 8, true, true, false},
    {"ycsb-b", step_b, 8, true, true, false},
    {"ycsb-c", step_c, 8, false, true, false},
    {"ycsb-d", step_d, 8, true, true, false},
    {"ycsb-e", step_e, 8, true, true, false},
    {"ycsb-f", step_f, 8, true, true, false},
};

const work_t *work_named(const char *name) {
    for (size_t index = 0; index < sizeof works / sizeof *works; index++) {
        if (strcmp(works[index].name, name) == 0) return &works[index];
    }
    return NULL;
}

void work_prepare(const work_t *work, uint64_t rows, int threads) {
    row_count = rows;
    thread_count = threads;
    if (work->is_skewed) zipf_make(&zipf, rows, 0.99);
}
