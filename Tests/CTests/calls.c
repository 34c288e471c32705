/* Rows and batches, used as they should be. */
#include "check.h"

static void versions(void) {
    CHECK(strcmp(redoubt_version(), REDOUBT_VERSION) == 0);
    CHECK(redoubt_abi_version() == REDOUBT_ABI_VERSION);
    CHECK(strcmp(redoubt_status_name(REDOUBT_OK), "ok") == 0);
    CHECK(strcmp(redoubt_status_name(REDOUBT_DISK_FULL), "diskFull") == 0);
    CHECK(strcmp(redoubt_status_name(12345), "unknown") == 0);
    CHECK(strcmp(redoubt_status_name(-1), "unknown") == 0);
}

static void survives(void) {
    const char *path = new_path();
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_small(path);
    OK(redoubt_keyspace_open(database, "rows", 1, &rows));
    OK(redoubt_put(rows, "a", 1, "1", 1, REDOUBT_FLUSHED));
    OK(redoubt_put(rows, "b", 1, "2", 1, REDOUBT_WRITTEN));
    OK(redoubt_put(rows, "c", 1, "3", 1, REDOUBT_DEFERRED));
    OK(redoubt_put(rows, "d", 1, "4", 1, REDOUBT_DEFAULT));
    OK(redoubt_put(rows, "e", 1, NULL, 0, REDOUBT_DEFAULT | REDOUBT_REFUSE_SLOWDOWN));
    OK(redoubt_flush(database));
    OK(redoubt_checkpoint(database));
    OK(redoubt_close(database));
    database = open_small(path);
    OK(redoubt_keyspace_open(database, "rows", 0, &rows));
    CHECK(strcmp(get_text(rows, "a"), "1") == 0);
    CHECK(strcmp(get_text(rows, "d"), "4") == 0);
    size_t length = 99;
    OK(redoubt_get_length(rows, "e", 1, &length));
    CHECK(length == 0);
    OK(redoubt_close(database));
}

static void lengths(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    char buffer[8];
    size_t length = 99;
    put_text(rows, "key", "0123456789");
    memset(buffer, 'x', sizeof buffer);
    STATUS(REDOUBT_BUFFER_TOO_SMALL, redoubt_get(rows, "key", 3, buffer, 4, &length));
    CHECK(length == 10 && memcmp(buffer, "0123xxxx", 8) == 0);
    STATUS(REDOUBT_BUFFER_TOO_SMALL, redoubt_get(rows, "key", 3, NULL, 0, &length));
    STATUS(REDOUBT_BUFFER_TOO_SMALL, redoubt_get(rows, "key", 3, buffer, 4, NULL));
    length = 99;
    OK(redoubt_get_length(rows, "key", 3, &length));
    CHECK(length == 10);
    OK(redoubt_get_length(rows, "key", 3, NULL));
    length = 99;
    STATUS(REDOUBT_NOT_FOUND, redoubt_get(rows, "kez", 3, buffer, sizeof buffer, &length));
    STATUS(REDOUBT_NOT_FOUND, redoubt_get_length(rows, "ke", 2, &length));
    CHECK(length == 99);
    size_t copied = 99;
    OK(redoubt_get_part(rows, "key", 3, 7, buffer, sizeof buffer, &copied, &length));
    CHECK(copied == 3 && length == 10 && memcmp(buffer, "789", 3) == 0);
    OK(redoubt_get_part(rows, "key", 3, UINT64_MAX, buffer, sizeof buffer, &copied, NULL));
    CHECK(copied == 0);
    STATUS(REDOUBT_NOT_FOUND, redoubt_get_part(rows, "kez", 3, 0, buffer, sizeof buffer, NULL, NULL));
    OK(redoubt_close(database));
}

static void long_values(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    size_t size = 300001, length = 0, copied = 0;
    unsigned char *value = (unsigned char *)malloc(size), *read = (unsigned char *)malloc(size);
    for (size_t index = 0; index < size; index++) value[index] = (unsigned char)(index * 31 + index / 251);
    OK(redoubt_put(rows, "long", 4, value, size, REDOUBT_DEFERRED));
    OK(redoubt_get(rows, "long", 4, read, size, &length));
    CHECK(length == size && memcmp(value, read, size) == 0);
    memset(read, 0, size);
    STATUS(REDOUBT_BUFFER_TOO_SMALL, redoubt_get(rows, "long", 4, read, 20000, &length));
    CHECK(length == size && memcmp(value, read, 20000) == 0 && read[20000] == 0);
    /* Parts that begin and end within, at and across the pieces that the engine hands over. */
    size_t offsets[] = {0, 1, 16329, 16330, 16331, 150000, 299999, 300000, 300001, 400000};
    for (size_t index = 0; index < sizeof offsets / sizeof offsets[0]; index++) {
        size_t offset = offsets[index];
        size_t expected = offset >= size ? 0 : size - offset < 40000 ? size - offset : 40000;
        OK(redoubt_get_part(rows, "long", 4, offset, read, 40000, &copied, &length));
        CHECK(copied == expected && length == size && memcmp(value + (expected > 0 ? offset : 0), read, copied) == 0);
    }
    unsigned char key[3072];
    memset(key, 0, sizeof key);
    OK(redoubt_put(rows, key, sizeof key, "zeros", 5, REDOUBT_DEFERRED));
    OK(redoubt_get(rows, key, sizeof key, read, size, &length));
    CHECK(length == 5);
    free(value);
    free(read);
    OK(redoubt_close(database));
}

