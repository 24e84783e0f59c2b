#include "shim/guest/mfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/guest/glibc.h"

#define FD_FLOOR 600 /* above what programs count on, below the usual limit of 1024 */

/* Few descriptors may be allowed. One of the first three is never kept: the program was started
 * with that stream closed, and may still print to it. */
static int keep_high(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
    if (high < 0 && fd > STDERR_FILENO)
        return fd;
    if (high < 0)
        high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = -errno;
    close(fd);
    return high < 0 ? error : high;
}

static bool is_ours(const struct mt_mfile *file, int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && status.st_dev == file->device &&
           status.st_ino == file->inode;
}

int mt_mfile_create(struct mt_mfile *file, const char *path, bool force)
{
    struct stat status;
    file->fd = -1;
    if (strlen(path) >= sizeof file->path)
        return -ENAMETOOLONG;
    strcpy(file->path, path);
    if (force && lstat(path, &status) == 0 && S_ISREG(status.st_mode))
        unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    file->fd = keep_high(fd);
    if (file->fd < 0) {
        unlink(path);
        return file->fd;
    }
    if (fstat(file->fd, &status) < 0)
        return -errno;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return 0;
}

int mt_mfile_check(struct mt_mfile *file)
{
    if (is_ours(file, file->fd))
        return file->fd;
    /* Not ours: whoever has the number now owns it, so it is not closed. */
    file->fd = -1;
    int fd = open(file->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (!is_ours(file, fd)) {
        close(fd);
        return -ESTALE;
    }
    return file->fd = keep_high(fd);
}

/* Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ, and at the end of the process it is the job's
 * own thread that writes. */
static bool is_allowed(uint64_t end)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
           limit.rlim_cur >= end;
}

int mt_mfile_write(struct mt_mfile *file, const void *bytes, size_t size, uint64_t offset)
{
    const char *from = bytes;
    int fd = mt_mfile_check(file);
    if (fd < 0)
        return fd;
    if (!is_allowed(offset + size))
        return -EFBIG;
    while (size > 0) {
        ssize_t written = pwrite(fd, from, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        from += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return 0;
}

void mt_mfile_close(struct mt_mfile *file)
{
    if (is_ours(file, file->fd))
        close(file->fd);
    file->fd = -1;
}

void mt_mfile_remove(struct mt_mfile *file)
{
    struct stat status;
    if (lstat(file->path, &status) == 0 && status.st_dev == file->device &&
        status.st_ino == file->inode)
        unlink(file->path);
}
