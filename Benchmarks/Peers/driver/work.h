// The works that a crew can do: what one step of each is.
#ifndef WORK_H
#define WORK_H

#include "crew.h"

typedef struct {
    const char *name;
    uint64_t (*step)(worker_t *worker);
    int timed_each;
    bool is_write;  // Changes rows: bytes written are compared with bytes changed.
    bool is_skewed; // Chooses rows after Zipf.
    bool is_long;   // A step may take longer than the measured time.
} work_t;

// The work called `name`, or null.
const work_t *work_named(const char *name);
// Must come before the first step: how many rows are loaded, and how many threads insert.
void work_prepare(const work_t *work, uint64_t rows, int threads);

#endif
