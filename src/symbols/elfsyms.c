#include "symbols/elfsyms.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"
#include "base/grow.h"

#define SYMBOLS_MAX (UINT32_C(1) << 25) /* no library has more: 800 MB of them */
#define LOOK_BACK 16 /* functions that begin before an address and may still contain it */

struct mt_elfsym {
    uint64_t address, size;
    uint32_t name, strings; /* place in a string section, and its number */
    uint32_t rank;          /* of several at one address the lowest one is taken */
};

static Elf_Scn *section_of_type(Elf *elf, uint32_t type, GElf_Shdr *header)
{
    for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn))
        if (gelf_getshdr(scn, header) && header->sh_type == type)
            return scn;
    return NULL;
}

static bool is_function(const GElf_Sym *symbol)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF;
}

static uint32_t rank_of(const GElf_Sym *symbol)
{
    unsigned bind = GELF_ST_BIND(symbol->st_info);
    return (symbol->st_size == 0) * 4u + (bind == STB_GLOBAL ? 0u : bind == STB_WEAK ? 1u : 2u);
}

static bool append(struct mt_elfsyms *symbols, const GElf_Sym *symbol, uint32_t strings)
{
    if (!MT_ROOM(symbols->symbol, symbols->n, symbols->room, 4096))
        return false;
    symbols->symbol[symbols->n++] = (struct mt_elfsym){symbol->st_value, symbol->st_size,
                                                       symbol->st_name, strings, rank_of(symbol)};
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct mt_elfsym *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->rank != right->rank)
        return left->rank > right->rank ? -1 : 1; /* the best one last: it is met first */
    return left->name < right->name ? 1 : left->name > right->name ? -1 : 0;
}

bool mt_elfsyms_load(struct mt_elfsyms *symbols, struct Elf *elf)
{
    GElf_Shdr header;
    Elf_Scn *section = section_of_type(elf, SHT_SYMTAB, &header);
    if (!section)
        section = section_of_type(elf, SHT_DYNSYM, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    *symbols = (struct mt_elfsyms){.elf = elf};
    size_t size = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
    if (!data || size == 0)
        return false;
    for (size_t i = 0; i < data->d_size / size && i < SYMBOLS_MAX; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol) || !is_function(&symbol))
            continue;
        if (!append(symbols, &symbol, header.sh_link)) {
            mt_elfsyms_release(symbols);
            return false;
        }
    }
    if (symbols->n)
        qsort(symbols->symbol, symbols->n, sizeof *symbols->symbol, compare);
    return symbols->n > 0;
}

void mt_elfsyms_release(struct mt_elfsyms *symbols)
{
    free(symbols->symbol);
    *symbols = (struct mt_elfsyms){NULL};
}

/* A function without a size (hand-written assembly) reaches to the next one. */
const char *mt_elfsyms_at(const struct mt_elfsyms *symbols, uint64_t address)
{
    size_t after = MT_FIRST_ABOVE(symbols->symbol, symbols->n, address, address);
    for (size_t back = 1; back <= LOOK_BACK && back <= after; back++) {
        const struct mt_elfsym *symbol = &symbols->symbol[after - back];
        if (address - symbol->address < symbol->size || (symbol->size == 0 && back == 1)) {
            const char *name = elf_strptr(symbols->elf, symbol->strings, symbol->name);
            return name && *name ? name : NULL;
        }
    }
    return NULL;
}
