// What the programs of all peers share: a process that keeps rows in a database and speaks in lines.
//
//     PROGRAM MODE FOLDER
//
// It says `ready` when the database is open. `put KEY VALUE` and `delete KEY` are collected until `commit`, which is
// one transaction, answered by `ok`; `dump` by a line `row KEY VALUE` for each row and `end`; `verify` by `ok`; `quit`
// closes the database and is answered by `closed`. `failed WHY` is the answer to what fails, and the end.
#ifndef PEER_H
#define PEER_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    char *key;
    // Null removes the row.
    char *value;
} change_t;

// What each peer defines. Whatever fails calls fail().
static void open_database(const char *mode, const char *folder);
static void commit_changes(const change_t *changes, int count);
static void dump_rows(void);
static void verify_database(void);
static void close_database(void);

static void say(const char *line) {
    puts(line);
    fflush(stdout);
}

__attribute__((noreturn)) static void fail(const char *call, const char *why) {
    printf("failed %s: %s\n", call, why);
    fflush(stdout);
    // Without what a database does at the end of a process.
    _Exit(1);
}

static void row(const void *key, size_t key_length, const void *value, size_t value_length) {
    fputs("row ", stdout);
    fwrite(key, 1, key_length, stdout);
    putchar(' ');
    fwrite(value, 1, value_length, stdout);
    putchar('\n');
}

// Creates the folder, which is there if it was opened before.
__attribute__((unused)) static void make_folder(const char *folder) {
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) fail("mkdir", strerror(errno));
}

static void remember(change_t *change, const char *text) {
    const char *space = strchr(text, ' ');
    size_t length = space ? (size_t)(space - text) : strlen(text);
    change->key = strndup(text, length);
    change->value = space ? strdup(space + 1) : NULL;
}

int main(int argc, char **argv) {
    static char line[65536];
    change_t changes[64];
    int count = 0;
    if (argc != 3) fail("usage", "PROGRAM MODE FOLDER");
    open_database(argv[1], argv[2]);
    say("ready");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "put ", 4) == 0 || strncmp(line, "delete ", 7) == 0) {
            if (count == 64) fail("transaction", "too many changes");
            remember(&changes[count++], strchr(line, ' ') + 1);
        } else if (strcmp(line, "commit") == 0) {
            commit_changes(changes, count);
            for (int index = 0; index < count; index++) {
                free(changes[index].key);
                free(changes[index].value);
            }
            count = 0;
            say("ok");
        } else if (strcmp(line, "dump") == 0) {
            dump_rows();
            say("end");
        } else if (strcmp(line, "verify") == 0) {
            verify_database();
            say("ok");
        } else if (strcmp(line, "quit") == 0) {
            close_database();
            say("closed");
            return 0;
        } else {
            fail("command", line);
        }
    }
    // Nobody is left to talk to: as if killed.
    _Exit(1);
}

#endif
