/* Many threads at once, each with a stack of 292 KiB. */
#include "check.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static redoubt_database *shared;
static redoubt_keyspace *shared_rows;
static redoubt_cursor *shared_cursor;
static int next_number;

/* A number that no other thread gets. */
static int own_number(void) { return __atomic_fetch_add(&next_number, 1, __ATOMIC_SEQ_CST); }

static void set_up(void) {
    next_number = 0;
    shared = open_rows(&shared_rows);
}

static int count_visits(void *context, const redoubt_row *row) {
    (*(int *)context) += row->key_length > 0;
    return 0;
}

static void *use_everything(void *context) {
    (void)context;
    char key[16], value[9000], read[9000];
    int number = own_number(), visits = 0;
    size_t length = 0;
    redoubt_batch *batch = NULL;
    redoubt_cursor *cursor = NULL;
    redoubt_loader *loader = NULL;
    redoubt_row row;
    const char *text = NULL;
    OK(redoubt_batch_create(shared, &batch));
    OK(redoubt_cursor_open(shared_rows, &cursor));
    OK(redoubt_loader_create(shared_rows, 0, &loader));
    for (int index = 0; index < 150; index++) {
        size_t size = (size_t)(index % 50 == 49 ? 9000 : index);
        memset(value, number + index, sizeof value);
        snprintf(key, sizeof key, "%03d %06d", number, index);
        OK(redoubt_put(shared_rows, key, 10, value, size, index % 50 == 0 ? REDOUBT_FLUSHED : REDOUBT_DEFERRED));
        OK(redoubt_get(shared_rows, key, 10, read, sizeof read, &length));
        CHECK(length == size && memcmp(read, value, size) == 0);
        OK(redoubt_cursor_seek(cursor, REDOUBT_AT_LEAST, key, 10, &row));
        CHECK(row.key_length == 10 && memcmp(row.key, key, 10) == 0 && row.value_length == size);
        snprintf(key, sizeof key, "b%03d %05d", number, index);
        OK(redoubt_batch_put(batch, shared_rows, key, 10, value, 100));
        if (index % 10 == 9) OK(redoubt_batch_write(batch, REDOUBT_DEFERRED));
        snprintf(key, sizeof key, "l%03d %05d", number, index);
        OK(redoubt_loader_add(loader, key, 10, value, 100));
    }
    OK(redoubt_loader_finish(loader, REDOUBT_WRITTEN));
    snprintf(key, sizeof key, "%03d", number);
    OK(redoubt_scan(shared_rows, key, 3, NULL, 0, count_visits, &visits));
    CHECK(visits >= 150);
    OK(redoubt_status_report(shared, &text));
    CHECK(strstr(text, "BUFFER POOL") != NULL);
    STATUS(REDOUBT_INVALID_ARGUMENT, redoubt_statistic(shared, "none", NULL));
    OK(redoubt_batch_close(batch));
    OK(redoubt_cursor_close(cursor));
    OK(redoubt_loader_close(loader));
    return NULL;
}

static void all_at_once(void) {
    set_up();
    on_threads(12, use_everything, NULL);
    OK(redoubt_close(shared));
}

/* Opens, recovers and closes on a small stack. */
static void *open_and_close(void *context) {
    const char *path = (const char *)context;
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_small(path);
    OK(redoubt_keyspace_open(database, "rows", 1, &rows));
    for (int index = 0; index < 300; index++) OK(redoubt_put(rows, &index, sizeof index, "v", 1, REDOUBT_DEFERRED));
    OK(redoubt_checkpoint(database));
    OK(redoubt_keyspace_rename(database, "rows", "other"));
    OK(redoubt_keyspace_drop(database, "other"));
    OK(redoubt_close(database));
    OK(redoubt_open_read_only(path, NULL, 0, &database));
    OK(redoubt_close(database));
    return NULL;
}

static void *open_own(void *context) {
    (void)context;
    return open_and_close((void *)(uintptr_t)new_path());
}

static void databases(void) { on_threads(3, open_own, NULL); }

static void *recover(void *context) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_small((const char *)context);
    int visits = 0;
    OK(redoubt_keyspace_open(database, "rows", 0, &rows));
    OK(redoubt_scan(rows, NULL, 0, NULL, 0, count_visits, &visits));
    CHECK(visits == 5001);
    OK(redoubt_close(database));
    return NULL;
}

/* The database of a process that was killed: nothing of it was closed, and none of its threads ended well. */
static void recovery(void) {
    char program[1000];
    const char *path = new_path();
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (!CHECK(length > 0)) return;
    program[length] = 0;
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "--crash", path, (char *)NULL);
        _exit(1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) on_threads(1, recover, (void *)(uintptr_t)path);
}

static void *walk_shared(void *context) {
    (void)context;
    redoubt_row row;
    int refusals = 0;
    for (int index = 0; index < 20000; index++) {
        redoubt_status status = redoubt_cursor_next(shared_cursor, &row);
        if (status == REDOUBT_NOT_FOUND) status = redoubt_cursor_first(shared_cursor, &row);
        if (status == REDOUBT_HANDLE_IN_USE) refusals++;
        else CHECK(status == REDOUBT_OK || status == REDOUBT_NOT_FOUND);
    }
    __atomic_fetch_add(&next_number, refusals, __ATOMIC_SEQ_CST);
    return NULL;
}

