#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/number.h"

/* Full pages at places that are multiples of their number take a file system the least time: so
 * many bytes are written at once, what is too much for them stays in the buffer. */
#define WRITTEN_BYTES (UINT32_C(1) << 17)
#define BUFFER_BYTES (WRITTEN_BYTES + MT_OUTPUT_ROOM)

struct mt_output {
    int fd;
    int status;
    bool deserted;
    bool closed;
    struct mt_error *error;
    char *path, *temporary;          /* NULL for standard output */
    struct mt_output *volatile next; /* in `unfinished` */
    size_t used;
    char buffer[BUFFER_BYTES];
};

/* Files that have not got their names. A signal may come at any moment and walk along: what is in
 * here has all that it needs, one store puts it in, and one takes it out. */
static struct mt_output *volatile unfinished;

static void enlist(struct mt_output *output)
{
    output->next = unfinished;
    atomic_signal_fence(memory_order_seq_cst);
    unfinished = output;
}

static void strike(struct mt_output *output)
{
    struct mt_output *volatile *place = &unfinished;
    while (*place && *place != output)
        place = &(*place)->next;
    if (*place)
        *place = output->next;
    atomic_signal_fence(memory_order_seq_cst);
}

void mt_output_remove_unfinished(void)
{
    for (struct mt_output *output = unfinished; output; output = output->next)
        unlink(output->temporary);
}

static int fail(struct mt_output *output, const char *what, const char *remedy)
{
    int cause = errno;
    const char *name = output->path ? output->temporary : "standard output";
    output->deserted = cause == EPIPE && !output->path;
    output->status = mt_fail(output->error, MT_ERR_SYSTEM, "cannot %s %s: %s; %s", what, name,
                             strerror(cause), remedy);
    return output->status;
}

static const char *open_remedy(void)
{
    switch (errno) {
    case ENOENT:
        return "create the directory first";
    case ENOTDIR:
        return "a part of that path is no directory: name another place";
    case EACCES:
    case EPERM:
    case EROFS:
        return "name a directory that you may write to";
    default:
        return "name another place";
    }
}

/* The rename at the end would put a file in the place of a device, a pipe or a link. A directory it
 * would refuse, but only after all the work. */
static int check_place(const struct mt_output *output, const char *path)
{
    struct stat there;
    if (!*path)
        return mt_fail(output->error, MT_ERR_USAGE, "the name of a file to write is empty");
    if (lstat(path, &there) < 0 || S_ISREG(there.st_mode))
        return 0;
    return mt_fail(output->error, MT_ERR_SYSTEM, "cannot replace %s: it is %s", path,
                   S_ISDIR(there.st_mode) ? "a directory; name a file"
                                          : "no regular file; name another place");
}

static int open_file(struct mt_output *output, const char *path)
{
    RETURN_IF_ERROR(check_place(output, path));
    output->path = strdup(path);
    if (!output->path || asprintf(&output->temporary, "%s.tmp", path) < 0) {
        output->temporary = NULL;
        return mt_fail(output->error, MT_ERR_MEMORY, "out of memory for writing %s", path);
    }
    enlist(output); /* before it is there: a signal may come in between */
    /* NOFOLLOW: a link left there by somebody else must not steer where we write. */
    output->fd =
        open(output->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    return output->fd < 0 ? fail(output, "create", open_remedy()) : 0;
}

struct mt_output *mt_output_new(const char *path, struct mt_error *error)
{
    struct mt_output *output = malloc(sizeof *output);
    if (!output) {
        mt_fail(error, MT_ERR_MEMORY, "out of memory for an output buffer");
        return NULL;
    }
    memset(output, 0, offsetof(struct mt_output, buffer));
    output->error = error;
    output->fd = path ? -1 : STDOUT_FILENO;
    if (path && open_file(output, path) < 0) {
        mt_output_free(output);
        return NULL;
    }
    return output;
}

static void write_out(struct mt_output *output, const char *bytes, size_t size)
{
    while (size && output->status == 0) {
        ssize_t written = write(output->fd, bytes, size);
        if (written < 0 && errno != EINTR) {
            fail(output, "write",
                 errno == ENOSPC || errno == EDQUOT ? "make room or name another place"
                                                    : "check the place it is written to");
        } else if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

static void flush(struct mt_output *output)
{
    write_out(output, output->buffer, output->used);
    output->used = 0;
}

/* Of a buffer that is full; there is room for MT_OUTPUT_ROOM bytes then. */
static __attribute__((noinline)) void flush_full(struct mt_output *output)
{
    write_out(output, output->buffer, WRITTEN_BYTES);
    output->used -= WRITTEN_BYTES;
    memcpy(output->buffer, output->buffer + WRITTEN_BYTES, output->used);
}

int mt_output_close(struct mt_output *output)
{
    flush(output);
    output->closed = output->status == 0;
    if (!output->path)
        return output->status;
    /* Network and quota file systems tell of a failed write only here. */
    if (close(output->fd) < 0 && output->status == 0)
        fail(output, "write", "make room or name another place");
    output->fd = -1;
    if (output->status == 0 && rename(output->temporary, output->path) < 0)
        fail(output, "rename", "remove what has the name without .tmp");
    output->closed = output->status == 0;
    if (output->closed)
        strike(output);
    return output->status;
}

void mt_output_free(struct mt_output *output)
{
    if (!output)
        return;
    if (output->path && output->fd >= 0)
        close(output->fd);
    if (output->temporary && !output->closed)
        unlink(output->temporary);
    strike(output);
    free(output->path);
    free(output->temporary);
    free(output);
}

int mt_output_status(const struct mt_output *output)
{
    return output->status;
}

bool mt_output_deserted(const struct mt_output *output)
{
    return output->deserted;
}

char *mt_output_room(struct mt_output *output, size_t size)
{
    if (size > BUFFER_BYTES - output->used)
        flush_full(output);
    return output->buffer + output->used;
}

void mt_output_filled(struct mt_output *output, const char *end)
{
    output->used = (size_t)(end - output->buffer);
}

void mt_put(struct mt_output *output, const void *bytes, size_t size)
{
    for (size_t part; size; size -= part) {
        if (output->used >= WRITTEN_BYTES)
            flush_full(output);
        part = size < BUFFER_BYTES - output->used ? size : BUFFER_BYTES - output->used;
        memcpy(output->buffer + output->used, bytes, part);
        output->used += part;
        bytes = (const char *)bytes + part;
    }
}

void mt_put_string(struct mt_output *output, const char *string)
{
    mt_put(output, string, strlen(string));
}

void mt_put_char(struct mt_output *output, char c)
{
    if (output->used == BUFFER_BYTES)
        flush_full(output);
    output->buffer[output->used++] = c;
}

void mt_put_uint(struct mt_output *output, uint64_t value)
{
    char digits[MT_DIGITS_MAX];
    mt_put(output, digits, mt_format_uint(digits, value));
}

void mt_put_hex(struct mt_output *output, uint64_t value)
{
    char digits[MT_DIGITS_MAX];
    mt_put(output, digits, mt_format_hex(digits, value));
}

void mt_put_spaces(struct mt_output *output, size_t n)
{
    while (n-- > 0)
        mt_put_char(output, ' ');
}

void mt_printf(struct mt_output *output, const char *format, ...)
{
    char text[1024], *longer = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof text) {
        va_start(arguments, format);
        length = vasprintf(&longer, format, arguments);
        va_end(arguments);
    }
    if (length > 0)
        mt_put(output, longer ? longer : text, (size_t)length);
    free(longer);
}
