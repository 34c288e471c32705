// Random choices: uniform, and skewed after Zipf as in YCSB.
#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

typedef struct {
    uint64_t state;
} chance_t;

static inline uint64_t chance_next(chance_t *chance) {
    uint64_t value = chance->state += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

// Uniform in `0 ..< bound`.
static inline uint64_t chance_below(chance_t *chance, uint64_t bound) {
    return (uint64_t)((unsigned __int128)chance_next(chance) * bound >> 64);
}

// The constants of a Zipf distribution over `0 ..< count`, of which 0 is the most frequent.
typedef struct {
    uint64_t count;
    double theta, zeta, alpha, eta, second;
} zipf_t;

// Takes time in proportion to `count`.
void zipf_make(zipf_t *zipf, uint64_t count, double theta);
uint64_t zipf_next(const zipf_t *zipf, chance_t *chance);

#endif
