// What this process and everybody else used: processors, bytes to and from disk, memory, space.
#ifndef USAGE_H
#define USAGE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double wall;        // Seconds since some moment.
    double own;         // Processor seconds of this process.
    double everybody;   // Processor seconds that were not idle, of the whole machine.
    uint64_t read_bytes;
    uint64_t written_bytes;  // Right with O_DIRECT alone: others count each folio that they make dirty.
} usage_t;

uint64_t clock_nanoseconds(void);
void usage_take(usage_t *usage);
// The bytes that everybody has written to the device of a folder's file system since the machine began, and after that
// has written all that it held back; false when the device does not tell.
bool usage_device(const char *folder, uint64_t *bytes);
// Processors that were busy for others between two moments; the kernel's own work for this process counts as others'.
double usage_of_others(const usage_t *from, const usage_t *to);
// The largest memory that this process has had, in bytes.
uint64_t usage_peak_memory(void);
// The space that the files of a folder and its folders take; those with names that match a shell pattern, or do not.
uint64_t folder_bytes(const char *folder, const char *pattern, int matches);
// Writes the files of a folder to disk and drops them from the page cache.
void folder_evict(const char *folder);
// The summed length of the files in a folder whose names match a shell pattern.
uint64_t folder_lengths(const char *folder, const char *pattern);

#endif
