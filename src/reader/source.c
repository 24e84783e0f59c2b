#include "reader/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/layout.h"

static const char *remedy(int cause)
{
    return cause == ENOENT   ? "; check the name"
           : cause == EISDIR ? "; name a trace in it"
           : cause == EACCES ? "; ask its owner for a copy, or for leave to read it"
                             : "";
}

static int fail(struct mt_error *error, const char *what, const char *path)
{
    int cause = errno;
    return mt_fail(error, MT_ERR_SYSTEM, "%s %s: %s%s", what, *path ? path : "'' (the empty name)",
                   strerror(cause), remedy(cause));
}

static int write_all(int fd, const char *from, size_t size)
{
    while (size) {
        ssize_t done = write(fd, from, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        from += done;
        size -= (size_t)done;
    }
    return 0;
}

/* A file without a name, that goes with its descriptor. */
static int temporary(void)
{
    FILE *file = tmpfile();
    int fd = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
    if (file)
        fclose(file);
    return fd;
}

/* Copy all of `from` to `to`, but stop at once where it does not begin like a trace: /dev/zero
 * would never end. */
static int spool(int from, int to, uint64_t *size)
{
    char buffer[1 << 16];
    for (*size = 0;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        if (write_all(to, buffer, (size_t)got) < 0)
            return -1;
        if (*size == 0 && memcmp(buffer, MT_FILE_MAGIC, got < 8 ? (size_t)got : 8) != 0) {
            *size = (uint64_t)got;
            return 0;
        }
        *size += (uint64_t)got;
    }
}

static int open_stream(struct mt_source_file *source, const char *path, struct mt_error *error)
{
    int copy = temporary();
    if (copy < 0)
        return fail(error, "cannot make a temporary file to hold", path);
    int code = spool(source->fd, copy, &source->size);
    if (code < 0)
        fail(error, "cannot copy to a temporary file:", path);
    close(source->fd);
    source->fd = copy;
    return code < 0 ? MT_ERR_SYSTEM : 0;
}

int mt_source_open(struct mt_source_file *source, const char *path, struct mt_error *error)
{
    struct stat status;
    *source = (struct mt_source_file){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (source->fd < 0)
        return fail(error, "cannot open", path);
    int code = fstat(source->fd, &status) < 0 ? fail(error, "cannot read", path) : 0;
    if (code == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        code = fail(error, "cannot read", path);
    } else if (code == 0 && S_ISREG(status.st_mode)) {
        source->size = (uint64_t)status.st_size;
    } else if (code == 0) {
        code = open_stream(source, path, error);
    }
    if (code < 0)
        mt_source_close(source);
    return code;
}

void mt_source_close(struct mt_source_file *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
}

size_t mt_source_read(const struct mt_source_file *source, uint64_t offset, void *to, size_t size)
{
    size_t sum = 0;
    while (sum < size) {
        ssize_t got = pread(source->fd, (char *)to + sum, size - sum, (off_t)(offset + sum));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        sum += (size_t)got;
    }
    return sum;
}

uint64_t mt_source_data(const struct mt_source_file *source, uint64_t from)
{
    int saved = errno;
    off_t data = lseek(source->fd, (off_t)from, SEEK_DATA);
    bool none = data < 0 && errno == ENXIO;
    errno = saved;
    return data >= 0 ? (uint64_t)data : none ? source->size : from;
}
