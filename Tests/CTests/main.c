/*
 * Runs the tests of the C interface, or those whose sentence contains the first argument. With "--crash PATH" it makes
 * a database there and kills itself, for a test.
 */
#include "check.h"

#include <signal.h>

static char folder[200];
static int failures;
static const char *running = "";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int check(int holds, const char *what, const char *file, int line) {
    if (holds) return 1;
    pthread_mutex_lock(&lock);
    failures++;
    printf("%s:%d: %s: does not hold: %s\n", file, line, running, what);
    pthread_mutex_unlock(&lock);
    return 0;
}

int check_status(redoubt_status expected, redoubt_status status, const char *what, const char *file, int line) {
    if (status == expected) return 1;
    pthread_mutex_lock(&lock);
    failures++;
    printf("%s:%d: %s: %s returned %s (%s), not %s\n", file, line, running, what, redoubt_status_name(status),
           redoubt_message(), redoubt_status_name(expected));
    pthread_mutex_unlock(&lock);
    return 0;
}

int check_count(void) {
    pthread_mutex_lock(&lock);
    int count = failures;
    pthread_mutex_unlock(&lock);
    return count;
}

const char *new_path(void) {
    static char paths[1000][240];
    static int count;
    pthread_mutex_lock(&lock);
    if (count == 1000) abort();
    char *path = paths[count];
    snprintf(path, sizeof paths[0], "%s/%d", folder, count++);
    pthread_mutex_unlock(&lock);
    return path;
}

redoubt_database *open_small(const char *path) {
    const char *options[] = {"memory=12 MiB", "redoLog.bufferCapacity=1 MiB", "redoLog.capacity=4 MiB"};
    redoubt_database *database = NULL;
    if (!STATUS(REDOUBT_OK, redoubt_open(path, options, 3, &database))) exit(1);
    return database;
}

redoubt_database *open_rows(redoubt_keyspace **rows) {
    redoubt_database *database = open_small(new_path());
    if (!STATUS(REDOUBT_OK, redoubt_keyspace_open(database, "rows", 1, rows))) exit(1);
    return database;
}

void on_threads(int count, void *(*body)(void *), void *context) {
    pthread_t threads[64];
    pthread_attr_t attributes;
    if (count > 64) abort();
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, 292 * 1024) != 0) abort();
    for (int index = 0; index < count; index++)
        if (pthread_create(&threads[index], &attributes, body, context) != 0) abort();
    for (int index = 0; index < count; index++) pthread_join(threads[index], NULL);
    pthread_attr_destroy(&attributes);
}

void put_text(redoubt_keyspace *rows, const char *key, const char *value) {
    OK(redoubt_put(rows, key, strlen(key), value, strlen(value), REDOUBT_DEFERRED));
}

const char *get_text(redoubt_keyspace *rows, const char *key) {
    static char text[4][256];
    static int next;
    char *buffer = text[next++ % 4];
    size_t length = 0;
    redoubt_status status = redoubt_get(rows, key, strlen(key), buffer, sizeof text[0] - 1, &length);
    if (status == REDOUBT_NOT_FOUND) length = 0;
    else if (!STATUS(REDOUBT_OK, status)) length = 0;
    buffer[length] = 0;
    return buffer;
}

static void crash(const char *path) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_small(path);
    OK(redoubt_keyspace_open(database, "rows", 1, &rows));
    for (int index = 0; index < 5000; index++) OK(redoubt_put(rows, &index, sizeof index, "v", 1, REDOUBT_DEFERRED));
    OK(redoubt_put(rows, "last", 4, "v", 1, REDOUBT_WRITTEN));
    if (failures == 0) raise(SIGKILL);
}

static int run_all(const test *tests, const char *part) {
    int count = 0;
    for (; tests->sentence != NULL; tests++) {
        if (part != NULL && strstr(tests->sentence, part) == NULL) continue;
        running = tests->sentence;
        int before = failures;
        tests->run();
        printf("%s %s\n", failures == before ? "ok    " : "FAILED", tests->sentence);
        fflush(stdout);
        count++;
    }
    return count;
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IONBF, 0);
    const char *temporary = getenv("TMPDIR");
    const char *part = count > 1 ? arguments[1] : NULL;
    if (count == 3 && strcmp(part, "--crash") == 0) {
        crash(arguments[2]);
        return 1;
    }
    snprintf(folder, sizeof folder, "%.150s/redoubt-c-XXXXXX", temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    const test *groups[] = {call_tests, text_tests, walk_tests, misuse_tests, thread_tests};
    int total = 0;
    for (size_t index = 0; index < sizeof groups / sizeof groups[0]; index++) total += run_all(groups[index], part);
    char command[240];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) failures++;
    printf("%d tests, %d checks failed\n", total, failures);
    return failures > 0 || total == 0;
}
