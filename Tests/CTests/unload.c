/* Loads the library given as argument, uses it, unloads it while a database is open, and loads it again. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <redoubt.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef redoubt_status (*open_call)(const char *, const char *const *, size_t, redoubt_database **);
typedef redoubt_status (*keyspace_call)(redoubt_database *, const char *, int32_t, redoubt_keyspace **);
typedef redoubt_status (*put_call)(redoubt_keyspace *, const void *, size_t, const void *, size_t, redoubt_how);
typedef redoubt_status (*get_call)(redoubt_keyspace *, const void *, size_t, void *, size_t, size_t *);
typedef redoubt_status (*close_call)(redoubt_database *);
typedef const char *(*message_call)(void);

static void *library;

static void fail(const char *what) {
    fprintf(stderr, "unload: %s\n", what);
    exit(1);
}

static void load(const char *path) {
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fail(dlerror());
}

/* The address of a function, without a cast that ISO C knows nothing of. */
static void find(const char *name, void *function) {
    void *address = dlsym(library, name);
    if (address == NULL) fail(name);
    memcpy(function, &address, sizeof address);
}

/* Fails once, so that it has a text when it ends, which is after the unloading. */
static void *fail_and_wait(void *context) {
    pthread_barrier_t *barrier = (pthread_barrier_t *)context;
    close_call close_database;
    find("redoubt_close", &close_database);
    if (close_database(NULL) != REDOUBT_INVALID_HANDLE) fail("NULL was closed");
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 3) fail("two arguments: the library, and a folder that is not there yet");
    const char *options[] = {"memory=12 MiB", "redoLog.bufferCapacity=1 MiB", "redoLog.capacity=4 MiB"};
    redoubt_database *database = NULL;
    redoubt_keyspace *rows = NULL;
    pthread_barrier_t barrier;
    pthread_t thread;
    char value[8];
    size_t length = 0;

    load(arguments[1]);
    open_call open_database;
    keyspace_call open_keyspace;
    put_call put;
    find("redoubt_open", &open_database);
    find("redoubt_keyspace_open", &open_keyspace);
    find("redoubt_put", &put);
    if (open_database(arguments[2], options, 3, &database) != REDOUBT_OK) fail("open");
    if (open_keyspace(database, "rows", 1, &rows) != REDOUBT_OK) fail("keyspace");
    if (put(rows, "k", 1, "value", 5, REDOUBT_FLUSHED) != REDOUBT_OK) fail("put");
    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&thread, NULL, fail_and_wait, &barrier) != 0) fail("thread");
    pthread_barrier_wait(&barrier);
    if (dlclose(library) != 0) fail("dlclose");
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);

    load(arguments[1]);
    get_call get;
    close_call close_database;
    find("redoubt_get", &get);
    find("redoubt_close", &close_database);
    if (get(rows, "k", 1, value, sizeof value, &length) != REDOUBT_OK) fail("get after unloading");
    if (length != 5 || memcmp(value, "value", 5) != 0) fail("another value");
    if (close_database(database) != REDOUBT_OK) fail("close");
    if (get(rows, "k", 1, value, sizeof value, &length) != REDOUBT_INVALID_HANDLE) fail("get after close");
    if (dlclose(library) != 0) fail("dlclose");

    load(arguments[1]);
    message_call message;
    find("redoubt_open", &open_database);
    find("redoubt_close", &close_database);
    find("redoubt_message", &message);
    if (open_database(arguments[2], options, 3, &database) != REDOUBT_OK) fail(message());
    if (close_database(database) != REDOUBT_OK) fail(message());
    if (dlclose(library) != 0) fail("dlclose");
    printf("ok     a host loads and unloads the library while a database is open\n");
    return 0;
}
