/* Memory of the tables of handles; not installed, and not exported. */
#ifndef REDOUBT_TABLES_H
#define REDOUBT_TABLES_H

#include <stdint.h>

/* In C, because Swift asks before each use of a global whether it was made yet. All zeros at first. */

/** The slots of 256 databases, 64 bytes each. */
extern uint64_t redoubt_database_slots[256 * 8];

static inline void *redoubt_database_table(void) { return redoubt_database_slots; }

/** The addresses of the 1024 chunks of slots for batches, cursors and loaders. */
extern uint64_t redoubt_held_chunks[1024];

static inline void *redoubt_held_table(void) { return redoubt_held_chunks; }

/** Has every later fork() call `child` in the child, before it returns there; 0, or the number of an error. */
int redoubt_at_fork(void (*child)(void));

#endif
