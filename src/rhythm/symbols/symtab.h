/* The distinct symbols of a trace, numbered from 0 as they come.
 *
 * A symbol is (thread, kind, what, size); its bare form leaves the size out and is numbered on its
 * own. Memory is bounded: of very many distinct sizes the late ones are taken for powers of two,
 * then for none. */
#ifndef MT_SYMTAB_H
#define MT_SYMTAB_H

#include <stdint.h>

#include "rhythm/symbols/symbol.h"

struct mt_sym {
    uint64_t size;
    int64_t grows; /* bytes of live blocks that it adds */
    uint32_t what, bare;
    uint16_t kind, thread;
    bool input;
};

struct mt_symkey {
    uint64_t hash; /* 0: free */
    uint32_t id;
};

struct mt_symkeys {
    struct mt_symkey *key;
    uint32_t room, used; /* room: a power of two, or 0 */
};

#define MT_SYM_RECENT 4096u /* a power of two */

struct mt_symtab {
    struct mt_sym *sym;
    uint32_t syms, room, bares;
    uint32_t recent[MT_SYM_RECENT]; /* numbers of symbols found last, by a cheap hash */
    struct mt_symkeys exact, bare;
};

void mt_symtab_release(struct mt_symtab *table);

/* The number of a symbol; MT_SYM_NONE where memory is out. */
#define MT_SYM_NONE UINT32_MAX
uint32_t mt_symtab_add(struct mt_symtab *table, const struct mt_symbol *symbol);

/* Where the number of a symbol is kept if it was found lately. */
static inline uint32_t *mt_symtab_recent(struct mt_symtab *table, const struct mt_symbol *symbol)
{
    uint64_t about = (uint64_t)symbol->what << 22 ^ (uint64_t)symbol->kind << 16 ^ symbol->thread;
    return &table->recent[(symbol->size ^ about << 16) * 0x9e3779b97f4a7c15u >> 52 &
                          (MT_SYM_RECENT - 1)];
}

static inline bool mt_sym_is(const struct mt_sym *sym, const struct mt_symbol *symbol)
{
    return sym->size == symbol->size && sym->what == symbol->what && sym->kind == symbol->kind &&
           sym->thread == symbol->thread;
}

/* Number of a key in a set of keys, `next` if it is new; MT_SYM_NONE where memory is out. */
uint32_t mt_symkeys_add(struct mt_symkeys *keys, uint64_t hash, uint32_t next);
uint32_t mt_symkeys_find(const struct mt_symkeys *keys, uint64_t hash); /* MT_SYM_NONE: it is new */
void mt_symkeys_release(struct mt_symkeys *keys);

static inline uint64_t mt_sym_mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6))) * 0xff51afd7ed558ccdu;
    return z ^ z >> 32;
}

#endif
