// Latencies in nanoseconds, in buckets whose width is at most a 32nd of their value.
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_BUCKETS = 60 * HISTOGRAM_STEPS };

typedef struct {
    uint64_t total;
    uint64_t largest;
    uint64_t counts[HISTOGRAM_BUCKETS];
} histogram_t;

static inline unsigned histogram_bucket(uint64_t value) {
    if (value < HISTOGRAM_STEPS) return (unsigned)value;
    unsigned shift = 58 - (unsigned)__builtin_clzll(value);
    return (shift + 1) * HISTOGRAM_STEPS + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
}

static inline void histogram_add(histogram_t *histogram, uint64_t value) {
    histogram->total++;
    if (value > histogram->largest) histogram->largest = value;
    histogram->counts[histogram_bucket(value)]++;
}

void histogram_merge(histogram_t *into, const histogram_t *from);
// The value below which `share` (0 to 1) of all values lie, at the upper end of its bucket; 0 when there are none.
uint64_t histogram_quantile(const histogram_t *histogram, double share);

#endif
