// Recovery: a process changes rows until there is enough redo, and kills itself; the next one opens the database.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "json.h"
#include "point.h"

enum { THREADS = 2, CHECKED = 10000 };

// Shared with the next process through a file: it survives the kill.
typedef struct {
    _Atomic uint64_t updates[THREADS];  // Acknowledged, of each thread.
    uint64_t log_bytes;    // That recovery must read.
    uint64_t log_written;  // More, where the engine moved its checkpoint all the same.
} marks_t;

static marks_t *marks;
static const point_t *growth;
static atomic_bool is_enough;

static void map_marks(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *marks) != 0) fail("%s cannot be made", path);
    marks = mmap(NULL, sizeof *marks, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (marks == MAP_FAILED) fail("%s cannot be mapped", path);
    close(file);
}

// The row that update `number` (from 1) of `thread` changes: threads share no row, so a row's last salt is known.
static uint64_t changed_row(uint64_t rows, uint64_t thread, uint64_t number) {
    chance_t chance = {number * 0x2545f4914f6cdd1d + thread};
    return chance_below(&chance, rows / THREADS) * THREADS + thread;
}

static void *update_rows(void *argument) {
    uint64_t thread = (uint64_t)(uintptr_t)argument;
    void *session = peer_session();
    for (uint64_t number = 1; !atomic_load_explicit(&is_enough, memory_order_relaxed); number++) {
        row_t row;
        make_row(row_hash(changed_row(growth->rows, thread, number)), number, &row);
        peer_put(session, row.key, row.value);
        atomic_store(&marks->updates[thread], number);
        if (number % 4096 != 0) continue;
        uint64_t log = peer_log_bytes();
        // An engine without a log is killed after as many updates as would fill one with their rows.
        if (log == NO_LOG) log = number * THREADS * ROW_BYTES;
        if (log >= growth->options.redo_bytes) atomic_store(&is_enough, true);
    }
    peer_session_end(session);
    return NULL;
}

_Noreturn void recovery_grow(const point_t *point) {
    pthread_t threads[THREADS];
    counters_t first, last;
    growth = point;
    map_marks(point->marks);
    peer_open(&point->options);
    bool tells = peer_counters(&first);
    for (uintptr_t thread = 0; thread < THREADS; thread++) {
        if (pthread_create(&threads[thread], NULL, update_rows, (void *)thread) != 0) fail("no thread");
    }
    for (int thread = 0; thread < THREADS; thread++) pthread_join(threads[thread], NULL);
    // Without it an engine that keeps log in its own memory would have less to recover than the others.
    peer_sync();
    marks->log_bytes = marks->log_written = peer_log_bytes();
    if (tells && peer_counters(&last)) marks->log_written = last.log_position - first.log_position;
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// The last updates of every thread must be there: their salt, or one of a later update of the same row.
static uint64_t count_lost(void *session, uint64_t rows) {
    uint64_t lost = 0;
    for (uint64_t thread = 0; thread < THREADS; thread++) {
        uint64_t last = marks->updates[thread];
        for (uint64_t number = last > CHECKED ? last - CHECKED + 1 : 1; number <= last; number++) {
            uint8_t key[KEY_BYTES], value[VALUE_BYTES];
            uint64_t hash = row_hash(changed_row(rows, thread, number));
            make_key(hash, key);
            bool is_there = peer_get(session, key, value) && value_is_whole(hash, value);
            if (!is_there || value_salt(value) < number || value_salt(value) > last) lost++;
        }
    }
    return lost;
}

void recovery_run(const point_t *point) {
    usage_t from, to;
    map_marks(point->marks);
    usage_take(&from);
    peer_open(&point->options);
    void *session = peer_session();
    uint64_t updates = 0;
    for (int thread = 0; thread < THREADS; thread++) updates += marks->updates[thread];
    uint8_t key[KEY_BYTES], value[VALUE_BYTES];
    make_key(row_hash(0), key);
    if (!peer_get(session, key, value)) fail("the first row is not found after recovery");
    usage_take(&to);
    uint64_t lost = count_lost(session, point->rows);
    if (point->checks_all) check_rows(session, point->rows);
    peer_session_end(session);
    json_number("open_s", to.wall - from.wall);
    double share = 1;
    if (marks->log_written > marks->log_bytes) share = (double)marks->log_bytes / (double)marks->log_written;
    json_integer("updates", updates);
    json_number("replayed_share", share);
    if (marks->log_bytes != NO_LOG) {
        json_integer("log_bytes", marks->log_bytes);
        json_number("ops_s", (double)updates * share / (to.wall - from.wall));
    }
    json_integer("lost_commits", lost);
    report_usage(&from, &to, updates);
    json_integer("peak_memory_bytes", usage_peak_memory());
    peer_close();
}
