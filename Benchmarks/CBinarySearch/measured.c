#include "CBinarySearch.h"

__attribute__((noinline)) void redoubt_measured(void (*body)(void *), void *context) {
    body(context);
    // Keeps the call from becoming a jump, which the profiler would not see end.
    __asm__ volatile("" ::: "memory");
}
