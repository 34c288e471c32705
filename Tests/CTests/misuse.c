/* Handles that are wrong or closed, and arguments that are NULL or out of range: each an error, none a crash. */
#include "check.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Every call that takes a handle of one kind, with arguments that are right otherwise. */
typedef redoubt_status (*call)(void *handle);

static redoubt_keyspace *helper_rows;
static char buffer[64];
static const char *text;
static size_t size;
static uint64_t number;
static int32_t applied;
static redoubt_row row;

static int visit(void *context, const redoubt_row *lent) {
    (void)context;
    (void)lent;
    return 1;
}

#define DATABASE(name, expression) \
    static redoubt_status name(void *handle) { \
        redoubt_database *database = (redoubt_database *)handle; \
        return expression; \
    }
#define KEYSPACE(name, expression) \
    static redoubt_status name(void *handle) { \
        redoubt_keyspace *keyspace = (redoubt_keyspace *)handle; \
        return expression; \
    }
#define BATCH(name, expression) \
    static redoubt_status name(void *handle) { \
        redoubt_batch *batch = (redoubt_batch *)handle; \
        return expression; \
    }
#define CURSOR(name, expression) \
    static redoubt_status name(void *handle) { \
        redoubt_cursor *cursor = (redoubt_cursor *)handle; \
        return expression; \
    }
#define LOADER(name, expression) \
    static redoubt_status name(void *handle) { \
        redoubt_loader *loader = (redoubt_loader *)handle; \
        return expression; \
    }

static redoubt_keyspace *new_keyspace;
static redoubt_batch *new_batch;
static redoubt_cursor *new_cursor;
static redoubt_loader *new_loader;

DATABASE(d_change, redoubt_change(database, NULL, 0))
DATABASE(d_option, redoubt_option(database, "memory", &text))
DATABASE(d_flush, redoubt_flush(database))
DATABASE(d_checkpoint, redoubt_checkpoint(database))
DATABASE(d_open, redoubt_keyspace_open(database, "rows", 0, &new_keyspace))
DATABASE(d_create, redoubt_keyspace_create(database, "made", NULL))
DATABASE(d_rename, redoubt_keyspace_rename(database, "made", "made again"))
DATABASE(d_drop, redoubt_keyspace_drop(database, "made again"))
DATABASE(d_names, redoubt_keyspace_names(database, &text, &size))
DATABASE(d_batch, redoubt_batch_create(database, &new_batch))
DATABASE(d_statistics, redoubt_statistics(database, &number, 1, &size))
DATABASE(d_statistic, redoubt_statistic(database, "keyspaces", &number))
DATABASE(d_report, redoubt_status_report(database, &text))
DATABASE(d_metrics, redoubt_metrics(database, &text))
DATABASE(d_close, redoubt_close(database))
static const call database_calls[] = {d_change, d_option, d_flush, d_checkpoint, d_open, d_create, d_rename, d_drop,
                                      d_names, d_batch, d_statistics, d_statistic, d_report, d_metrics, d_close, NULL};

KEYSPACE(k_put, redoubt_put(keyspace, "k", 1, "v", 1, REDOUBT_DEFERRED))
KEYSPACE(k_get, redoubt_get(keyspace, "k", 1, buffer, sizeof buffer, &size))
KEYSPACE(k_part, redoubt_get_part(keyspace, "k", 1, 0, buffer, sizeof buffer, &size, &size))
KEYSPACE(k_length, redoubt_get_length(keyspace, "k", 1, &size))
KEYSPACE(k_compare, redoubt_compare_and_put(keyspace, "k", 1, "v", 1, "v", 1, REDOUBT_DEFERRED, &applied))
KEYSPACE(k_scan, redoubt_scan(keyspace, NULL, 0, NULL, 0, visit, NULL))
KEYSPACE(k_range, redoubt_delete_range(keyspace, "x", 1, "y", 1, REDOUBT_DEFERRED, &number))
KEYSPACE(k_cursor, redoubt_cursor_open(keyspace, &new_cursor))
KEYSPACE(k_loader, redoubt_loader_create(keyspace, 90, &new_loader))
KEYSPACE(k_delete, redoubt_delete(keyspace, "k", 1, REDOUBT_DEFERRED))
static const call keyspace_calls[] = {k_put, k_get, k_part, k_length, k_compare, k_scan, k_range, k_cursor,
                                      k_loader, k_delete, NULL};

