// Rows: 16-byte keys and 100-byte values that no engine can compress, each value tied to its key.
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { KEY_BYTES = 16, VALUE_BYTES = 100, ROW_BYTES = KEY_BYTES + VALUE_BYTES };

typedef struct {
    uint8_t key[KEY_BYTES];
    uint8_t value[VALUE_BYTES];
} row_t;

// A bijection whose results look random (the finalizer of splitmix64): row `index` has the key `row_hash(index)`.
static inline uint64_t row_hash(uint64_t index) {
    index += 0x9e3779b97f4a7c15;
    index = (index ^ index >> 30) * 0xbf58476d1ce4e5b9;
    index = (index ^ index >> 27) * 0x94d049bb133111eb;
    return index ^ index >> 31;
}

static inline void make_key(uint64_t hash, uint8_t *key) {
    uint64_t big_endian = __builtin_bswap64(hash);
    memcpy(key, &big_endian, 8);
    memcpy(key + 8, "redoubt!", 8);
}

static inline uint64_t key_hash(const uint8_t *key) {
    uint64_t big_endian;
    memcpy(&big_endian, key, 8);
    return __builtin_bswap64(big_endian);
}

static inline uint32_t value_seal(uint64_t hash, uint64_t salt) { return (uint32_t)row_hash(hash ^ row_hash(salt)); }

// A value is its hash, its salt (which update wrote it), 80 bytes that follow from both, and a seal over both.
static inline void make_value(uint64_t hash, uint64_t salt, uint8_t *value) {
    uint64_t state = row_hash(hash ^ row_hash(salt));
    uint32_t seal = (uint32_t)state;
    memcpy(value, &hash, 8);
    memcpy(value + 8, &salt, 8);
    for (int offset = 16; offset < 96; offset += 8) {
        state = state * 6364136223846793005 + 1442695040888963407;
        uint64_t word = state ^ state >> 29;
        memcpy(value + offset, &word, 8);
    }
    memcpy(value + 96, &seal, 4);
}

static inline uint64_t value_salt(const uint8_t *value) {
    uint64_t salt;
    memcpy(&salt, value + 8, 8);
    return salt;
}

// Whether both ends of a value fit the key: cheap enough for every read of a benchmark.
static inline bool value_fits(uint64_t hash, const uint8_t *value) {
    uint64_t own;
    uint32_t seal;
    memcpy(&own, value, 8);
    memcpy(&seal, value + 96, 4);
    return own == hash && seal == value_seal(hash, value_salt(value));
}

// Whether every byte of a value fits the key.
static inline bool value_is_whole(uint64_t hash, const uint8_t *value) {
    uint8_t expected[VALUE_BYTES];
    make_value(hash, value_salt(value), expected);
    return memcmp(value, expected, VALUE_BYTES) == 0;
}

static inline void make_row(uint64_t hash, uint64_t salt, row_t *row) {
    make_key(hash, row->key);
    make_value(hash, salt, row->value);
}

#endif
