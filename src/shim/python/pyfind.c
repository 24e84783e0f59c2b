#include "shim/python/pyfind.h"

#include <stddef.h>

#include "shim/elf/elfsym.h"

struct search {
    struct mt_pysymbols *symbols;
    unsigned long long *seen;
    bool found;
};

static bool find_symbols(struct mt_pysymbols *symbols, const struct dl_phdr_info *info)
{
    bool all = true;
#define FIND(name)                                                                                 \
    if (all)                                                                                       \
        all = (symbols->name = mt_elfsym_find(info, #name)) != NULL;
    MT_PYTHON_SYMBOLS(FIND)
#undef FIND
    symbols->runtime = all ? mt_elfsym_find(info, "_PyRuntime") : NULL;
    return all;
}

static void measure(struct mt_pysymbols *symbols, const struct dl_phdr_info *info)
{
    symbols->begin = UINTPTR_MAX;
    symbols->end = 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD)
            continue;
        uintptr_t begin = info->dlpi_addr + part->p_vaddr, end = begin + part->p_memsz;
        symbols->begin = begin < symbols->begin ? begin : symbols->begin;
        symbols->end = end > symbols->end ? end : symbols->end;
    }
}

static int look_into(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    unsigned long long loads =
        size > offsetof(struct dl_phdr_info, dlpi_adds) ? info->dlpi_adds : 0;
    if (loads && loads == *search->seen)
        return 1;
    if (!find_symbols(search->symbols, info))
        return 0;
    measure(search->symbols, info);
    search->found = true;
    return 1;
}

static int count(struct dl_phdr_info *info, size_t size, void *data)
{
    unsigned long long *seen = data;
    *seen = size > offsetof(struct dl_phdr_info, dlpi_adds) ? info->dlpi_adds : 0;
    return 1;
}

bool mt_pyfind(struct mt_pysymbols *symbols, unsigned long long *seen)
{
    struct search search = {symbols, seen, false};
    unsigned long long now = 0;
    dl_iterate_phdr(count, &now);
    dl_iterate_phdr(look_into, &search);
    *seen = now;
    return search.found;
}
