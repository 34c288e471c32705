#define _GNU_SOURCE
#include "CBinarySearch.h"

#include <fcntl.h>
#include <string.h>

int cbinarysearch_get(
    const uint8_t *rows, size_t count, size_t key_size, size_t value_size, const uint8_t *key, uint8_t *value) {
    size_t size = key_size + value_size;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(rows + middle * size, key, key_size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || memcmp(rows + low * size, key, key_size) != 0)
        return 0;
    memcpy(value, rows + low * size + key_size, value_size);
    return 1;
}

int cbinarysearch_open_direct(const char *path) {
    int descriptor = open(path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
    return descriptor >= 0 ? descriptor : open(path, O_RDWR | O_DSYNC | O_CLOEXEC);
}