static void removals(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    for (char letter = 'a'; letter <= 'j'; letter++) OK(redoubt_put(rows, &letter, 1, &letter, 1, REDOUBT_DEFERRED));
    OK(redoubt_delete(rows, "a", 1, REDOUBT_DEFERRED));
    STATUS(REDOUBT_NOT_FOUND, redoubt_delete(rows, "a", 1, REDOUBT_DEFERRED));
    uint64_t removed = 99;
    OK(redoubt_delete_range(rows, "c", 1, "e", 1, REDOUBT_DEFERRED, &removed));
    CHECK(removed == 2);
    CHECK(get_text(rows, "b")[0] == 'b' && get_text(rows, "c")[0] == 0 && get_text(rows, "e")[0] == 'e');
    OK(redoubt_delete_range(rows, "i", 1, "b", 1, REDOUBT_DEFERRED, &removed));
    CHECK(removed == 0);
    OK(redoubt_delete_range(rows, NULL, 0, "", 0, REDOUBT_DEFERRED, &removed));
    CHECK(removed == 0);
    OK(redoubt_delete_range(rows, "j", 1, NULL, 0, REDOUBT_DEFERRED, &removed));
    CHECK(removed == 1);
    OK(redoubt_delete_range(rows, "", 0, NULL, 0, REDOUBT_DEFERRED, NULL));
    OK(redoubt_delete_range(rows, NULL, 0, NULL, 0, REDOUBT_FLUSHED, &removed));
    CHECK(removed == 0);
    OK(redoubt_close(database));
}

static void comparisons(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    int32_t applied = 99;
    OK(redoubt_compare_and_put(rows, "k", 1, "x", 1, "y", 1, REDOUBT_DEFERRED, &applied));
    CHECK(applied == 0);
    OK(redoubt_compare_and_put(rows, "k", 1, NULL, 0, "", 0, REDOUBT_DEFERRED, &applied));
    CHECK(applied == 1);
    OK(redoubt_compare_and_put(rows, "k", 1, NULL, 0, "z", 1, REDOUBT_DEFERRED, &applied));
    CHECK(applied == 0);
    OK(redoubt_compare_and_put(rows, "k", 1, "", 0, "z", 1, REDOUBT_DEFERRED, &applied));
    CHECK(applied == 1 && get_text(rows, "k")[0] == 'z');
    OK(redoubt_compare_and_put(rows, "k", 1, "z", 1, NULL, 0, REDOUBT_WRITTEN, &applied));
    CHECK(applied == 1);
    STATUS(REDOUBT_NOT_FOUND, redoubt_get_length(rows, "k", 1, NULL));
    OK(redoubt_close(database));
}

static void batches(void) {
    redoubt_keyspace *rows = NULL, *others = NULL;
    redoubt_database *database = open_rows(&rows);
    redoubt_batch *batch = NULL;
    size_t count = 99, bytes = 99;
    OK(redoubt_keyspace_open(database, "others", 1, &others));
    put_text(rows, "old", "1");
    OK(redoubt_batch_create(database, &batch));
    OK(redoubt_batch_write(batch, REDOUBT_FLUSHED));
    OK(redoubt_batch_put(batch, rows, "a", 1, "first", 5));
    OK(redoubt_batch_put(batch, rows, "a", 1, "last", 4));
    OK(redoubt_batch_put(batch, others, "b", 1, NULL, 0));
    OK(redoubt_batch_delete(batch, rows, "old", 3));
    OK(redoubt_batch_delete(batch, rows, "never", 5));
    OK(redoubt_batch_count(batch, &count, &bytes));
    CHECK(count == 5 && bytes == 20);
    CHECK(get_text(rows, "a")[0] == 0);
    OK(redoubt_batch_write(batch, REDOUBT_WRITTEN | REDOUBT_REFUSE_SLOWDOWN));
    CHECK(strcmp(get_text(rows, "a"), "last") == 0 && get_text(rows, "old")[0] == 0);
    OK(redoubt_get_length(others, "b", 1, &count));
    CHECK(count == 0);
    OK(redoubt_batch_count(batch, &count, NULL));
    CHECK(count == 0);
    OK(redoubt_batch_put(batch, rows, "gone", 4, "x", 1));
    OK(redoubt_batch_clear(batch));
    OK(redoubt_batch_count(batch, NULL, &bytes));
    CHECK(bytes == 0);
    OK(redoubt_batch_put(batch, rows, "unwritten", 9, "x", 1));
    OK(redoubt_batch_close(batch));
    CHECK(get_text(rows, "gone")[0] == 0 && get_text(rows, "unwritten")[0] == 0);
    OK(redoubt_close(database));
}

static void large_batch(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    redoubt_batch *batch = NULL;
    static char value[8000];
    OK(redoubt_batch_create(database, &batch));
    for (int index = 0; index < 4000; index++)
        OK(redoubt_batch_put(batch, rows, &index, sizeof index, value, sizeof value));
    STATUS(REDOUBT_BATCH_TOO_LARGE, redoubt_batch_write(batch, REDOUBT_DEFERRED));
    CHECK(strstr(redoubt_message(), "batchTooLarge") != NULL);
    size_t count = 99;
    OK(redoubt_batch_count(batch, &count, NULL));
    CHECK(count == 0);
    int first = 0;
    STATUS(REDOUBT_NOT_FOUND, redoubt_get_length(rows, &first, sizeof first, NULL));
    OK(redoubt_batch_close(batch));
    OK(redoubt_close(database));
}

const test call_tests[] = {
    {"the library says its version, and the name of every status", versions},
    {"rows survive closing and opening", survives},
    {"a get says the length, and copies what fits", lengths},
    {"long values and long keys come back, also in parts", long_values},
    {"rows are removed one by one and by range", removals},
    {"a value is changed if it is what is expected", comparisons},
    {"a batch makes all its changes, and can collect again", batches},
    {"a batch that is too large changes nothing", large_batch},
    {NULL, NULL},
};
