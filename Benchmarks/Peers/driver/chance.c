#include "chance.h"

#include <math.h>

// After Gray et al., "Quickly generating billion-record synthetic databases" (SIGMOD 1994).
void zipf_make(zipf_t *zipf, uint64_t count, double theta) {
    double zeta = 0;
    for (uint64_t rank = count; rank > 0; rank--) zeta += pow((double)rank, -theta);
    double two = 1 + pow(2, -theta);
    zipf->count = count;
    zipf->theta = theta;
    zipf->zeta = zeta;
    zipf->second = two;
    zipf->alpha = 1 / (1 - theta);
    zipf->eta = (1 - pow(2.0 / (double)count, 1 - theta)) / (1 - two / zeta);
}

uint64_t zipf_next(const zipf_t *zipf, chance_t *chance) {
    double uniform = (double)(chance_next(chance) >> 11) * 0x1p-53;
    double scaled = uniform * zipf->zeta;
    if (scaled < 1) return 0;
    if (scaled < zipf->second) return 1;
    uint64_t rank = (uint64_t)((double)zipf->count * pow(zipf->eta * uniform - zipf->eta + 1, zipf->alpha));
    return rank < zipf->count ? rank : zipf->count - 1;
}
