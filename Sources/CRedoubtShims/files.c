// File calls that Swift cannot make: variadic ones, and fields that the C library does not know yet.
#define _GNU_SOURCE
#include "CRedoubtShims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// As in <fcntl.h>; named here because not every C library defines them.
#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#endif

int redoubt_lock_file(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

int redoubt_lock_state(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return -errno;
    return lock.l_type != F_UNLCK;
}

int32_t redoubt_direct_alignment(int descriptor) {
#ifdef STATX_DIOALIGN
    struct statx status;
    long code = syscall(SYS_statx, descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status);
    if (code == 0 && (status.stx_mask & STATX_DIOALIGN) != 0) {
        uint32_t memory = status.stx_dio_mem_align, offset = status.stx_dio_offset_align;
        if (memory == 0 || offset == 0) return 0;
        return (int32_t)(memory > offset ? memory : offset);
    }
#endif
    return -1;
}

int redoubt_clear_direct(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags == -1) return errno;
    return fcntl(descriptor, F_SETFL, flags & ~redoubt_o_direct) == 0 ? 0 : errno;
}
