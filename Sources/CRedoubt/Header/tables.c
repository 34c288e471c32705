#include "include/redoubt_tables.h"

__attribute__((aligned(128))) uint64_t redoubt_database_slots[256 * 8];
__attribute__((aligned(128))) uint64_t redoubt_held_chunks[1024];
