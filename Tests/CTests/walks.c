/* Cursors, scans and loaders, used as they should be. */
#include "check.h"

/* A database with the rows "b" to "y", of which each second letter is missing. */
static redoubt_database *open_letters(redoubt_keyspace **rows) {
    redoubt_database *database = open_rows(rows);
    for (char letter = 'b'; letter <= 'y'; letter = (char)(letter + 2)) {
        char value[2] = {letter, '!'};
        OK(redoubt_put(*rows, &letter, 1, value, 2, REDOUBT_DEFERRED));
    }
    return database;
}

/* The first byte of the key where a step led, or 0. */
static char letter_of(redoubt_status status, const redoubt_row *row) {
    if (status == REDOUBT_NOT_FOUND) return 0;
    OK(status);
    CHECK(row->key_length == 1 && row->value_length == 2);
    CHECK(((const char *)row->value)[0] == ((const char *)row->key)[0] && ((const char *)row->value)[1] == '!');
    return ((const char *)row->key)[0];
}

static void cursors(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_letters(&rows);
    redoubt_cursor *cursor = NULL;
    redoubt_row row;
    memset(&row, 0, sizeof row);
    OK(redoubt_cursor_open(rows, &cursor));
    STATUS(REDOUBT_NOT_FOUND, redoubt_cursor_row(cursor, &row));
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_AT_LEAST, "d", 1, &row), &row) == 'd');
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_AT_LEAST, "e", 1, &row), &row) == 'f');
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_ABOVE, "d", 1, &row), &row) == 'f');
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_AT_MOST, "d", 1, &row), &row) == 'd');
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_AT_MOST, "c", 1, &row), &row) == 'b');
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_BELOW, "d", 1, &row), &row) == 'b');
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_BELOW, "b", 1, &row), &row) == 0);
    STATUS(REDOUBT_NOT_FOUND, redoubt_cursor_row(cursor, &row));
    CHECK(letter_of(redoubt_cursor_seek(cursor, REDOUBT_ABOVE, "x", 1, &row), &row) == 0);
    CHECK(letter_of(redoubt_cursor_first(cursor, &row), &row) == 'b');
    CHECK(letter_of(redoubt_cursor_next(cursor, &row), &row) == 'd');
    CHECK(letter_of(redoubt_cursor_row(cursor, &row), &row) == 'd');
    CHECK(letter_of(redoubt_cursor_last(cursor, &row), &row) == 'x');
    CHECK(letter_of(redoubt_cursor_previous(cursor, &row), &row) == 'v');
    OK(redoubt_cursor_next(cursor, NULL));
    STATUS(REDOUBT_NOT_FOUND, redoubt_cursor_next(cursor, &row));
    OK(redoubt_cursor_close(cursor));

    OK(redoubt_cursor_open(rows, &cursor));
    int count = 0;
    while (redoubt_cursor_next(cursor, &row) == REDOUBT_OK) count++;
    CHECK(count == 12);
    OK(redoubt_cursor_close(cursor));
    OK(redoubt_cursor_open(rows, &cursor));
    while (redoubt_cursor_previous(cursor, &row) == REDOUBT_OK) count++;
    CHECK(count == 24);
    OK(redoubt_cursor_close(cursor));
    OK(redoubt_close(database));
}

static void cursor_values(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    redoubt_cursor *cursor = NULL;
    redoubt_row row;
    char *value = (char *)malloc(100000);
    memset(value, 'v', 100000);
    OK(redoubt_put(rows, "a", 1, NULL, 0, REDOUBT_DEFERRED));
    OK(redoubt_put(rows, "b", 1, value, 100000, REDOUBT_DEFERRED));
    OK(redoubt_cursor_open(rows, &cursor));
    OK(redoubt_cursor_next(cursor, &row));
    CHECK(row.value != NULL && row.value_length == 0);
    OK(redoubt_cursor_next(cursor, &row));
    CHECK(row.value_length == 100000 && memcmp(row.value, value, 100000) == 0);
    /* The row stays as it was when the cursor reached it. */
    OK(redoubt_delete(rows, "b", 1, REDOUBT_DEFERRED));
    OK(redoubt_cursor_row(cursor, &row));
    CHECK(row.value_length == 100000 && memcmp(row.value, value, 100000) == 0);
    free(value);
    OK(redoubt_cursor_close(cursor));
    OK(redoubt_close(database));
}

typedef struct {
    redoubt_keyspace *rows;
    redoubt_database *database;
    char seen[32];
    int count, limit;
    size_t last_length;
    const void *last_value;
} visit_log;

static int note(void *context, const redoubt_row *row) {
    visit_log *log = (visit_log *)context;
    log->seen[log->count++] = ((const char *)row->key)[0];
    log->last_length = row->value_length;
    log->last_value = row->value;
    return log->count == log->limit;
}

static const char *scan(redoubt_keyspace *rows, const char *lower, const char *upper, int limit) {
    static visit_log log;
    memset(&log, 0, sizeof log);
    log.limit = limit;
    OK(redoubt_scan(rows, lower, lower == NULL ? 0 : strlen(lower), upper, upper == NULL ? 0 : strlen(upper), note,
                    &log));
    return log.seen;
}

