/* Where the recorder lies relative to the launcher. */
#include "preload.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* The folder of this program, wherever it was called from: where /proc is not mounted, by the path
 * that the kernel was given. */
static int own_folder(char folder[PATH_MAX], struct mt_error *error)
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    const char *given = (const char *)getauxval(AT_EXECFN);
    if (length >= 0)
        folder[length] = '\0';
    else if (!given || !realpath(given, folder))
        return mt_fail(error, MT_ERR_SYSTEM,
                       "/proc/self/exe: %s; where /proc is not mounted call memtrace by its path",
                       strerror(errno));
    *strrchr(folder, '/') = '\0';
    return MT_OK;
}

static int find_library(char path[PATH_MAX], struct mt_error *error)
{
    static const char *const places[] = {"../src/shim", "../" MT_LIBDIR "/memtrace"};
    char folder[PATH_MAX];
    RETURN_IF_ERROR(own_folder(folder, error));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char candidate[PATH_MAX + 64];
        snprintf(candidate, sizeof candidate, "%s/%s/libmemtrace.so", folder, places[i]);
        if (realpath(candidate, path) && access(path, R_OK) == 0)
            return MT_OK;
    }
    return mt_fail(error, MT_ERR_SYSTEM,
                   "libmemtrace.so is not in %.200s/%s; install memtrace again", folder, places[1]);
}

/* How much of LD_PRELOAD names runtimes of sanitizers: a program built with one refuses to start
 * where another library comes before it. */
static size_t sanitizers(const char *list)
{
    size_t end = 0;
    for (const char *at = list; *at; at += strspn(at, ": ")) {
        size_t size = strcspn(at, ": ");
        const char *name = memrchr(at, '/', size);
        name = name ? name + 1 : at;
        const char *san = memmem(name, (size_t)(at + size - name), "san", 3);
        if (strncmp(name, "lib", 3) != 0 || !san)
            break;
        at += size;
        end = (size_t)(at - list);
    }
    return end;
}

int mt_preload_set(struct mt_error *error)
{
    char path[PATH_MAX];
    RETURN_IF_ERROR(find_library(path, error));
    /* The loader splits LD_PRELOAD at both and knows no quoting. */
    if (strpbrk(path, ": "))
        return mt_fail(error, MT_ERR_SYSTEM,
                       "%.300s: LD_PRELOAD cannot name a file with a space or colon in its path; "
                       "install memtrace elsewhere", path);
    const char *before = getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "";
    size_t first = sanitizers(before);
    const char *behind = before + first + strspn(before + first, ": ");
    char *value = NULL;
    if (asprintf(&value, "%.*s%s%s%s%s", (int)first, before, first ? ":" : "", path,
                 *behind ? ":" : "", behind) < 0)
        return mt_fail(error, MT_ERR_MEMORY, "out of memory");
    int result = setenv("LD_PRELOAD", value, 1);
    free(value);
    return result == 0 ? MT_OK : mt_fail(error, MT_ERR_MEMORY, "LD_PRELOAD: %s", strerror(errno));
}

const char *mt_preload_analyzer(const char *own_name)
{
    static char name[PATH_MAX];
    const char *slash = strrchr(own_name, '/');
    int folder = slash ? (int)(slash - own_name) + 1 : 0;
    snprintf(name, sizeof name, "%.*smemtrace-analyze", folder, own_name);
    return name;
}
