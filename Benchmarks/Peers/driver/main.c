// One engine, one point, one process: words `name=value` say what to do, one line of JSON says what came of it.
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "json.h"
#include "point.h"
#include "work.h"

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "%s: ", peer_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    // An engine's threads may still run, and its handlers at exit have no database to close in peace.
    _exit(1);
}

void scan_row(scan_t *scan, const void *key, size_t key_length, const void *value, size_t value_length) {
    bool is_row = key_length == KEY_BYTES && value_length == VALUE_BYTES;
    if (!is_row) fail("a row of %zu and %zu bytes", key_length, value_length);
    uint64_t hash = key_hash(key);
    if (scan->rows > 0 && hash <= scan->last_hash) fail("a scan goes backwards");
    bool is_right = scan->is_whole ? value_is_whole(hash, value) : value_fits(hash, value);
    if (!is_right) fail("a scan sees a value of another key");
    scan->last_hash = hash;
    scan->rows++;
}

void check_rows(void *session, uint64_t rows) {
    static const uint8_t lowest[KEY_BYTES];
    scan_t scan = {.is_whole = true};
    peer_scan(session, lowest, SIZE_MAX, &scan);
    // Works that insert leave more than were loaded.
    if (scan.rows < rows) fail("%llu rows of %llu", (unsigned long long)scan.rows, (unsigned long long)rows);
}

void report_usage(const usage_t *from, const usage_t *to, uint64_t operations) {
    double count = operations > 0 ? (double)operations : 1;
    json_number("measured_s", to->wall - from->wall);
    json_integer("operations", operations);
    json_number("other_cpu", usage_of_others(from, to));
    json_number("cpu_us_per_op", (to->own - from->own) * 1e6 / count);
    json_number("read_kb_per_op", (double)(to->read_bytes - from->read_bytes) / 1000 / count);
    json_number("written_kb_per_op", (double)(to->written_bytes - from->written_bytes) / 1000 / count);
}

void report_device(uint64_t bytes, uint64_t operations) {
    double each = (double)bytes / (operations > 0 ? (double)operations : 1);
    json_number("device_written_kb_per_op", each / 1000);
    json_number("device_written_per_changed_byte", each / ROW_BYTES);
}

static double tenths_mean(const outcome_t *outcome) {
    return outcome->sample_count ? (double)outcome->done / (double)outcome->sample_count : 0;
}

// How even the throughput was: seconds for the spread, tenths of a second for standing still.
static void report_evenness(const outcome_t *outcome) {
    double sum = 0, squares = 0, lowest = INFINITY, still = 0;
    size_t seconds = outcome->sample_count / 10;
    for (size_t index = 0; index < outcome->sample_count; index++) {
        if ((double)outcome->samples[index] < tenths_mean(outcome) / 10) still += 0.1;
    }
    for (size_t second = 0; second < seconds; second++) {
        double done = 0;
        for (size_t tenth = 0; tenth < 10; tenth++) done += (double)outcome->samples[second * 10 + tenth];
        sum += done;
        squares += done * done;
        if (done < lowest) lowest = done;
    }
    json_number("stalled_s", still);
    if (seconds > 1) {
        double mean = sum / (double)seconds;
        json_number("cv_of_seconds", mean > 0 ? sqrt(fmax(0, squares / (double)seconds - mean * mean)) / mean : 0);
        json_number("slowest_second", lowest);
    }
    json_integers("each_100_ms", outcome->samples, outcome->sample_count);
}

// The engine's own account of bytes read and written, in parts, by operation.
static void report_counters(const outcome_t *outcome) {
    const counters_t *first = &outcome->first, *last = &outcome->last;
    double kilo = 1000 * (outcome->done > 0 ? (double)outcome->done : 1);
    json_number("pages_read_kb_per_op", (double)(last->page_bytes_read - first->page_bytes_read) / kilo);
    json_number("pages_written_kb_per_op", (double)(last->page_bytes_written - first->page_bytes_written) / kilo);
    json_number("doublewrite_kb_per_op", (double)(last->doublewrite_bytes - first->doublewrite_bytes) / kilo);
    json_number("log_kb_per_op", (double)(last->log_bytes - first->log_bytes) / kilo);
}

static void report(const work_t *work, const outcome_t *outcome) {
    static const struct { const char *name; double share; } quantiles[] = {
        {"p50_us", 0.5}, {"p95_us", 0.95}, {"p99_us", 0.99}, {"p999_us", 0.999}, {"max_us", 1},
    };
    double rate = (double)outcome->done / (outcome->to.wall - outcome->from.wall);
    json_number("ops_s", work->is_long ? outcome->whole_rate : rate);
    for (size_t index = 0; index < sizeof quantiles / sizeof *quantiles; index++) {
        json_number(quantiles[index].name, (double)histogram_quantile(&outcome->latency, quantiles[index].share) / 1e3);
    }
    report_usage(&outcome->from, &outcome->to, outcome->done);
    if (work->is_write) report_evenness(outcome);
    if (outcome->tells) report_counters(outcome);
}

