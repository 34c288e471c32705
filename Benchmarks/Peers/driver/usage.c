#include "usage.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

uint64_t clock_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double processor_seconds(void) {
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    return (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec)
        + (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) * 1e-6;
}

static double busy_seconds(void) {
    FILE *file = fopen("/proc/stat", "r");
    unsigned long long user, nice, system, idle, wait, hard, soft, stolen;
    if (!file) fail("/proc/stat cannot be read");
    int found = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &hard,
                       &soft, &stolen);
    fclose(file);
    if (found != 8) fail("/proc/stat has no line of processors");
    return (double)(user + nice + system + hard + soft + stolen) / (double)sysconf(_SC_CLK_TCK);
}

void usage_take(usage_t *usage) {
    char line[128];
    memset(usage, 0, sizeof *usage);
    usage->wall = (double)clock_nanoseconds() * 1e-9;
    usage->own = processor_seconds();
    usage->everybody = busy_seconds();
    FILE *file = fopen("/proc/self/io", "r");
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        unsigned long long bytes;
        if (sscanf(line, "read_bytes: %llu", &bytes) == 1) usage->read_bytes = bytes;
        if (sscanf(line, "write_bytes: %llu", &bytes) == 1) usage->written_bytes = bytes;
    }
    fclose(file);
}

bool usage_device(const char *folder, uint64_t *bytes) {
    struct stat status;
    char path[64];
    unsigned long long sectors;
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0 || fstat(opened, &status) != 0 || syncfs(opened) != 0) fail("%s cannot be synced", folder);
    close(opened);
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/stat", major(status.st_dev), minor(status.st_dev));
    FILE *file = fopen(path, "r");
    if (!file) return false;
    bool is_known = fscanf(file, "%*u %*u %*u %*u %*u %*u %llu", &sectors) == 1;
    fclose(file);
    *bytes = is_known ? sectors * 512 : 0;
    return is_known;
}

double usage_of_others(const usage_t *from, const usage_t *to) {
    double seconds = to->wall - from->wall;
    double others = (to->everybody - from->everybody) - (to->own - from->own);
    return seconds > 0 && others > 0 ? others / seconds : 0;
}

uint64_t usage_peak_memory(void) {
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    return (uint64_t)own.ru_maxrss * 1024;
}

// nftw passes no context, and a point has one thread when it measures files.
static uint64_t walked_bytes;
static const char *walked_pattern;
static int walked_matches;

static int add_blocks(const char *path, const struct stat *status, int kind, struct FTW *position) {
    int matches = kind == FTW_F && fnmatch(walked_pattern, path + position->base, 0) == 0;
    if (kind == FTW_F && matches == walked_matches) walked_bytes += (uint64_t)status->st_blocks * 512;
    return 0;
}

static int add_length(const char *path, const struct stat *status, int kind, struct FTW *position) {
    if (kind == FTW_F && fnmatch(walked_pattern, path + position->base, 0) == 0) {
        walked_bytes += (uint64_t)status->st_size;
    }
    return 0;
}

static int evict_file(const char *path, const struct stat *status, int kind, struct FTW *position) {
    (void)status, (void)position;
    if (kind != FTW_F) return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    fdatasync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
    return 0;
}

static void walk(const char *folder, __nftw_func_t visit) {
    walked_bytes = 0;
    // Files of a running engine come and go: what vanishes during the walk does not count.
    nftw(folder, visit, 16, FTW_PHYS);
}

uint64_t folder_bytes(const char *folder, const char *pattern, int matches) {
    walked_pattern = pattern;
    walked_matches = matches;
    walk(folder, add_blocks);
    return walked_bytes;
}

uint64_t folder_lengths(const char *folder, const char *pattern) {
    walked_pattern = pattern;
    walk(folder, add_length);
    return walked_bytes;
}

void folder_evict(const char *folder) { walk(folder, evict_file); }
