#include "CRedoubtShims.h"

#include <string.h>

// The reflected Castagnoli polynomial.
#define POLYNOMIAL 0x82f63b78u

static uint32_t table[8][256];

__attribute__((constructor)) static void make_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
        table[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int slice = 1; slice < 8; slice++)
            table[slice][byte] = (table[slice - 1][byte] >> 8) ^ table[0][table[slice - 1][byte] & 0xff];
}

uint32_t redoubt_crc32c_table(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word ^= crc;
        crc = table[7][word & 0xff] ^ table[6][(word >> 8) & 0xff] ^ table[5][(word >> 16) & 0xff] ^
              table[4][(word >> 24) & 0xff] ^ table[3][(word >> 32) & 0xff] ^ table[2][(word >> 40) & 0xff] ^
              table[1][(word >> 48) & 0xff] ^ table[0][word >> 56];
        at += 8;
        length -= 8;
    }
    while (length-- > 0) crc = (crc >> 8) ^ table[0][(crc ^ *at++) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

// Three streams at once hide the three-cycle latency of the instruction; their results are joined by a multiplication
// with x^(8 * LANE) modulo the polynomial, done by table for the one lane length in use.
#define LANE 1024

static uint32_t shift_table[4][256];
static int has_sse42;

static uint32_t shift_once(const uint32_t *matrix, uint32_t vector) {
    uint32_t sum = 0;
    for (; vector; vector >>= 1, matrix++)
        if (vector & 1) sum ^= *matrix;
    return sum;
}

static void square(uint32_t *result, const uint32_t *matrix) {
    for (int row = 0; row < 32; row++) result[row] = shift_once(matrix, matrix[row]);
}

__attribute__((constructor)) static void make_shift_table(void) {
    uint32_t even[32], odd[32];
    __builtin_cpu_init();
    has_sse42 = __builtin_cpu_supports("sse4.2");
    odd[0] = POLYNOMIAL;
    for (int row = 1; row < 32; row++) odd[row] = 1u << (row - 1);
    // `odd` shifts by one bit; each squaring doubles: LANE bytes are 2^13 bits.
    uint32_t *from = odd, *to = even;
    for (int doubling = 0; doubling < 13; doubling++) {
        square(to, from);
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int position = 0; position < 4; position++)
            shift_table[position][byte] = shift_once(from, byte << (8 * position));
}

static inline uint32_t shift_lane(uint32_t crc) {
    return shift_table[0][crc & 0xff] ^ shift_table[1][(crc >> 8) & 0xff] ^ shift_table[2][(crc >> 16) & 0xff] ^
           shift_table[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *at, size_t length) {
    uint64_t a = ~crc;
    while (length >= 3 * LANE) {
        uint64_t b = 0, c = 0;
        for (size_t offset = 0; offset < LANE; offset += 8) {
            uint64_t wa, wb, wc;
            memcpy(&wa, at + offset, 8);
            memcpy(&wb, at + LANE + offset, 8);
            memcpy(&wc, at + 2 * LANE + offset, 8);
            a = __builtin_ia32_crc32di(a, wa);
            b = __builtin_ia32_crc32di(b, wb);
            c = __builtin_ia32_crc32di(c, wc);
        }
        a = shift_lane((uint32_t)a) ^ b;
        a = shift_lane((uint32_t)a) ^ c;
        at += 3 * LANE;
        length -= 3 * LANE;
    }
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        a = __builtin_ia32_crc32di(a, word);
        at += 8;
        length -= 8;
    }
    uint32_t rest = (uint32_t)a;
    while (length-- > 0) rest = __builtin_ia32_crc32qi(rest, *at++);
    return ~rest;
}

#endif

uint32_t redoubt_crc32c(uint32_t crc, const void *bytes, size_t length) {
#if defined(__x86_64__)
    if (has_sse42) return crc32c_sse42(crc, bytes, length);
#endif
    return redoubt_crc32c_table(crc, bytes, length);
}