BATCH(b_put, redoubt_batch_put(batch, helper_rows, "k", 1, "v", 1))
BATCH(b_delete, redoubt_batch_delete(batch, helper_rows, "k", 1))
BATCH(b_count, redoubt_batch_count(batch, &size, &size))
BATCH(b_write, redoubt_batch_write(batch, REDOUBT_DEFERRED))
BATCH(b_clear, redoubt_batch_clear(batch))
BATCH(b_close, redoubt_batch_close(batch))
static const call batch_calls[] = {b_put, b_delete, b_count, b_write, b_clear, b_close, NULL};

CURSOR(c_seek, redoubt_cursor_seek(cursor, REDOUBT_AT_LEAST, "a", 1, &row))
CURSOR(c_first, redoubt_cursor_first(cursor, &row))
CURSOR(c_last, redoubt_cursor_last(cursor, &row))
CURSOR(c_next, redoubt_cursor_next(cursor, &row))
CURSOR(c_previous, redoubt_cursor_previous(cursor, &row))
CURSOR(c_row, redoubt_cursor_row(cursor, &row))
CURSOR(c_close, redoubt_cursor_close(cursor))
static const call cursor_calls[] = {c_seek, c_first, c_last, c_previous, c_next, c_row, c_close, NULL};

LOADER(l_add, redoubt_loader_add(loader, "l", 1, "v", 1))
LOADER(l_finish, redoubt_loader_finish(loader, REDOUBT_DEFERRED))
LOADER(l_close, redoubt_loader_close(loader))
static const call loader_calls[] = {l_add, l_finish, l_close, NULL};

static const call *const all_calls[] = {database_calls, keyspace_calls, batch_calls, cursor_calls, loader_calls};

/* What each handle is of: the same order as `all_calls`. */
typedef struct {
    void *handles[5];
} world;

static world open_world(void) {
    world made;
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    put_text(rows, "k", "v");
    made.handles[0] = database;
    made.handles[1] = rows;
    OK(redoubt_batch_create(database, (redoubt_batch **)&made.handles[2]));
    OK(redoubt_cursor_open(rows, (redoubt_cursor **)&made.handles[3]));
    OK(redoubt_loader_create(rows, 0, (redoubt_loader **)&made.handles[4]));
    return made;
}

static void close_world(world *made) {
    OK(redoubt_loader_close((redoubt_loader *)made->handles[4]));
    OK(redoubt_cursor_close((redoubt_cursor *)made->handles[3]));
    OK(redoubt_batch_close((redoubt_batch *)made->handles[2]));
    OK(redoubt_close((redoubt_database *)made->handles[0]));
}

/* Every call of kind `kind` tells that `handle` is none of it. */
static void refused(size_t kind, void *handle) {
    for (const call *function = all_calls[kind]; *function != NULL; function++) {
        if (!STATUS(REDOUBT_INVALID_HANDLE, (*function)(handle))) printf("  kind %zu, handle %p\n", kind, handle);
    }
}

static void wrong_handles(void) {
    world made = open_world();
    helper_rows = (redoubt_keyspace *)made.handles[1];
    int local = 0;
    void *foreign = malloc(64);
    uintptr_t forged[] = {1, 16, (uintptr_t)-1, (uintptr_t)-16, (uintptr_t)9 << 60, (uintptr_t)10 << 60,
                          (uintptr_t)11 << 60, (uintptr_t)12 << 60, (uintptr_t)13 << 60, (uintptr_t)1 << 63};
    for (size_t kind = 0; kind < 5; kind++) {
        refused(kind, NULL);
        refused(kind, &local);
        refused(kind, foreign);
        refused(kind, (void *)(uintptr_t)refused);
        for (size_t index = 0; index < sizeof forged / sizeof forged[0]; index++) refused(kind, (void *)forged[index]);
        for (size_t other = 0; other < 5; other++)
            if (other != kind) refused(kind, made.handles[other]);
        /* One bit beside the right one: another slot, generation, place or kind. */
        for (int bit = 0; bit < 64; bit++)
            refused(kind, (void *)((uintptr_t)made.handles[kind] ^ (uintptr_t)1 << bit));
    }
    /* The right ones still work, each in the order of the table, which closes nothing of the world. */
    for (size_t kind = 0; kind < 5; kind++) {
        for (const call *function = all_calls[kind]; function[1] != NULL; function++) {
            redoubt_status status = (*function)(made.handles[kind]);
            if (status != REDOUBT_NOT_FOUND) OK(status);
        }
    }
    OK(redoubt_batch_close(new_batch));
    OK(redoubt_cursor_close(new_cursor));
    OK(redoubt_loader_close(new_loader));
    free(foreign);
    close_world(&made);
}

