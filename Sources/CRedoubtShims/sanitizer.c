// Shows Swift's Mutex to the thread sanitizer; nothing in a build without it.
//
// The contended paths of Mutex are in a library that is not instrumented, so what happens before an unlock there would
// not seem to happen before the lock that follows. These stand in front of them, and say so.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *mutex
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

void __tsan_acquire(void *address);
void __tsan_release(void *address);

SWIFT void redoubt_lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void redoubt_unlock_slow(SELF) __asm__(UNLOCK);

SWIFT void redoubt_lock_slow(uint32_t thread, SELF) {
    SWIFT void (*lock)(uint32_t, SELF) = (SWIFT void (*)(uint32_t, SELF))dlsym(RTLD_NEXT, LOCK);
    lock(thread, mutex);
    __tsan_acquire(mutex);
}

SWIFT void redoubt_unlock_slow(SELF) {
    SWIFT void (*unlock)(SELF) = (SWIFT void (*)(SELF))dlsym(RTLD_NEXT, UNLOCK);
    __tsan_release(mutex);
    unlock(mutex);
}
#endif
#endif
