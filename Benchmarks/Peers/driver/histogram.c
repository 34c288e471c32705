#include "histogram.h"

void histogram_merge(histogram_t *into, const histogram_t *from) {
    into->total += from->total;
    if (from->largest > into->largest) into->largest = from->largest;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) into->counts[bucket] += from->counts[bucket];
}

uint64_t histogram_quantile(const histogram_t *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->total);
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen <= wanted) continue;
        if (bucket < HISTOGRAM_STEPS) return bucket;
        unsigned shift = bucket / HISTOGRAM_STEPS - 1;
        uint64_t upper = ((uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << shift) - 1;
        return upper < histogram->largest ? upper : histogram->largest;
    }
    return histogram->largest;
}