static void one_cursor(void) {
    set_up();
    for (int index = 0; index < 100; index++) put_text(shared_rows, index % 2 == 0 ? "a" : "b", "value");
    OK(redoubt_cursor_open(shared_rows, &shared_cursor));
    on_threads(4, walk_shared, NULL);
    OK(redoubt_cursor_close(shared_cursor));
    OK(redoubt_close(shared));
}

/* Works until the database is gone under it. */
static void *work_until_closed(void *context) {
    (void)context;
    int number = own_number();
    if (number == 0) {
        /* The others are at it: the first to close wins, whatever they do. */
        for (volatile int spin = 0; spin < 300000; spin++) continue;
        OK(redoubt_close(shared));
        STATUS(REDOUBT_INVALID_HANDLE, redoubt_close(shared));
        return NULL;
    }
    for (int index = 0;; index++) {
        redoubt_cursor *cursor = NULL;
        redoubt_row row;
        char key[16], read[64];
        size_t length = 0;
        int visits = 0;
        snprintf(key, sizeof key, "%02d %06d", number, index % 1000);
        redoubt_status status = redoubt_put(shared_rows, key, 9, "value", 5, REDOUBT_DEFERRED);
        if (status == REDOUBT_OK) status = redoubt_get(shared_rows, key, 9, read, sizeof read, &length);
        if (status == REDOUBT_OK && index % 16 == 0)
            status = redoubt_scan(shared_rows, NULL, 0, NULL, 0, count_visits, &visits);
        if (status == REDOUBT_OK) status = redoubt_cursor_open(shared_rows, &cursor);
        if (status == REDOUBT_OK) {
            status = redoubt_cursor_seek(cursor, REDOUBT_AT_MOST, key, 9, &row);
            OK(redoubt_cursor_close(cursor));
            if (status == REDOUBT_CLOSED) return NULL;
        }
        if (status == REDOUBT_INVALID_HANDLE) return NULL;
        if (!STATUS(REDOUBT_OK, status)) return NULL;
    }
}

static void closed_under_work(void) {
    for (int turn = 0; turn < 12; turn++) {
        set_up();
        on_threads(5, work_until_closed, NULL);
    }
}

static void *churn(void *context) {
    (void)context;
    redoubt_cursor *cursors[8];
    redoubt_batch *batch = NULL;
    for (int turn = 0; turn < 300; turn++) {
        for (int index = 0; index < 8; index++) OK(redoubt_cursor_open(shared_rows, &cursors[index]));
        OK(redoubt_batch_create(shared, &batch));
        for (int index = 0; index < 8; index++) OK(redoubt_cursor_close(cursors[index]));
        for (int index = 0; index < 8; index++) STATUS(REDOUBT_INVALID_HANDLE, redoubt_cursor_close(cursors[index]));
        OK(redoubt_batch_close(batch));
    }
    return NULL;
}

static void handles_come_and_go(void) {
    set_up();
    on_threads(8, churn, NULL);
    /* More at a time than one chunk of places has. */
    redoubt_cursor **many = (redoubt_cursor **)calloc(3000, sizeof *many);
    for (int index = 0; index < 3000; index++) OK(redoubt_cursor_open(shared_rows, &many[index]));
    for (int index = 0; index < 3000; index++) OK(redoubt_cursor_close(many[index]));
    free(many);
    OK(redoubt_close(shared));
}

static void *fail_differently(void *context) {
    (void)context;
    char name[32], expected[64];
    uint64_t value = 0;
    int number = own_number();
    for (int turn = 0; turn < 200; turn++) {
        snprintf(name, sizeof name, "none %d %d", number, turn);
        snprintf(expected, sizeof expected, "\"none %d %d\"", number, turn);
        STATUS(REDOUBT_INVALID_ARGUMENT, redoubt_statistic(shared, name, &value));
        OK(redoubt_statistic(shared, "keyspaces", &value));
        CHECK(strstr(redoubt_message(), expected) != NULL);
    }
    return NULL;
}

static void *say_nothing(void *context) {
    (void)context;
    CHECK(redoubt_message()[0] == 0);
    return NULL;
}

static void messages(void) {
    set_up();
    on_threads(8, fail_differently, NULL);
    on_threads(1, say_nothing, NULL);
    OK(redoubt_close(shared));
}

const test thread_tests[] = {
    {"threads with small stacks use everything at once", all_at_once},
    {"databases are opened, emptied and closed on small stacks", databases},
    {"the database of a killed process is recovered on a small stack", recovery},
    {"a cursor that another thread is using says so", one_cursor},
    {"a database is closed while threads work in it", closed_under_work},
    {"handles come and go on many threads", handles_come_and_go},
    {"each thread has a message of its own", messages},
    {NULL, NULL},
};