static void scans(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_letters(&rows);
    CHECK(strcmp(scan(rows, NULL, NULL, 0), "bdfhjlnprtvx") == 0);
    CHECK(strcmp(scan(rows, "d", "h", 0), "df") == 0);
    CHECK(strcmp(scan(rows, "e", NULL, 2), "fh") == 0);
    CHECK(strcmp(scan(rows, NULL, "f", 0), "bd") == 0);
    CHECK(strcmp(scan(rows, "", "f", 0), "bd") == 0);
    CHECK(strcmp(scan(rows, "h", "d", 0), "") == 0);
    CHECK(strcmp(scan(rows, NULL, "", 0), "") == 0);
    CHECK(strcmp(scan(rows, "y", NULL, 0), "") == 0);
    char *value = (char *)calloc(1, 20000);
    OK(redoubt_put(rows, "z", 1, value, 20000, REDOUBT_DEFERRED));
    OK(redoubt_put(rows, "y", 1, NULL, 0, REDOUBT_DEFERRED));
    free(value);
    visit_log log;
    memset(&log, 0, sizeof log);
    OK(redoubt_scan(rows, "z", 1, NULL, 0, note, &log));
    CHECK(log.count == 1 && log.last_length == 20000 && log.last_value == NULL);
    memset(&log, 0, sizeof log);
    OK(redoubt_scan(rows, "y", 1, "z", 1, note, &log));
    CHECK(log.count == 1 && log.last_length == 0 && log.last_value != NULL);
    OK(redoubt_close(database));
}

/* Calls everything that could wait for the page that it is lent. */
static int reenter(void *context, const redoubt_row *row) {
    visit_log *log = (visit_log *)context;
    redoubt_batch *batch = NULL;
    redoubt_cursor *cursor = NULL;
    redoubt_database *second = NULL;
    const char *text = NULL;
    log->count += row->key_length > 0;
    STATUS(REDOUBT_REENTERED, redoubt_close(log->database));
    STATUS(REDOUBT_REENTERED, redoubt_put(log->rows, "b", 1, "c", 1, REDOUBT_DEFERRED));
    STATUS(REDOUBT_REENTERED, redoubt_get_length(log->rows, "b", 1, NULL));
    STATUS(REDOUBT_REENTERED, redoubt_scan(log->rows, NULL, 0, NULL, 0, reenter, context));
    STATUS(REDOUBT_REENTERED, redoubt_batch_create(log->database, &batch));
    STATUS(REDOUBT_REENTERED, redoubt_cursor_open(log->rows, &cursor));
    STATUS(REDOUBT_REENTERED, redoubt_status_report(log->database, &text));
    STATUS(REDOUBT_REENTERED, redoubt_open(new_path(), NULL, 0, &second));
    CHECK(strncmp(redoubt_message(), "reentered", 9) == 0);
    return 1;
}

static void reentries(void) {
    visit_log log;
    memset(&log, 0, sizeof log);
    log.database = open_letters(&log.rows);
    OK(redoubt_scan(log.rows, NULL, 0, NULL, 0, reenter, &log));
    CHECK(log.count == 1);
    OK(redoubt_put(log.rows, "b", 1, "c", 1, REDOUBT_DEFERRED));
    OK(redoubt_close(log.database));
}

static int count_rows(void *context, const redoubt_row *row) {
    *(int *)context += row->value_length == 100;
    return 0;
}

static void loaders(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    redoubt_loader *loader = NULL;
    char value[100], key[8];
    memset(value, 'l', sizeof value);
    OK(redoubt_loader_create(rows, 0, &loader));
    for (int index = 0; index < 3000; index++) {
        snprintf(key, sizeof key, "%06d", index);
        OK(redoubt_loader_add(loader, key, 6, value, sizeof value));
    }
    OK(redoubt_loader_finish(loader, REDOUBT_WRITTEN));
    int count = 0;
    OK(redoubt_scan(rows, NULL, 0, NULL, 0, count_rows, &count));
    CHECK(count == 3000);
    /* It begins again, and takes what does not ascend. */
    OK(redoubt_loader_add(loader, "z", 1, value, sizeof value));
    OK(redoubt_loader_add(loader, "a", 1, value, sizeof value));
    OK(redoubt_loader_finish(loader, REDOUBT_DEFAULT));
    OK(redoubt_loader_finish(loader, REDOUBT_DEFAULT));
    OK(redoubt_loader_close(loader));
    count = 0;
    OK(redoubt_scan(rows, NULL, 0, NULL, 0, count_rows, &count));
    CHECK(count == 3002);
    OK(redoubt_loader_create(rows, 10, &loader));
    OK(redoubt_loader_add(loader, "zz", 2, value, sizeof value));
    OK(redoubt_loader_close(loader));
    OK(redoubt_close(database));
}

const test walk_tests[] = {
    {"a cursor finds rows by every bound, and walks both ways", cursors},
    {"a cursor has a copy of its row, however long", cursor_values},
    {"a scan lends the rows of its range", scans},
    {"a visitor that calls the library is told so", reentries},
    {"a loader puts rows that ascend, and others too", loaders},
    {NULL, NULL},
};
