#include "shim/process/path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/guest/glibc.h"
#include "shim/process/ranks.h"

static const char *program(char *target, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", target, size - 1);
    if (length < 0)
        return "unknown";
    target[length] = 0;
    const char *slash = strrchr(target, '/');
    return slash ? slash + 1 : target;
}

/* The text for a placeholder; NULL: there is no such placeholder. */
static const char *value(char placeholder, char *room, size_t size)
{
    switch (placeholder) {
    case 'p':
        snprintf(room, size, "%d", (int)getpid());
        return room;
    case 'h':
        if (gethostname(room, size) < 0)
            return "unknown";
        room[size - 1] = 0;
        return room;
    case 'e':
        return program(room, size);
    case 'r':
        return mt_rank() ? mt_rank() : "0";
    case '%':
        return "%";
    default:
        return NULL;
    }
}

static bool append(char *path, size_t size, const char *text, size_t length)
{
    size_t used = strlen(path);
    if (used + length + 1 > size)
        return false;
    memcpy(path + used, text, length);
    path[used + length] = 0;
    return true;
}

static bool append_number(char *path, size_t size, int n)
{
    char ending[32];
    const char *suffix = ".mtrace";
    size_t used = strlen(path), tail = strlen(suffix);
    bool has = used >= tail && strcmp(path + used - tail, suffix) == 0;
    if (has)
        path[used - tail] = 0;
    snprintf(ending, sizeof ending, "-%d%s", n, has ? suffix : "");
    return append(path, size, ending, strlen(ending));
}

static const char too_long[] = "the name is too long";

static const char *expand(char *path, size_t size, const char *pattern)
{
    static char room[4096]; /* under the lock of who begins; its stack may be small */
    while (*pattern) {
        size_t plain = strcspn(pattern, "%");
        if (!append(path, size, pattern, plain))
            return too_long;
        pattern += plain;
        if (!*pattern)
            break;
        const char *text = value(pattern[1], room, sizeof room);
        if (!text)
            return "after % only p, h, e, r and % are allowed";
        if (!append(path, size, text, strlen(text)))
            return too_long;
        pattern += 2;
    }
    return NULL;
}

const char *mt_path_expand(char *path, size_t size, const char *pattern, int n)
{
    path[0] = 0;
    if (*pattern != '/' && !getcwd(path, size - 1))
        return errno == ENOENT ? "the working directory is gone" : strerrordesc_np(errno);
    if (*pattern != '/' && !append(path, size, "/", 1))
        return too_long;
    const char *wrong = expand(path, size, pattern);
    return wrong || n <= 1 || append_number(path, size, n) ? wrong : too_long;
}
