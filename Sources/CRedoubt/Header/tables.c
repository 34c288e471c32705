#include "include/redoubt_tables.h"

#include <pthread.h>

__attribute__((aligned(128))) uint64_t redoubt_database_slots[256 * 8];
__attribute__((aligned(128))) uint64_t redoubt_held_chunks[1024];

int redoubt_at_fork(void (*child)(void)) { return pthread_atfork(NULL, NULL, child); }
