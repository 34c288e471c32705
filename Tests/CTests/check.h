/* What the tests of the C interface share; C99 and C++11. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <redoubt.h>

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails the test unless `condition` holds. */
#define CHECK(condition) check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
/* Fails the test unless the call returns `expected`. */
#define STATUS(expected, call) check_status((expected), (call), #call, __FILE__, __LINE__)
#define OK(call) STATUS(REDOUBT_OK, call)

typedef struct {
    const char *sentence;
    void (*run)(void);
} test;

extern const test call_tests[], text_tests[], walk_tests[], misuse_tests[], thread_tests[];

/* Both may be called by any thread; return whether the check held. */
int check(int holds, const char *what, const char *file, int line);
int check_status(redoubt_status expected, redoubt_status status, const char *what, const char *file, int line);

/* How many did not hold so far. */
int check_count(void);

/* A path below the folder of this run; each call a new one; valid to the end of the run. */
const char *new_path(void);

/* Opens a small database at `path`, or ends the program. */
redoubt_database *open_small(const char *path);

/* The same with a keyspace "rows", at a new path. */
redoubt_database *open_rows(redoubt_keyspace **rows);

/* Runs `body` on `count` threads at once, each with the stack of a server's thread, 292 KiB; waits for all. */
void on_threads(int count, void *(*body)(void *), void *context);

/* Put, and get as a text; "" if there is no such row. */
void put_text(redoubt_keyspace *rows, const char *key, const char *value);
const char *get_text(redoubt_keyspace *rows, const char *key);

#endif
