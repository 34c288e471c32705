// One JSON object on one line of standard output.
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdint.h>

void json_begin(void);
void json_text(const char *name, const char *value);
void json_integer(const char *name, uint64_t value);
// Six significant digits.
void json_number(const char *name, double value);
void json_integers(const char *name, const uint64_t *values, size_t count);
void json_end(void);

#endif
