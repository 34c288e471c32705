// What the engine is measured against: the same rows in one sorted array, searched with memcmp.
#ifndef CBINARYSEARCH_H
#define CBINARYSEARCH_H

#include <stddef.h>
#include <stdint.h>

/// Searches `count` rows of `key_size + value_size` bytes each, sorted by key, and copies the value.
///
/// Returns 1 if found.
int cbinarysearch_get(
    const uint8_t *rows, size_t count, size_t key_size, size_t value_size, const uint8_t *key, uint8_t *value);

/// A file opened with O_DIRECT | O_DSYNC, or without O_DIRECT where the file system refuses; -1 on failure.
int cbinarysearch_open_direct(const char *path);

/// Calls `body` with `context`: a function with a name of its own, which tells a profiler when to count.
void redoubt_measured(void (*body)(void *), void *context);

#endif