static void run_work(const point_t *point, const work_t *work) {
    static outcome_t outcome;
    crew_t crew = {.step = work->step, .threads = point->options.threads, .timed_each = work->timed_each,
                   .warm_up_seconds = point->warm_up_seconds, .seconds = point->seconds};
    peer_open(&point->options);
    // A cache that holds everything is full before the clock starts.
    void *session = peer_session();
    if (!point->options.is_out_of_cache) check_rows(session, point->rows);
    work_prepare(work, point->rows, crew.threads);
    uint64_t first = 0, last = 0;
    bool is_known = work->is_write && usage_device(point->options.folder, &first);
    crew_run(&crew, &outcome);
    is_known = is_known && usage_device(point->options.folder, &last);
    if (point->checks_all) check_rows(session, point->rows);
    peer_session_end(session);
    report(work, &outcome);
    if (is_known) report_device(last - first, outcome.done_in_all);
    json_integer("peak_memory_bytes", usage_peak_memory());
    uint64_t start = clock_nanoseconds();
    peer_close();
    json_number("close_s", (double)(clock_nanoseconds() - start) * 1e-9);
}

static uint64_t whole_number(const char *word, const char *text) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end) fail("no number: %s", word);
    return value;
}

static void take_word(point_t *point, const char *word) {
    options_t *options = &point->options;
    const char *value = strchr(word, '=');
    size_t length = value ? (size_t)(value++ - word) : 0;
    const struct { const char *name; const char **text; uint64_t *number; double *real; bool *flag; } names[] = {
        {"work", &point->work, 0, 0, 0}, {"folder", &options->folder, 0, 0, 0}, {"marks", &point->marks, 0, 0, 0},
        {"extra", &options->extra, 0, 0, 0},
        {"rows", 0, &point->rows, 0, 0}, {"cache", 0, &options->cache_bytes, 0, 0},
        {"redo", 0, &options->redo_bytes, 0, 0}, {"seconds", 0, 0, &point->seconds, 0},
        {"warm-up", 0, 0, &point->warm_up_seconds, 0}, {"durable", 0, 0, 0, &options->is_durable},
        {"out-of-cache", 0, 0, 0, &options->is_out_of_cache}, {"check", 0, 0, 0, &point->checks_all},
    };
    if (length == 7 && memcmp(word, "threads", 7) == 0) {
        options->threads = (int)whole_number(word, value);
        if (options->threads < 1 || options->threads > 256) fail("1 to 256 threads");
        return;
    }
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        if (!value || strlen(names[index].name) != length || memcmp(names[index].name, word, length) != 0) continue;
        if (names[index].text) *names[index].text = value;
        if (names[index].number) *names[index].number = whole_number(word, value);
        if (names[index].flag) *names[index].flag = whole_number(word, value) != 0;
        if (names[index].real) *names[index].real = strtod(value, NULL);
        return;
    }
    fail("unknown word: %s", word);
}

static void run(point_t *point) {
    const work_t *work = work_named(point->work);
    options_t *options = &point->options;
    options->is_new = strncmp(point->work, "load-", 5) == 0;
    options->keeps_redo = strcmp(point->work, "grow-redo") == 0;
    options->data_bytes = point->rows * ROW_BYTES;
    options->is_recovery = strcmp(point->work, "recover") == 0;
    if (point->rows < 2 || !options->folder) fail("a point needs rows=N and folder=PATH");
    if ((options->keeps_redo || options->is_recovery) && !point->marks) fail("recovery needs marks=PATH");
    if (options->is_out_of_cache || options->is_recovery) folder_evict(options->folder);
    if (options->keeps_redo) recovery_grow(point);
    json_begin();
    json_text("engine", peer_name);
    json_text("version", peer_version());
    json_text("work", point->work);
    json_integer("threads", (uint64_t)options->threads);
    json_text("settings", peer_settings(options));
    if (options->is_new && !load_run(point)) json_text("missing", "this engine has no loader");
    else if (options->is_recovery) recovery_run(point);
    else if (work) run_work(point, work);
    else if (!options->is_new) fail("unknown work: %s", point->work);
    json_integer("disk_bytes", folder_bytes(options->folder, peer_log_pattern, false));
    json_integer("log_disk_bytes", folder_bytes(options->folder, peer_log_pattern, true));
    json_end();
}

static void *run_point(void *point) {
    run(point);
    return NULL;
}

int main(int count, char **words) {
    pthread_t thread;
    point_t point = {.work = "describe", .seconds = 1, .warm_up_seconds = 0.2,
                     .options = {.threads = 1, .cache_bytes = 256 << 20, .redo_bytes = 256 << 20, .folder = "",
                                 .extra = ""}};
    for (int index = 1; index < count; index++) take_word(&point, words[index]);
    if (strcmp(point.work, "describe") != 0) {
        // Not the main thread: an engine that asks for the bounds of its stack reads a file of the system there.
        if (pthread_create(&thread, NULL, run_point, &point) != 0) fail("no thread");
        pthread_join(thread, NULL);
        return 0;
    }
    Dl_info library;
    json_begin();
    json_text("engine", peer_name);
    json_text("version", peer_version());
    if (dladdr((void *)(uintptr_t)peer_function, &library) != 0) json_text("library", library.dli_fname);
    json_integer("memory_percent", (uint64_t)peer_memory_percent);
    json_end();
    return 0;
}
