/* debuginfod, where the user has named servers. Its library is loaded then and only then: it brings
 * an HTTP client along, which nobody else should have to carry. */
#include <dlfcn.h>
#include <stdlib.h>

#include "symbols/findfile.h"

/* From elfutils/debuginfod.h; an id of length 0 is text. */
typedef void *begin_function(void);
typedef int find_function(void *client, const unsigned char *id, int length, char **path);
typedef void end_function(void *client);

static bool ask(void *library, const char *build_id, bool debug, struct mt_elffile *file)
{
    begin_function *begin = (begin_function *)(uintptr_t)dlsym(library, "debuginfod_begin");
    end_function *end = (end_function *)(uintptr_t)dlsym(library, "debuginfod_end");
    find_function *find = (find_function *)(uintptr_t)dlsym(
        library, debug ? "debuginfod_find_debuginfo" : "debuginfod_find_executable");
    void *client = begin && end && find ? begin() : NULL;
    if (!client)
        return false;
    int fd = find(client, (const unsigned char *)build_id, 0, NULL);
    end(client);
    if (fd < 0 || !mt_elffile_take(file, fd))
        return false;
    if (mt_elffile_is(file, build_id))
        return true;
    mt_elffile_close(file);
    return false;
}

bool mt_find_remote(const char *build_id, bool debug, struct mt_elffile *file)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    if (!urls || !*urls || !*build_id)
        return false;
    void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_LOCAL);
    /* It stays loaded: curl's threads do not survive an unload. */
    return library && ask(library, build_id, debug, file);
}
