// What Swift cannot say on its own: CRC-32C by instruction, the pause hint, futex calls, a per-thread pointer, and
// constants that the importer drops.
#ifndef CREDOUBTSHIMS_H
#define CREDOUBTSHIMS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to start). By instruction where the CPU has it.
uint32_t redoubt_crc32c(uint32_t crc, const void *bytes, size_t length);

/// CRC-32C by table, whatever the CPU has; the reference for tests.
uint32_t redoubt_crc32c_table(uint32_t crc, const void *bytes, size_t length);

/// Tells the CPU that the caller spins.
static inline void redoubt_cpu_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Has the processor fetch the cache line at `address`, which need not be mapped.
static inline void redoubt_prefetch(const void *address) { __builtin_prefetch(address); }

/// How many of the `count` numbers at `heads`, which ascend, are not above `head`. Each is loaded at once, so others
/// may store to them meanwhile; the answer is then any number up to `count`. In C, and on this processor by
/// instruction, because every compiler makes branches of it, which the processor guesses wrong every other time.
__attribute__((always_inline)) static inline size_t redoubt_upper_bound(const void *heads, size_t count,
                                                                        uint32_t head) {
    const uint32_t *base = (const uint32_t *)heads;
    if (count == 0) return 0;
    // A power of two of them: the first, or, if these are all not above, the last, which then overlap the first.
    size_t step = (size_t)1 << (63 - __builtin_clzll(count));
    base = __atomic_load_n(base + step - 1, __ATOMIC_RELAXED) <= head ? base + (count - step) : base;
    while (step >>= 1) {
        const uint32_t *middle = base + step;
#if defined(__x86_64__)
        __asm__("cmpl %[head], -4(%[base],%[step],4)\n\tcmovbeq %[middle], %[base]"
                : [base] "+r"(base), [step] "+r"(step)
                : [middle] "r"(middle), [head] "r"(head), "m"(middle[-1])
                : "cc");
#else
        base = __builtin_unpredictable(__atomic_load_n(middle - 1, __ATOMIC_RELAXED) <= head) ? middle : base;
#endif
    }
    return (size_t)(base - (const uint32_t *)heads) + (__atomic_load_n(base, __ATOMIC_RELAXED) <= head);
}

/// Waits while `*word == expected`, at most `timeout_nanoseconds` (negative: without limit). Returns 0 when woken
/// (perhaps spuriously) or the value differed, 1 when the time ran out.
int redoubt_futex_wait(const void *word, uint32_t expected, int64_t timeout_nanoseconds);

/// Wakes at most `count` threads that wait on `word`.
void redoubt_futex_wake(const void *word, int32_t count);

/// The pointer that the calling thread carries: the simulated scheduler that it belongs to, or null.
void *redoubt_thread_pointer(void);
void redoubt_set_thread_pointer(void *pointer);

/// Whether the calling thread is inside a closure that borrows a page, and so must not enter the engine. In the header,
/// because every call asks.
extern __thread int32_t redoubt_thread_borrows_value;
static inline int32_t redoubt_thread_borrows(void) { return redoubt_thread_borrows_value; }
static inline void redoubt_set_thread_borrows(int32_t borrows) { redoubt_thread_borrows_value = borrows; }

/// A small number for the calling thread, for sharding: consecutive as threads first ask. In the header for the same
/// reason.
extern __thread uint32_t redoubt_thread_ordinal_plus_one;
uint32_t redoubt_new_thread_ordinal(void);
static inline uint32_t redoubt_thread_ordinal(void) {
    uint32_t number = redoubt_thread_ordinal_plus_one;
    return number != 0 ? number - 1 : redoubt_new_thread_ordinal();
}

/// How the waits of the calling thread are accounted.
typedef struct {
    /// The waits that are begun and not ended, one within another.
    uint32_t depth;
    /// Whether it is a thread of the engine itself, whose waits hold up nobody's call.
    uint32_t is_background;
    /// What it does while writers are being slowed down: 0 waits, 1 fails, 2 goes on.
    uint32_t slowdown;
    /// The account that a measurement keeps of the thread, or null.
    void *account;
} redoubt_thread_waits_t;

/// The accounting of the calling thread; valid as long as the thread.
redoubt_thread_waits_t *redoubt_thread_waits(void);

/// Fills in the processor time of the calling thread and, from `descriptor` (its open schedstat), the time that it was
/// ready to run and did not, in nanoseconds. Returns 0, or -1 if the kernel does not say.
int32_t redoubt_thread_times(int descriptor, uint64_t *processor, uint64_t *queued);

/// Names the calling thread; the kernel keeps 15 characters.
void redoubt_set_thread_name(const char *name);

/// Lowers the nice value of the calling thread by `steps`, so that it runs before others; without effect where the
/// process may not. Threads that it starts begin at 0 if it is below that; in a process that is nice itself they may
/// begin as it is.
void redoubt_raise_thread_priority(int32_t steps);

/// The nice value of the calling thread.
int32_t redoubt_thread_nice(void);

/// Monotonic clock in nanoseconds.
uint64_t redoubt_monotonic_nanoseconds(void);

/// The number of processors that the process may run on.
int32_t redoubt_processor_count(void);

/// Binds the calling thread, and those it starts from then on, to one of the processors that it may run on: the one
/// with this number among them, round and round.
void redoubt_pin_thread(uint32_t number);

/// Has the allocator keep memory that was freed instead of giving it back to the kernel; for the whole process.
void redoubt_keep_heap(void);

/// The user time that the process has used, in nanoseconds.
uint64_t redoubt_user_nanoseconds(void);

/// Sleeps, through interruptions.
void redoubt_sleep_nanoseconds(uint64_t nanoseconds);

extern const int32_t redoubt_o_direct;
extern const int32_t redoubt_o_dsync;

/// fallocate(2) that allocates blocks without changing their content; returns 0 or errno.
int redoubt_fallocate(int descriptor, int64_t offset, int64_t length);

/// sync_file_range(2) that writes what is cached of a range and waits for it, and for what was under way before; says
/// nothing of durability. Returns 0 or errno.
int redoubt_drain(int descriptor, int64_t offset, int64_t length);

/// Takes the write lock of the whole open file (F_OFD_SETLK) without waiting; returns 0 or errno.
int redoubt_lock_file(int descriptor);

/// Takes the read lock of the whole open file (F_OFD_SETLK) without waiting; returns 0 or errno.
int redoubt_share_file(int descriptor);

/// Gives the lock of the open file back, also for a child after fork(), which shares the open file; 0 or errno.
int redoubt_unlock_file(int descriptor);

/// Whether another open file holds the write lock: 1 if so, 0 if not, or errno as a negative number.
int redoubt_lock_state(int descriptor);

/// What direct I/O on the file must be aligned to: bytes, 0 if the file has no direct I/O, -1 if the kernel does not
/// say.
int32_t redoubt_direct_alignment(int descriptor);

/// Turns direct I/O off for the open file; returns 0 or errno.
int redoubt_clear_direct(int descriptor);

/// The flag of a write, also of one by libaio, that a power cut leaves whole or not at all (RWF_ATOMIC).
extern const uint32_t redoubt_rwf_atomic;

/// Whether the device, through the file system, takes aligned writes of `bytes` bytes with that flag, at full speed; 0
/// also if the kernel does not say.
int redoubt_can_write_atomically(int descriptor, uint32_t bytes);

/// pwritev2(2) with that flag: the bytes written, or -1 and errno. Nothing is written where it is refused.
int64_t redoubt_write_atomically(int descriptor, const void *bytes, size_t length, int64_t offset);

#ifdef __cplusplus
}
#endif

#endif
