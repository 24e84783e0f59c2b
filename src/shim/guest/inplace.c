/* File systems that copy on write want room for what is written anew, if only to say where it lies.
 * A store into a mapped file of a full one kills the job. What is wrong with ZFS or a file server
 * shows later, and not in a store.
 *
 * Of overlayfs, the folders of containers, the kernel does not tell on what it writes, and the path
 * that the list of mounts names means nothing inside a container. But what is asked of a file is
 * asked of the one below: those that copy on write let files share their blocks, and so does
 * XFS, which keeps all others in place and alone knows how to end the sharing. NILFS2 has no
 * fallocate. */
#include "shim/guest/inplace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef OVERLAYFS_SUPER_MAGIC
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#endif
#define BCACHEFS_MAGIC 0xca451a4e
#define PIECE 4096

static bool is_unknown_to_it(int error)
{
    return error == EOPNOTSUPP || error == ENOTTY || error == ENOSYS;
}

/* Sharing makes the file longer; beyond RLIMIT_FSIZE the kernel would send SIGXFSZ. */
static bool may_be_long(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= 2 * PIECE);
}

static bool shares_blocks(int fd)
{
    struct file_clone_range twice = {.src_fd = fd, .src_length = PIECE, .dest_offset = PIECE};
    return ioctl(fd, FICLONERANGE, &twice) == 0 || !is_unknown_to_it(errno);
}

static bool looks_in_place(int fd)
{
    if (!may_be_long() || fallocate(fd, 0, 0, PIECE) < 0)
        return false;
    bool in_place = !shares_blocks(fd) || fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, PIECE) == 0;
    return ftruncate(fd, 0) == 0 && in_place;
}

bool mt_stays_in_place(int fd)
{
    struct statfs status;
    if (fstatfs(fd, &status) < 0)
        return false;
    switch ((uint32_t)status.f_type) {
    case BTRFS_SUPER_MAGIC:
    case BCACHEFS_MAGIC:
    case NILFS_SUPER_MAGIC:
        return false;
    case OVERLAYFS_SUPER_MAGIC:
        return looks_in_place(fd);
    default:
        return true;
    }
}