static world busy;
static size_t busy_kind;
static int next_role, is_over;

/* Uses what the handle is of, over and over. */
static void use_until_over(void) {
    for (uint64_t turn = 0; !__atomic_load_n(&is_over, __ATOMIC_SEQ_CST); turn++) {
        char key[16];
        redoubt_status status = REDOUBT_OK;
        snprintf(key, sizeof key, "m%012llu", (unsigned long long)turn);
        if (busy_kind == 2) status = redoubt_batch_count((redoubt_batch *)busy.handles[2], NULL, NULL);
        if (busy_kind == 3) status = redoubt_cursor_first((redoubt_cursor *)busy.handles[3], NULL);
        if (busy_kind == 4) status = redoubt_loader_add((redoubt_loader *)busy.handles[4], key, 13, "v", 1);
        if (!OK(status)) return;
    }
}

/* One of two threads is inside; the other tries handles that are almost right. */
static void *use_or_flip(void *context) {
    (void)context;
    if (__atomic_fetch_add(&next_role, 1, __ATOMIC_SEQ_CST) == 0) {
        use_until_over();
        return NULL;
    }
    uintptr_t right = (uintptr_t)busy.handles[busy_kind];
    for (int turn = 0; turn < 4000; turn++) {
        /* The lowest ones most often: a table may have marks of its own there. */
        for (int bit = 0; bit < (turn % 100 == 0 ? 64 : 4); bit++)
            refused(busy_kind, (void *)(right ^ (uintptr_t)1 << bit));
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void wrong_while_used(void) {
    for (busy_kind = 2; busy_kind < 5; busy_kind++) {
        busy = open_world();
        helper_rows = (redoubt_keyspace *)busy.handles[1];
        next_role = is_over = 0;
        on_threads(2, use_or_flip, NULL);
        close_world(&busy);
    }
}

/* In the child: nothing is open, and nothing waits for threads that it does not have. */
static void check_child(const world *made) {
    alarm(30);
    for (size_t kind = 0; kind < 5; kind++) refused(kind, made->handles[kind]);
}

static void *fork_inside(void *context) {
    int status = 0;
    (void)context;
    if (__atomic_fetch_add(&next_role, 1, __ATOMIC_SEQ_CST) == 0) {
        use_until_over();
        return NULL;
    }
    for (int turn = 0; turn < 20; turn++) {
        pid_t child = fork();
        if (child == 0) {
            check_child(&busy);
            _exit(check_count() > 0);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0)) break;
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void forked(void) {
    if (check_count() > 0) return;
    busy = open_world();
    helper_rows = (redoubt_keyspace *)busy.handles[1];
    busy_kind = 3;
    next_role = is_over = 0;
    on_threads(2, fork_inside, NULL);
    /* The parent has them all. */
    put_text(helper_rows, "after", "all");
    CHECK(strcmp(get_text(helper_rows, "after"), "all") == 0);
    close_world(&busy);
}

static void closed_handles(void) {
    for (int turn = 0; turn < 3; turn++) {
        world made = open_world(), other = open_world();
        helper_rows = (redoubt_keyspace *)other.handles[1];
        close_world(&made);
        for (size_t kind = 0; kind < 5; kind++) refused(kind, made.handles[kind]);
        /* What takes the places of the closed ones has other handles. */
        world next = open_world();
        for (size_t kind = 0; kind < 5; kind++) {
            CHECK(next.handles[kind] != made.handles[kind]);
            refused(kind, made.handles[kind]);
        }
        close_world(&next);
        close_world(&other);
    }
}

static void closed_below(void) {
    world made = open_world();
    OK(redoubt_batch_put((redoubt_batch *)made.handles[2], (redoubt_keyspace *)made.handles[1], "x", 1, "y", 1));
    OK(redoubt_loader_add((redoubt_loader *)made.handles[4], "x", 1, "y", 1));
    OK(redoubt_cursor_first((redoubt_cursor *)made.handles[3], &row));
    OK(redoubt_close((redoubt_database *)made.handles[0]));
    refused(0, made.handles[0]);
    refused(1, made.handles[1]);
    STATUS(REDOUBT_INVALID_HANDLE,
           redoubt_batch_put((redoubt_batch *)made.handles[2], (redoubt_keyspace *)made.handles[1], "x", 1, "y", 1));
    STATUS(REDOUBT_CLOSED, redoubt_batch_write((redoubt_batch *)made.handles[2], REDOUBT_DEFERRED));
    STATUS(REDOUBT_CLOSED, redoubt_cursor_next((redoubt_cursor *)made.handles[3], &row));
    STATUS(REDOUBT_CLOSED, redoubt_loader_add((redoubt_loader *)made.handles[4], "z", 1, "y", 1));
    STATUS(REDOUBT_CLOSED, redoubt_loader_finish((redoubt_loader *)made.handles[4], REDOUBT_DEFERRED));
    OK(redoubt_batch_close((redoubt_batch *)made.handles[2]));
    OK(redoubt_cursor_close((redoubt_cursor *)made.handles[3]));
    OK(redoubt_loader_close((redoubt_loader *)made.handles[4]));
}

#define INVALID(call) STATUS(REDOUBT_INVALID_ARGUMENT, call)

static void null_arguments(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows), *second = NULL;
    redoubt_batch *batch = NULL;
    redoubt_cursor *cursor = NULL;
    redoubt_loader *loader = NULL;
    const char *nothing = NULL;
    OK(redoubt_batch_create(database, &batch));
    OK(redoubt_cursor_open(rows, &cursor));
    OK(redoubt_loader_create(rows, 0, &loader));
    INVALID(redoubt_open(NULL, NULL, 0, &second));
    INVALID(redoubt_open(new_path(), NULL, 0, NULL));
    INVALID(redoubt_open(new_path(), NULL, 1, &second));
    INVALID(redoubt_open(new_path(), &nothing, 1, &second));
    INVALID(redoubt_open("\xff", NULL, 0, &second));
    INVALID(redoubt_open_read_only(NULL, NULL, 0, &second));
    INVALID(redoubt_open_read_only("/", NULL, 0, NULL));
    INVALID(redoubt_change(database, NULL, 1));
    INVALID(redoubt_change(database, &nothing, SIZE_MAX));
    INVALID(redoubt_option(database, NULL, &text));
    INVALID(redoubt_option(database, "memory", NULL));
    INVALID(redoubt_keyspace_open(database, NULL, 0, &new_keyspace));
    INVALID(redoubt_keyspace_open(database, "rows", 0, NULL));
    INVALID(redoubt_keyspace_open(database, "rows", 2, &new_keyspace));
    INVALID(redoubt_keyspace_create(database, NULL, NULL));
    INVALID(redoubt_keyspace_create(database, "\xc3", NULL));
    INVALID(redoubt_keyspace_drop(database, NULL));
    INVALID(redoubt_keyspace_rename(database, NULL, "x"));
    INVALID(redoubt_keyspace_rename(database, "rows", NULL));
    INVALID(redoubt_keyspace_names(database, NULL, &size));
    INVALID(redoubt_keyspace_names(database, &text, NULL));
    INVALID(redoubt_get(rows, NULL, 1, buffer, 1, &size));
    INVALID(redoubt_get(rows, "k", 1, NULL, 1, &size));
    INVALID(redoubt_get_part(rows, NULL, 1, 0, buffer, 1, &size, &size));
    INVALID(redoubt_get_part(rows, "k", 1, 0, NULL, 1, &size, &size));
    INVALID(redoubt_get_length(rows, NULL, 1, &size));
    INVALID(redoubt_put(rows, NULL, 1, "v", 1, REDOUBT_DEFERRED));
    INVALID(redoubt_put(rows, "k", 1, NULL, 1, REDOUBT_DEFERRED));
    INVALID(redoubt_delete(rows, NULL, 1, REDOUBT_DEFERRED));
    INVALID(redoubt_compare_and_put(rows, NULL, 1, NULL, 0, NULL, 0, REDOUBT_DEFERRED, &applied));
    INVALID(redoubt_compare_and_put(rows, "k", 1, NULL, 1, NULL, 0, REDOUBT_DEFERRED, &applied));
    INVALID(redoubt_compare_and_put(rows, "k", 1, NULL, 0, NULL, 1, REDOUBT_DEFERRED, &applied));
    INVALID(redoubt_compare_and_put(rows, "k", 1, NULL, 0, NULL, 0, REDOUBT_DEFERRED, NULL));
    INVALID(redoubt_delete_range(rows, NULL, 1, NULL, 0, REDOUBT_DEFERRED, &number));
    INVALID(redoubt_delete_range(rows, NULL, 0, NULL, 1, REDOUBT_DEFERRED, &number));
    INVALID(redoubt_scan(rows, NULL, 0, NULL, 0, NULL, NULL));
    INVALID(redoubt_scan(rows, NULL, 1, NULL, 0, visit, NULL));
    INVALID(redoubt_batch_create(database, NULL));
    INVALID(redoubt_batch_put(batch, rows, NULL, 1, "v", 1));
    INVALID(redoubt_batch_put(batch, rows, "k", 1, NULL, 1));
    INVALID(redoubt_batch_delete(batch, rows, NULL, 1));
    STATUS(REDOUBT_INVALID_HANDLE, redoubt_batch_put(batch, NULL, "k", 1, "v", 1));
    STATUS(REDOUBT_INVALID_HANDLE, redoubt_batch_delete(batch, NULL, "k", 1));
    OK(redoubt_batch_count(batch, NULL, NULL));
    INVALID(redoubt_cursor_open(rows, NULL));
    INVALID(redoubt_cursor_seek(cursor, REDOUBT_ABOVE, NULL, 1, &row));
    INVALID(redoubt_cursor_row(cursor, NULL));
    INVALID(redoubt_loader_create(rows, 0, NULL));
    INVALID(redoubt_loader_add(loader, NULL, 1, "v", 1));
    INVALID(redoubt_loader_add(loader, "k", 1, NULL, 1));
    INVALID(redoubt_statistics(database, NULL, 1, &size));
    INVALID(redoubt_statistic(database, NULL, &number));
    INVALID(redoubt_statistic(database, "keyspaces", NULL));
    INVALID(redoubt_status_report(database, NULL));
    INVALID(redoubt_metrics(database, NULL));
    STATUS(REDOUBT_NOT_FOUND, redoubt_get_length(rows, "k", 1, NULL));
    OK(redoubt_loader_close(loader));
    OK(redoubt_cursor_close(cursor));
    OK(redoubt_batch_close(batch));
    OK(redoubt_close(database));
}

static void sizes(void) {
    redoubt_keyspace *rows = NULL;
    redoubt_database *database = open_rows(&rows);
    redoubt_batch *batch = NULL;
    redoubt_cursor *cursor = NULL;
    static char key[4000];
    size_t four = (size_t)1 << 32;
    OK(redoubt_batch_create(database, &batch));
    OK(redoubt_cursor_open(rows, &cursor));
    for (int which = 0; which < 2; which++) {
        size_t length = which == 0 ? 0 : 3073;
        STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_put(rows, key, length, "v", 1, REDOUBT_DEFERRED));
        STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_get(rows, key, length, buffer, 1, &size));
        STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_get_length(rows, key, length, &size));
        STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_delete(rows, key, length, REDOUBT_DEFERRED));
        STATUS(REDOUBT_KEY_TOO_LARGE,
               redoubt_compare_and_put(rows, key, length, NULL, 0, "v", 1, REDOUBT_DEFERRED, &applied));
        STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_batch_put(batch, rows, key, length, "v", 1));
        STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_batch_delete(batch, rows, key, length));
        STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_cursor_seek(cursor, REDOUBT_AT_MOST, key, length, &row));
    }
    STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_scan(rows, key, 3073, NULL, 0, visit, NULL));
    STATUS(REDOUBT_KEY_TOO_LARGE, redoubt_delete_range(rows, NULL, 0, key, 3073, REDOUBT_DEFERRED, NULL));
    /* The bytes of a value that is too long are not looked at. */
    STATUS(REDOUBT_VALUE_TOO_LARGE, redoubt_put(rows, "k", 1, key, four, REDOUBT_DEFERRED));
    STATUS(REDOUBT_VALUE_TOO_LARGE, redoubt_batch_put(batch, rows, "k", 1, key, four));
    STATUS(REDOUBT_VALUE_TOO_LARGE,
           redoubt_compare_and_put(rows, "k", 1, NULL, 0, key, four, REDOUBT_DEFERRED, &applied));
    INVALID(redoubt_put(rows, "k", 1, key, SIZE_MAX, REDOUBT_DEFERRED));
    INVALID(redoubt_put(rows, key, SIZE_MAX, "v", 1, REDOUBT_DEFERRED));
    INVALID(redoubt_get(rows, key, SIZE_MAX, buffer, 1, &size));
    INVALID(redoubt_get(rows, "k", 1, buffer, SIZE_MAX, &size));
    INVALID(redoubt_scan(rows, key, SIZE_MAX, NULL, 0, visit, NULL));
    INVALID(redoubt_statistics(database, &number, SIZE_MAX, &size));
    OK(redoubt_cursor_close(cursor));
    OK(redoubt_batch_close(batch));
    OK(redoubt_close(database));
}

