/* Finding the real driver. It is never loaded by us: the job has loaded it, or there is none. */
#include "shim/cuda/resolve.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hot.h"
#include "shim/elf/elfsym.h"
#include "shim/guest/glibc.h"

/* First of what is hot (meson.build), from a page's beginning: it all fills that page. */
void *mt_real[MT_APIS] MT_HOT_DATA __attribute__((aligned(4096)));
struct mt_ask mt_ask;
mt_dlsym_fn *mt_real_dlsym;

const struct mt_hook mt_hooks[] = {
#define HOOK(family, when, symbol, per_thread, parameters, arguments, ok, bad)                     \
    [MT_API_##symbol] = {#symbol, (void *)symbol},
#include "shim/cuda/hooks.def"
};
const unsigned mt_hooks_count = MT_APIS;

/* The default version of glibc's dlsym moved from libdl to libc in 2.34. */
void mt_find_dlsym(void)
{
#if defined(__aarch64__)
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17"};
#else
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5"};
#endif
    for (unsigned i = 0; mt_is_glibc() && !mt_real_dlsym && i < 2; i++)
        mt_real_dlsym = (mt_dlsym_fn *)dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    if (!mt_is_glibc())
        mt_real_dlsym = (mt_dlsym_fn *)mt_elfsym_other("dlsym", (void *)dlsym);
}

bool mt_is_driver(const void *address)
{
    Dl_info info;
    if (!dladdr(address, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    return strncmp(slash ? slash + 1 : info.dli_fname, "libcuda.so", 10) == 0;
}

void *mt_hook_of(const void *real)
{
    for (unsigned i = 0; i < MT_APIS; i++)
        if (mt_real[i] == real)
            return mt_hooks[i].hook;
    return NULL;
}

/* Real functions are published by the last store, of the flag; before it all read NULL and come
 * here. */
static void fill(void *library)
{
    for (unsigned i = 0; i < MT_APIS; i++)
        mt_real[i] = mt_real_dlsym(library, mt_hooks[i].name);
#define MT_ASKED_FILL(name) mt_ask.name = (__typeof__(&name))mt_real_dlsym(library, #name);
    MT_ASKED(MT_ASKED_FILL)
#undef MT_ASKED_FILL
}

static _Atomic bool filled;

/* A library's own handle, from any address in it. The reference stays: a driver that the job closes
 * must not take away what mt_real points to. */
static void *library_of(const void *address)
{
    Dl_info info;
    void *library = dladdr(address, &info) && info.dli_fname
                        ? dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY)
                        : NULL;
    return library;
}

void mt_resolve_from(const void *address)
{
    if (atomic_load_explicit(&filled, memory_order_acquire))
        return;
    int saved = errno;
    if (!mt_real_dlsym)
        mt_find_dlsym();
    void *library = mt_real_dlsym ? library_of(address) : NULL;
    if (library) {
        fill(library); /* two threads at once write the same */
        atomic_store_explicit(&filled, true, memory_order_release);
    }
    dlerror(); /* what an older driver lacks would pass for an error of the job's own look-up */
    errno = saved;
}

void *mt_resolve_late(enum mt_api api)
{
    if (!mt_real_dlsym)
        mt_find_dlsym();
    void *next = mt_real_dlsym ? mt_real_dlsym(RTLD_NEXT, mt_hooks[api].name) : NULL;
    if (!next || !mt_is_driver(next)) { /* in no global scope, or another tool's */
        void *library = dlopen("libcuda.so.1", RTLD_NOLOAD | RTLD_LAZY);
        next = library ? mt_real_dlsym(library, mt_hooks[api].name) : NULL;
    }
    if (next)
        mt_resolve_from(next);
    return mt_real[api];
}
