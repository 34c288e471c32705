#include "json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static bool is_first;

static void quoted(const char *text) {
    putchar('"');
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') printf("\\%c", byte);
        else if (byte < 32) printf("\\u%04x", byte);
        else putchar(byte);
    }
    putchar('"');
}

static void name_member(const char *name) {
    if (!is_first) putchar(',');
    is_first = false;
    quoted(name);
    putchar(':');
}

void json_begin(void) {
    is_first = true;
    putchar('{');
}

void json_text(const char *name, const char *value) {
    name_member(name);
    quoted(value);
}

void json_integer(const char *name, uint64_t value) {
    name_member(name);
    printf("%" PRIu64, value);
}

void json_number(const char *name, double value) {
    name_member(name);
    printf("%.6g", value);
}

void json_integers(const char *name, const uint64_t *values, size_t count) {
    name_member(name);
    putchar('[');
    for (size_t index = 0; index < count; index++) printf("%s%" PRIu64, index ? "," : "", values[index]);
    putchar(']');
}

void json_end(void) {
    puts("}");
    fflush(stdout);
}
