/*
 * Gets rows of a database in memory, for callgrind: the difference of two runs, by their numbers of calls, is the cost
 * of a call.
 *
 *     gets DIR get|length|next|open|scan CALLS
 */
#include <redoubt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 200000 };

static void expect(redoubt_status status) {
    if (status == REDOUBT_OK) return;
    fprintf(stderr, "gets: %s\n", redoubt_message());
    exit(1);
}

static int sum(void *context, const redoubt_row *row) {
    *(size_t *)context += row->value_length;
    return 0;
}

static void load(redoubt_keyspace *rows) {
    redoubt_loader *loader = NULL;
    char key[20], value[100];
    memset(value, 'v', sizeof value);
    expect(redoubt_loader_create(rows, 0, &loader));
    for (int index = 0; index < ROWS; index++) {
        snprintf(key, sizeof key, "%016d", index);
        expect(redoubt_loader_add(loader, key, 16, value, sizeof value));
    }
    expect(redoubt_loader_finish(loader, REDOUBT_FLUSHED));
    expect(redoubt_loader_close(loader));
}

static void call(redoubt_keyspace *rows, const char *what, long calls) {
    redoubt_cursor *cursor = NULL, *other = NULL;
    redoubt_row row;
    unsigned long random = 88172645463325252ul;
    char key[16], value[128];
    size_t length = 0;
    expect(redoubt_cursor_open(rows, &cursor));
    for (long index = 0; index < calls; index++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        unsigned long number = random % ROWS;
        for (int digit = 15; digit >= 0; digit--, number /= 10) key[digit] = (char)('0' + number % 10);
        if (what[0] == 'g') expect(redoubt_get(rows, key, 16, value, sizeof value, &length));
        if (what[0] == 'l') expect(redoubt_get_length(rows, key, 16, &length));
        if (what[0] == 'n' && redoubt_cursor_next(cursor, &row) != REDOUBT_OK) redoubt_cursor_first(cursor, &row);
        if (what[0] == 'o') {
            expect(redoubt_cursor_open(rows, &other));
            expect(redoubt_cursor_close(other));
        }
        if (what[0] == 's') expect(redoubt_scan(rows, NULL, 0, NULL, 0, sum, &length));
    }
    expect(redoubt_cursor_close(cursor));
}

int main(int count, char **arguments) {
    redoubt_database *database = NULL;
    redoubt_keyspace *rows = NULL;
    if (count != 4) return 2;
    expect(redoubt_open(arguments[1], NULL, 0, &database));
    expect(redoubt_keyspace_open(database, "rows", 1, &rows));
    if (redoubt_get_length(rows, "0000000000000000", 16, NULL) == REDOUBT_NOT_FOUND) load(rows);
    call(rows, arguments[2], atol(arguments[3]));
    expect(redoubt_close(database));
    return 0;
}
