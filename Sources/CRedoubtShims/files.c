// File calls that Swift cannot make: variadic ones, and fields that the C library does not know yet.
#define _GNU_SOURCE
#include "CRedoubtShims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

// As in <fcntl.h>; named here because not every C library defines them.
#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#endif

// As in <linux/fs.h> and <linux/stat.h> of Linux 6.11, which many C libraries are older than.
const uint32_t redoubt_rwf_atomic = 0x40;
#define REDOUBT_STATX_WRITE_ATOMIC 0x10000U

int redoubt_lock_file(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

int redoubt_share_file(int descriptor) {
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

int redoubt_unlock_file(int descriptor) {
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

int redoubt_lock_state(int descriptor) {
    // Of those that would be in the way of a reader.
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
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

int redoubt_can_write_atomically(int descriptor, uint32_t bytes) {
    // Of struct statx: stx_mask at 0; stx_atomic_write_unit_min and _max at 0xA8, _max_opt at 0xB8.
    union {
        struct statx named;
        unsigned char all[256];
    } status;
    memset(&status, 0, sizeof status);
    long code = syscall(SYS_statx, descriptor, "", AT_EMPTY_PATH, REDOUBT_STATX_WRITE_ATOMIC, &status);
    if (code != 0 || (status.named.stx_mask & REDOUBT_STATX_WRITE_ATOMIC) == 0) return 0;
    uint32_t least, most, quick;
    memcpy(&least, status.all + 0xA8, 4);
    memcpy(&most, status.all + 0xAC, 4);
    memcpy(&quick, status.all + 0xB8, 4);
    // Beyond what is quick the file system would remap blocks for each write; 0 says that all of it is quick.
    if (quick != 0 && quick < most) most = quick;
    // But on xfs it says that the device writes nothing whole, and every write of several blocks is remapped.
    struct statfs system;
    int is_xfs = fstatfs(descriptor, &system) == 0 && system.f_type == 0x58465342;
    if (is_xfs && quick == 0 && most > status.named.stx_blksize) return 0;
    return least != 0 && least <= bytes && bytes <= most;
}

int64_t redoubt_write_atomically(int descriptor, const void *bytes, size_t length, int64_t offset) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    ssize_t count = pwritev2(descriptor, &part, 1, offset, (int)redoubt_rwf_atomic);
    return (int64_t)count;
}