static void numbers(void) {
    redoubt_keyspace *rows = NULL, *foreign = NULL;
    redoubt_database *database = open_rows(&rows), *other = open_rows(&foreign);
    redoubt_batch *batch = NULL;
    redoubt_cursor *cursor = NULL;
    redoubt_loader *loader = NULL;
    redoubt_how wrong[] = {4, 8, 17 | 4, 32, 0xFFFFFFFF};
    OK(redoubt_batch_create(database, &batch));
    OK(redoubt_cursor_open(rows, &cursor));
    OK(redoubt_loader_create(rows, 100, &loader));
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        INVALID(redoubt_put(rows, "k", 1, "v", 1, wrong[index]));
        INVALID(redoubt_delete(rows, "k", 1, wrong[index]));
        INVALID(redoubt_batch_write(batch, wrong[index]));
        INVALID(redoubt_compare_and_put(rows, "k", 1, NULL, 0, "v", 1, wrong[index], &applied));
        INVALID(redoubt_delete_range(rows, NULL, 0, NULL, 0, wrong[index], NULL));
        INVALID(redoubt_loader_finish(loader, wrong[index]));
    }
    INVALID(redoubt_delete_range(rows, NULL, 0, NULL, 0, REDOUBT_REFUSE_SLOWDOWN, NULL));
    INVALID(redoubt_loader_finish(loader, REDOUBT_WRITTEN | REDOUBT_REFUSE_SLOWDOWN));
    INVALID(redoubt_cursor_seek(cursor, 4, "k", 1, &row));
    INVALID(redoubt_cursor_seek(cursor, -1, "k", 1, &row));
    int32_t percents[] = {-1, 1, 9, 101, INT32_MAX, INT32_MIN};
    for (size_t index = 0; index < sizeof percents / sizeof percents[0]; index++)
        INVALID(redoubt_loader_create(rows, percents[index], &new_loader));
    STATUS(REDOUBT_MIXED_FILES, redoubt_batch_put(batch, foreign, "k", 1, "v", 1));
    STATUS(REDOUBT_MIXED_FILES, redoubt_batch_delete(batch, foreign, "k", 1));
    OK(redoubt_loader_close(loader));
    OK(redoubt_cursor_close(cursor));
    OK(redoubt_batch_close(batch));
    OK(redoubt_close(other));
    OK(redoubt_close(database));
}

const test misuse_tests[] = {
    {"a handle that is none of its kind is refused by every call", wrong_handles},
    {"a handle that is almost right is refused while another thread uses the right one", wrong_while_used},
    {"every handle is refused in a child after a fork, and stays the parent's", forked},
    {"a handle that was closed is refused by every call", closed_handles},
    {"what is left of a closed database says so, and can be closed", closed_below},
    {"NULL is refused wherever it must not be", null_arguments},
    {"keys and values of impossible lengths are refused", sizes},
    {"numbers out of their range are refused", numbers},
    {NULL, NULL},
};
