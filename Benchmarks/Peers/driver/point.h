// One point: what is asked of one process, and what it reports.
#ifndef POINT_H
#define POINT_H

#include "crew.h"

typedef struct {
    options_t options;
    const char *work;
    const char *marks;  // The file in which a process that is killed says how far it came.
    uint64_t rows;
    double seconds, warm_up_seconds;
    bool checks_all;  // Read every byte of every row at the end.
} point_t;

// Loads an empty folder in the order that the work's name says; returns false when the engine has no such loader.
bool load_run(const point_t *point);
// Changes rows until the redo is as long as it shall be, and dies by SIGKILL.
_Noreturn void recovery_grow(const point_t *point);
// Opens what `recovery_grow` left, and looks for its last commits.
void recovery_run(const point_t *point);
// Reads every byte of every row.
void check_rows(void *session, uint64_t rows);
void report_usage(const usage_t *from, const usage_t *to, uint64_t operations);
// Of `bytes` written to the device while there were `operations`.
void report_device(uint64_t bytes, uint64_t operations);

#endif
