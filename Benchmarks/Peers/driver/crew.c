#include "crew.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GETTING_READY, WARMING_UP, MEASURED, OVER };

static const double sample_seconds = 0.1;

static void *work(void *argument) {
    worker_t *worker = argument;
    crew_t *crew = worker->crew;
    worker->session = peer_session();
    uint64_t turn = 0, last = clock_nanoseconds();
    int each = crew->timed_each;
    for (;;) {
        int phase = atomic_load_explicit(&crew->phase, memory_order_relaxed);
        if (phase == OVER) break;
        bool is_timed = turn++ % (uint64_t)each == 0;
        if (is_timed && each > 1) last = clock_nanoseconds();
        uint64_t more = crew->step(worker), done = worker->done + more;
        if (is_timed) {
            // When every step is timed, one look at the clock ends a step and begins the next.
            uint64_t now = clock_nanoseconds();
            if (phase == MEASURED) {
                histogram_add(&worker->latency, now - last);
                worker->whole_done += more;
                worker->whole_ns += now - last;
            }
            last = now;
        }
        atomic_store_explicit(&worker->done, done, memory_order_relaxed);
    }
    peer_session_end(worker->session);
    return NULL;
}

static uint64_t sum_done(const crew_t *crew) {
    uint64_t sum = 0;
    for (int number = 0; number < crew->threads; number++) {
        sum += atomic_load_explicit(&crew->workers[number].done, memory_order_relaxed);
    }
    return sum;
}

static void sleep_until(double moment) {
    struct timespec time = {(time_t)moment, (long)((moment - (double)(time_t)moment) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) {}
}

static void measure(crew_t *crew, outcome_t *outcome) {
    outcome->tells = peer_counters(&outcome->first);
    usage_take(&outcome->from);
    uint64_t first = sum_done(crew), last = first;
    double start = outcome->from.wall;
    size_t wanted = (size_t)(crew->seconds / sample_seconds + 0.5);
    if (wanted > SAMPLES_MAX) wanted = SAMPLES_MAX;
    for (size_t index = 0; index < wanted; index++) {
        sleep_until(start + (double)(index + 1) * sample_seconds);
        uint64_t now = sum_done(crew);
        outcome->samples[outcome->sample_count++] = now - last;
        last = now;
    }
    usage_take(&outcome->to);
    outcome->done = sum_done(crew) - first;
    if (outcome->tells) peer_counters(&outcome->last);
}

void crew_run(crew_t *crew, outcome_t *outcome) {
    memset(outcome, 0, sizeof *outcome);
    size_t bytes = (size_t)crew->threads * sizeof(worker_t);
    crew->workers = aligned_alloc(_Alignof(worker_t), bytes);
    if (!crew->workers) fail("no memory for %d workers", crew->threads);
    memset(crew->workers, 0, bytes);
    atomic_store(&crew->phase, GETTING_READY);
    for (int number = 0; number < crew->threads; number++) {
        worker_t *worker = &crew->workers[number];
        worker->crew = crew;
        worker->number = number;
        worker->chance.state = row_hash((uint64_t)number + 12345);
        worker->salt = (uint64_t)(number + 1) << 48;
        int code = pthread_create(&worker->thread, NULL, work, worker);
        if (code != 0) fail("no thread: %s", strerror(code));
    }
    atomic_store(&crew->phase, WARMING_UP);
    sleep_until((double)clock_nanoseconds() * 1e-9 + crew->warm_up_seconds);
    atomic_store(&crew->phase, MEASURED);
    measure(crew, outcome);
    atomic_store(&crew->phase, OVER);
    for (int number = 0; number < crew->threads; number++) {
        pthread_join(crew->workers[number].thread, NULL);
        outcome->done_in_all += atomic_load(&crew->workers[number].done);
        const worker_t *worker = &crew->workers[number];
        histogram_merge(&outcome->latency, &worker->latency);
        if (worker->whole_ns > 0) outcome->whole_rate += (double)worker->whole_done * 1e9 / (double)worker->whole_ns;
    }
    free(crew->workers);
}
