/* Keyspaces, options and statistics, used as they should be. */
#include "check.h"

#include <sys/stat.h>

static void keyspaces(void) {
    redoubt_keyspace *rows = NULL, *again = NULL, *other = NULL, *newer = NULL;
    char long_name[202];
    redoubt_database *database = open_rows(&rows);
    const char *text = NULL;
    size_t count = 99;
    memset(long_name, 'n', 201);
    long_name[201] = 0;
    OK(redoubt_keyspace_open(database, "rows", 0, &again));
    CHECK(again == rows);
    STATUS(REDOUBT_KEYSPACE_NOT_FOUND, redoubt_keyspace_open(database, "none", 0, &other));
    CHECK(other == NULL);
    OK(redoubt_keyspace_create(database, "a", &other));
    CHECK(other != NULL && other != rows);
    OK(redoubt_keyspace_create(database, "\xc3\xa4", NULL));
    STATUS(REDOUBT_KEYSPACE_EXISTS, redoubt_keyspace_create(database, "a", &newer));
    OK(redoubt_keyspace_names(database, &text, &count));
    CHECK(count == 3 && memcmp(text, "a\0rows\0\xc3\xa4\0", 10) == 0);
    put_text(other, "k", "v");
    OK(redoubt_keyspace_rename(database, "a", "b"));
    CHECK(get_text(other, "k")[0] == 'v');
    OK(redoubt_keyspace_create(database, "a", &newer));
    CHECK(newer != other && get_text(newer, "k")[0] == 0);
    OK(redoubt_keyspace_drop(database, "b"));
    STATUS(REDOUBT_KEYSPACE_NOT_FOUND, redoubt_get_length(other, "k", 1, NULL));
    STATUS(REDOUBT_KEYSPACE_NOT_FOUND, redoubt_put(other, "k", 1, "v", 1, REDOUBT_DEFERRED));
    STATUS(REDOUBT_KEYSPACE_NOT_FOUND, redoubt_keyspace_drop(database, "b"));
    STATUS(REDOUBT_KEYSPACE_NOT_FOUND, redoubt_keyspace_rename(database, "b", "c"));
    STATUS(REDOUBT_KEYSPACE_EXISTS, redoubt_keyspace_rename(database, "a", "rows"));
    STATUS(REDOUBT_INVALID_NAME, redoubt_keyspace_create(database, "", NULL));
    STATUS(REDOUBT_INVALID_NAME, redoubt_keyspace_create(database, long_name, NULL));
    OK(redoubt_keyspace_open(database, "b", 1, &again));
    CHECK(again != other);
    OK(redoubt_close(database));
}

static void options(void) {
    const char *given[] = {"memory=16 MiB", "memoryMaximum=32MiB", "durability=deferred", "flushing.policy=mariadb",
                           "flushing.targetRecoveryTime=1500 ms", "bufferPool.randomReadAhead=true",
                           "flushing.ioCapacity=automatic", "redoLog.capacity=8388608", "redoLog.bufferCapacity=1 MiB"};
    redoubt_database *database = NULL;
    const char *text = NULL;
    OK(redoubt_open(new_path(), given, 9, &database));
    OK(redoubt_option(database, "memory", &text));
    CHECK(strcmp(text, "16 MiB") == 0);
    OK(redoubt_option(database, "flushing.targetRecoveryTime", &text));
    CHECK(strcmp(text, "1500 ms") == 0);
    OK(redoubt_option(database, "durability", &text));
    CHECK(strcmp(text, "deferred") == 0);
    const char *changes[] = {"durability=written", "flushing.ioCapacity=500", "memory=24 MiB"};
    OK(redoubt_change(database, changes, 3));
    OK(redoubt_option(database, "flushing.ioCapacity", &text));
    CHECK(strcmp(text, "500") == 0);
    OK(redoubt_change(database, NULL, 0));
    const char *wrong[] = {"durability=flushed", "flushing.ioCapacity=1"};
    STATUS(REDOUBT_INVALID_CONFIGURATION, redoubt_change(database, wrong, 2));
    const char *fixed[] = {"durability=flushed", "storage.queueDepth=8"};
    STATUS(REDOUBT_INVALID_CONFIGURATION, redoubt_change(database, fixed, 2));
    CHECK(strstr(redoubt_message(), "storage.queueDepth") != NULL);
    const char *unknown[] = {"durability=flushed", "nothing=1"};
    STATUS(REDOUBT_INVALID_CONFIGURATION, redoubt_change(database, unknown, 2));
    OK(redoubt_option(database, "durability", &text));
    CHECK(strcmp(text, "written") == 0);
    OK(redoubt_close(database));
}

static void option_names(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    char settings[64][100];
    const char *pointers[64];
    size_t count = 0;
    for (; redoubt_option_name(count) != NULL && count < 64; count++) {
        const char *text = NULL;
        OK(redoubt_option(database, redoubt_option_name(count), &text));
        snprintf(settings[count], sizeof settings[0], "%s=%s", redoubt_option_name(count), text);
        pointers[count] = settings[count];
    }
    CHECK(count > 30 && count < 64 && redoubt_option_name(SIZE_MAX) == NULL);
    /* Every value is one that can be given: now, because nothing changes, and at an opening. */
    OK(redoubt_change(database, pointers, count));
    OK(redoubt_close(database));
    OK(redoubt_open(new_path(), pointers, count, &database));
    OK(redoubt_close(database));
}

