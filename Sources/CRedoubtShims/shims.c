#define _GNU_SOURCE
#include "CRedoubtShims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const int32_t redoubt_o_direct = O_DIRECT;
const int32_t redoubt_o_dsync = O_DSYNC;

int redoubt_futex_wait(const void *word, uint32_t expected, int64_t timeout_nanoseconds) {
    struct timespec limit;
    struct timespec *pointer = NULL;
    if (timeout_nanoseconds >= 0) {
        limit.tv_sec = timeout_nanoseconds / 1000000000;
        limit.tv_nsec = timeout_nanoseconds % 1000000000;
        pointer = &limit;
    }
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, pointer, NULL, 0);
    return result == -1 && errno == ETIMEDOUT ? 1 : 0;
}

void redoubt_futex_wake(const void *word, int32_t count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static __thread void *thread_pointer;

void *redoubt_thread_pointer(void) { return thread_pointer; }

void redoubt_set_thread_pointer(void *pointer) { thread_pointer = pointer; }

__thread int32_t redoubt_thread_borrows_value;

static _Atomic uint32_t next_ordinal;
__thread uint32_t redoubt_thread_ordinal_plus_one;

uint32_t redoubt_new_thread_ordinal(void) {
    uint32_t ordinal = atomic_fetch_add_explicit(&next_ordinal, 1, memory_order_relaxed);
    redoubt_thread_ordinal_plus_one = ordinal + 1;
    return ordinal;
}

static __thread redoubt_thread_waits_t thread_waits;

redoubt_thread_waits_t *redoubt_thread_waits(void) { return &thread_waits; }

uint64_t redoubt_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int redoubt_drain(int descriptor, int64_t offset, int64_t length) {
    const unsigned flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int code;
    do code = sync_file_range(descriptor, offset, length, flags) == 0 ? 0 : errno;
    while (code == EINTR);
    return code;
}

int redoubt_fallocate(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, 0, offset, length) == 0 ? 0 : errno;
}

void redoubt_set_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

void redoubt_sleep_nanoseconds(uint64_t nanoseconds) {
    struct timespec left = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
}
