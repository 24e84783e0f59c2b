#include "base/folders.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

static int make(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : -errno;
}

/* The innermost is tried first, so that those above which are there are not asked for rights: the
 * path is cut, one name at a time, until one can be made, and grows again from there. */
int mt_folders_make(char *path)
{
    char *end = path + strlen(path), *cut = end, *slash;
    int code = make(path);
    while (code == -ENOENT && (slash = memrchr(path, '/', (size_t)(cut - path))) && slash > path) {
        cut = slash;
        *cut = '\0';
        code = make(path);
    }
    while (cut < end) {
        *cut = '/';
        cut += strlen(cut);
        if (code == 0)
            code = make(path);
    }
    return code;
}

int mt_folders_make_for(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    *slash = '\0';
    int code = mt_folders_make(path);
    *slash = '/';
    return code;
}