static void bad_options(void) {
    const char *texts[] = {"memory", "=1", "memory=", "memory=-1", "memory=12 XB", "memory=64 ", "memory=1",
                           "memory=99999999999999999999", "memory=17179869184 GiB", "durability=maybe",
                           "createIfMissing=yes", "flushing.targetRecoveryTime=30", "flushing.policy=MySQL80",
                           "policy=mysql80", "flushing.targetRecoveryTime=9223372036854775807 s"};
    redoubt_database *database = NULL;
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        STATUS(REDOUBT_INVALID_CONFIGURATION, redoubt_open(new_path(), &texts[index], 1, &database));
        CHECK(database == NULL && strncmp(redoubt_message(), "invalidConfiguration: ", 22) == 0);
    }
    const char *latin = "memory=\xe4";
    STATUS(REDOUBT_INVALID_ARGUMENT, redoubt_open(new_path(), &latin, 1, &database));
}

static void statistics(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    uint64_t values[512], one = 99;
    size_t count = 0;
    put_text(rows, "a", "b");
    OK(redoubt_flush(database));
    OK(redoubt_statistics(database, values, 512, &count));
    CHECK(count > 50 && count < 512);
    for (size_t index = 0; index < count; index++) {
        CHECK(redoubt_statistic_name(index) != NULL);
        if (strcmp(redoubt_statistic_name(index), "keyspaces") == 0) CHECK(values[index] == 1);
    }
    CHECK(redoubt_statistic_name(count) == NULL && redoubt_statistic_name(SIZE_MAX) == NULL);
    values[1] = 4711;
    OK(redoubt_statistics(database, values, 1, NULL));
    CHECK(values[1] == 4711);
    OK(redoubt_statistics(database, NULL, 0, &count));
    OK(redoubt_statistic(database, "flushedLSN", &one));
    CHECK(one > 0);
    STATUS(REDOUBT_INVALID_ARGUMENT, redoubt_statistic(database, "none", &one));
    const char *report = NULL, *metrics = NULL;
    OK(redoubt_status_report(database, &report));
    CHECK(strstr(report, "END OF REDOUBT STATUS") != NULL);
    OK(redoubt_metrics(database, &metrics));
    CHECK(strstr(metrics, "# TYPE redoubt_") != NULL);
    OK(redoubt_close(database));
}

static void read_only(void) {
    const char *path = new_path();
    redoubt_database *database = NULL, *second = NULL;
    redoubt_keyspace *rows = NULL;
    STATUS(REDOUBT_PATH_NOT_FOUND, redoubt_open_read_only(path, NULL, 0, &database));
    database = open_small(path);
    OK(redoubt_keyspace_open(database, "rows", 1, &rows));
    put_text(rows, "a", "b");
    STATUS(REDOUBT_ALREADY_OPEN, redoubt_open(path, NULL, 0, &second));
    STATUS(REDOUBT_ALREADY_OPEN, redoubt_open_read_only(path, NULL, 0, &second));
    OK(redoubt_close(database));
    OK(redoubt_open_read_only(path, NULL, 0, &database));
    OK(redoubt_keyspace_open(database, "rows", 0, &rows));
    CHECK(get_text(rows, "a")[0] == 'b');
    STATUS(REDOUBT_READ_ONLY, redoubt_put(rows, "a", 1, "c", 1, REDOUBT_DEFERRED));
    STATUS(REDOUBT_READ_ONLY, redoubt_keyspace_create(database, "new", NULL));
    STATUS(REDOUBT_READ_ONLY, redoubt_keyspace_drop(database, "rows"));
    OK(redoubt_close(database));
}

static void missing(void) {
    const char *keep[] = {"createIfMissing=false"};
    redoubt_database *database = NULL;
    STATUS(REDOUBT_PATH_NOT_FOUND, redoubt_open(new_path(), keep, 1, &database));
    /* A folder with a file that has the name of a catalog. */
    const char *path = new_path();
    char name[300];
    CHECK(mkdir(path, 0700) == 0);
    snprintf(name, sizeof name, "%s/catalog.ibd", path);
    FILE *file = fopen(name, "w");
    CHECK(file != NULL && fputs("no catalog", file) >= 0 && fclose(file) == 0);
    redoubt_status status = redoubt_open(path, NULL, 0, &database);
    CHECK(status == REDOUBT_NOT_A_DATABASE || status == REDOUBT_MISSING_FILE || status == REDOUBT_CORRUPT_PAGE);
    CHECK(database == NULL && strncmp(redoubt_message(), redoubt_status_name(status), 5) == 0);
}

const test text_tests[] = {
    {"keyspaces are created, listed, renamed and dropped", keyspaces},
    {"options are given, read and changed by name", options},
    {"the text of every option can be given again", option_names},
    {"an option that is none, or a value that is none, is refused", bad_options},
    {"statistics come together, one by one, and as texts", statistics},
    {"a database that is open for reading takes no writes", read_only},
    {"what is no database is not opened", missing},
    {NULL, NULL},
};
