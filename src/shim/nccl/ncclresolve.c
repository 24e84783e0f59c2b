/* Finding the real NCCL, by name in every loaded library but this one. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "shim/nccl/nccl.h"
#include "shim/record/life.h"
#include "shim/elf/elfsym.h"

#define HOOKS (MT_NCCL_END - MT_APIS)

struct mt_nccl_ask mt_nccl_ask;
static _Atomic(void *) reals[HOOKS];

/* The library that defines the first of them has them all: parts of two copies must not mix. */
static int look_into(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    void *first = mt_elfsym_find(info, mt_nccl_hooks[0].name);
    if (!first || first == mt_nccl_hooks[0].hook)
        return 0;
    mt_nccl_ask.count = (__typeof__(mt_nccl_ask.count))mt_elfsym_find(info, "ncclCommCount");
    mt_nccl_ask.rank = (__typeof__(mt_nccl_ask.rank))mt_elfsym_find(info, "ncclCommUserRank");
    for (unsigned i = 0; i < HOOKS; i++)
        atomic_store_explicit(&reals[i], mt_elfsym_find(info, mt_nccl_hooks[i].name),
                              memory_order_release);
    return 1;
}

static void *real_at(unsigned i)
{
    void *real = atomic_load_explicit(&reals[i], memory_order_acquire);
    if (__builtin_expect(real != NULL, 1) || atomic_load(&reals[0]))
        return real;
    int saved = errno;
    dl_iterate_phdr(look_into, NULL);
    errno = saved;
    return atomic_load(&reals[i]);
}

void *mt_nccl_real(unsigned api)
{
    return real_at(api - MT_APIS);
}

static int find_name(const char *name)
{
    for (unsigned i = 0; i < HOOKS; i++)
        if (strcmp(mt_nccl_hooks[i].name, name) == 0)
            return (int)i;
    return -1;
}

static bool is_hooked(const char *name)
{
    return strncmp(name, "nccl", 4) == 0 && find_name(name) >= 0;
}

/* A second copy of NCCL in the process passes through, and is told. */
static void *find(void *library, const char *name)
{
    unsigned i = (unsigned)find_name(name);
    void *hook = mt_nccl_hooks[i].hook;
    void *found = mt_real_dlsym(library, name), *real = real_at(i);
    /* RTLD_DEFAULT finds our own export; whether anything is behind it decides. A look-up as the
     * last thing that is done would be a jump, and glibc takes who is returned to for who asks. */
    if (found == hook && !real)
        found = mt_real_dlsym(RTLD_NEXT, name);
    else if (found && found != hook && found != real)
        mt_life_variant(name, 0);
    __asm__ volatile("" : "+r"(found)); /* so nothing was the last thing done */
    return found && found == real ? hook : found;
}

const struct mt_other mt_other_nccl = {mt_nccl_hooks, HOOKS, is_hooked, find};
