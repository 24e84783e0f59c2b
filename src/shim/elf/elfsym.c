/* The GNU hash table: header {buckets, first symbol, bloom words, bloom shift}, bloom filter,
 * buckets, chains. A chain holds the hashes of consecutive symbols; its last has bit 0 set. */
#include "shim/elf/elfsym.h"

#include <stdbool.h>
#include <string.h>

struct dynamic {
    const uint32_t *hash;
    const ElfW(Sym) * symbols;
    const char *names;
};

/* glibc relocates these pointers in place; a value below the load address has been left as it is.
 */
static const void *pointer(const struct dl_phdr_info *info, ElfW(Addr) value)
{
    return (const void *)(value < info->dlpi_addr ? value + info->dlpi_addr : value);
}

static bool read_dynamic(const struct dl_phdr_info *info, struct dynamic *dynamic)
{
    const ElfW(Dyn) *entry = NULL;
    memset(dynamic, 0, sizeof *dynamic);
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_GNU_HASH)
            dynamic->hash = pointer(info, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_SYMTAB)
            dynamic->symbols = pointer(info, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_STRTAB)
            dynamic->names = pointer(info, entry->d_un.d_ptr);
    }
    return dynamic->hash && dynamic->symbols && dynamic->names;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static const ElfW(Sym) * find_symbol(const struct dynamic *dynamic, const char *name)
{
    uint32_t buckets = dynamic->hash[0], first = dynamic->hash[1], bloom = dynamic->hash[2];
    const uint32_t *bucket = dynamic->hash + 4 + bloom * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chain = bucket + buckets;
    uint32_t hash = gnu_hash(name);
    uint32_t i = buckets ? bucket[hash % buckets] : 0;
    if (i < first || i == 0)
        return NULL;
    for (;; i++) {
        const ElfW(Sym) *symbol = &dynamic->symbols[i];
        if ((chain[i - first] | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF &&
            strcmp(dynamic->names + symbol->st_name, name) == 0)
            return symbol;
        if (chain[i - first] & 1)
            return NULL;
    }
}

void *mt_elfsym_find(const struct dl_phdr_info *info, const char *name)
{
    struct dynamic dynamic;
    if (!read_dynamic(info, &dynamic))
        return NULL;
    const ElfW(Sym) *symbol = find_symbol(&dynamic, name);
    return symbol ? (void *)(info->dlpi_addr + symbol->st_value) : NULL;
}

struct other {
    const char *name;
    const void *own;
    void *found;
};

static int look_into(struct dl_phdr_info *info, size_t size, void *data)
{
    struct other *other = data;
    void *found = mt_elfsym_find(info, other->name);
    (void)size;
    if (found && found != other->own)
        other->found = found;
    return other->found != NULL;
}

void *mt_elfsym_other(const char *name, const void *own)
{
    struct other other = {name, own, NULL};
    dl_iterate_phdr(look_into, &other);
    return other.found;
}
