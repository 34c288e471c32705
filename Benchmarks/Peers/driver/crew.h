// Threads that repeat one step side by side, and what they reach in a span of time.
#ifndef CREW_H
#define CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "chance.h"
#include "histogram.h"
#include "peer.h"
#include "usage.h"

typedef struct crew crew_t;

typedef struct {
    // On cache lines of its own: the worker stores to it after every step, the others read it now and then.
    _Alignas(128) _Atomic uint64_t done;
    _Atomic uint64_t inserted;  // New rows that a reader may expect to find.
    _Alignas(128) crew_t *crew;
    int number;
    pthread_t thread;
    void *session;
    chance_t chance;
    uint64_t salt;
    scan_t scan;
    histogram_t latency;
    uint64_t whole_done, whole_ns;  // Of the steps that began in the measured time, up to their own ends.
} worker_t;

struct crew {
    // One operation, or one scan; returns the operations or rows that it counts as.
    uint64_t (*step)(worker_t *worker);
    int threads;
    int timed_each;  // One step of so many is timed.
    double warm_up_seconds;
    double seconds;
    worker_t *workers;
    _Atomic int phase;
};

enum { SAMPLES_MAX = 36000 };

// What a crew reached after its warm-up.
typedef struct {
    usage_t from, to;
    counters_t first, last;  // What the engine says, if it `tells`.
    bool tells;
    uint64_t done;
    uint64_t done_in_all;  // With the warm-up, and what ended after the measured time.
    double whole_rate;  // Of whole steps: for those so long that where they are cut off would matter.
    histogram_t latency;
    uint64_t samples[SAMPLES_MAX];  // `done` of each 100 ms.
    size_t sample_count;
} outcome_t;

void crew_run(crew_t *crew, outcome_t *outcome);

#endif
