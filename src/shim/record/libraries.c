/* The linker answers without a lock (_dl_find_object, glibc 2.35); dladdr would take one, perhaps
 * under an allocator's. Pages of code are remembered: a page and a library's number fill a word. */
#include "shim/record/libraries.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "shim/guest/glibc.h"
#include "shim/record/life.h"
#include "shim/record/texts.h"

#define SLOTS 1024u
#define ID_BITS 24

static _Atomic uint64_t slot[SLOTS]; /* page above, number below */
static _Atomic uint32_t epoch;       /* the recording whose numbers they are */

/* The file's name without its folder; of the program itself the linker has none. Keeps errno. */
static const char *file_of(const void *address, char *room, size_t size)
{
    const char *path = "";
#ifdef DLFO_EH_SEGMENT_TYPE
    struct dl_find_object object;
    /* It only looks at it. */
    if (!_dl_find_object || _dl_find_object((void *)(uintptr_t)address, &object) != 0)
        return NULL;
    path = object.dlfo_link_map->l_name;
#else
    return NULL;
#endif
    if (!*path) {
        int saved = errno;
        ssize_t length = readlink("/proc/self/exe", room, size - 1);
        errno = saved;
        room[length > 0 ? length : 0] = 0;
        path = length < (ssize_t)size - 1 ? room : program_invocation_short_name;
    }
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void start_afresh(void)
{
    uint32_t now = atomic_load_explicit(&mt_life_epoch, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(&epoch, memory_order_relaxed) == now, 1))
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        atomic_store_explicit(&slot[i], 0, memory_order_relaxed);
    atomic_store(&epoch, now);
}

uint64_t mt_library_of(const void *address)
{
    uint64_t page = (uintptr_t)address >> 12;
    _Atomic uint64_t *place = &slot[page % SLOTS];
    start_afresh();
    uint64_t known = atomic_load_explicit(place, memory_order_relaxed);
    if (__builtin_expect(known >> ID_BITS == page, 1))
        return known & ((1u << ID_BITS) - 1);
    char room[512]; /* the job's stack may be small */
    const char *name = file_of(address, room, sizeof room);
    if (!name || !*name)
        return 0;
    uint64_t id = mt_text_id(name, strlen(name)).id;
    if (id > 0 && id < 1u << ID_BITS)
        atomic_store_explicit(place, page << ID_BITS | id, memory_order_relaxed);
    return id;
}

bool mt_is_library(const void *address, const char *begin)
{
    char room[512];
    const char *name = file_of(address, room, sizeof room);
    return name && strncmp(name, begin, strlen(begin)) == 0;
}
