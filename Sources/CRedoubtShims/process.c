#define _GNU_SOURCE
#include "CRedoubtShims.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int32_t redoubt_processor_count(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void redoubt_pin_thread(uint32_t number) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 0) return;
    number %= (uint32_t)CPU_COUNT(&allowed);
    for (int processor = 0; processor < CPU_SETSIZE; processor++) {
        if (!CPU_ISSET(processor, &allowed) || number-- > 0) continue;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

void redoubt_keep_heap(void) {
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    mallopt(M_TOP_PAD, 4 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
}

uint64_t redoubt_user_nanoseconds(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (uint64_t)usage.ru_utime.tv_sec * 1000000000u + (uint64_t)usage.ru_utime.tv_usec * 1000u;
}

void redoubt_raise_thread_priority(int32_t steps) {
    // On Linux a nice value is a thread's; of 0 it means the caller.
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    if (errno != 0 || setpriority(PRIO_PROCESS, 0, nice - steps) != 0) return;
    // Else threads that this one starts begin as preferred as it is: those of the program among them, which are
    // started, say, to run what a commit resumes.
    struct sched_param parameters;
    int policy = sched_getscheduler(0);
    if (policy < 0 || sched_getparam(0, &parameters) != 0) return;
    sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &parameters);
}

int32_t redoubt_thread_nice(void) { return getpriority(PRIO_PROCESS, 0); }

int32_t redoubt_thread_times(int descriptor, uint64_t *processor, uint64_t *queued) {
    struct timespec used;
    char text[96];
    // The kernel brings the first figure of the file up to date at ticks only; the clock is exact.
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) != 0) return -1;
    ssize_t count = pread(descriptor, text, sizeof text - 1, 0);
    if (count <= 0) return -1;
    text[count] = 0;
    uint64_t stale;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &stale, queued) != 2) return -1;
    *processor = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    return 0;
}
