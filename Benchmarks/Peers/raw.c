// The device without an engine: 4 KiB writes with O_DIRECT and O_DSYNC over a file that is laid out, one file a thread.
// What a durable commit costs at least.
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "histogram.h"
#include "json.h"
#include "peer.h"
#include "usage.h"

enum { BLOCK = 4096, BLOCKS = 4096, THREADS_MAX = 256 };

static atomic_bool is_measured, is_over;
static const char *folder;

typedef struct {
    pthread_t thread;
    int file;
    uint64_t done;
    histogram_t latency;
} writer_t;

static writer_t writers[THREADS_MAX];

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(1);
}

static void lay_out(writer_t *writer, int number) {
    static uint8_t block[BLOCK];
    char path[4096];
    snprintf(path, sizeof path, "%s/raw-%d", folder, number);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (int index = 0; index < BLOCKS; index++) {
        if (write(file, block, BLOCK) != BLOCK) fail("%s cannot be laid out", path);
    }
    fsync(file);
    close(file);
    writer->file = open(path, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
    if (writer->file < 0) fail("%s cannot be opened with O_DIRECT", path);
    unlink(path);
}

static void *write_blocks(void *argument) {
    writer_t *writer = argument;
    uint8_t *block = aligned_alloc(BLOCK, BLOCK);
    if (!block) fail("no memory");
    memset(block, 0x5a, BLOCK);
    for (off_t place = 0; !atomic_load_explicit(&is_over, memory_order_relaxed); place = (place + 1) % BLOCKS) {
        uint64_t start = clock_nanoseconds();
        if (pwrite(writer->file, block, BLOCK, place * BLOCK) != BLOCK) fail("a write fails");
        if (!atomic_load_explicit(&is_measured, memory_order_relaxed)) continue;
        histogram_add(&writer->latency, clock_nanoseconds() - start);
        writer->done++;
    }
    free(block);
    return NULL;
}

int main(int count, char **words) {
    usage_t from, to;
    static histogram_t all;
    uint64_t done = 0;
    if (count != 4) fail("usage: %s FOLDER THREADS SECONDS", words[0]);
    folder = words[1];
    int threads = atoi(words[2]);
    double seconds = strtod(words[3], NULL);
    if (threads < 1 || threads > THREADS_MAX || !(seconds > 0)) fail("1 to %d threads, and some seconds", THREADS_MAX);
    for (int number = 0; number < threads; number++) lay_out(&writers[number], number);
    for (int number = 0; number < threads; number++) {
        if (pthread_create(&writers[number].thread, NULL, write_blocks, &writers[number]) != 0) fail("no thread");
    }
    usleep(200000);
    usage_take(&from);
    atomic_store(&is_measured, true);
    usleep((useconds_t)(seconds * 1e6));
    atomic_store(&is_over, true);
    usage_take(&to);
    for (int number = 0; number < threads; number++) {
        pthread_join(writers[number].thread, NULL);
        done += writers[number].done;
        histogram_merge(&all, &writers[number].latency);
    }
    json_begin();
    json_text("engine", "raw");
    json_text("version", "4 KiB O_DIRECT|O_DSYNC");
    json_text("work", "raw-writes");
    json_integer("threads", (uint64_t)threads);
    json_number("ops_s", (double)done / (to.wall - from.wall));
    json_number("p50_us", (double)histogram_quantile(&all, 0.5) / 1e3);
    json_number("p99_us", (double)histogram_quantile(&all, 0.99) / 1e3);
    json_number("max_us", (double)all.largest / 1e3);
    json_number("other_cpu", usage_of_others(&from, &to));
    json_end();
    return 0;
}
