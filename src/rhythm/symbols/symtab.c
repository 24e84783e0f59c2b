#include "rhythm/symbols/symtab.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

#define EXACT_MAX (1u << 20) /* symbols with their own sizes */
#define ALL_MAX (1u << 21)

void mt_symkeys_release(struct mt_symkeys *keys)
{
    free(keys->key);
    memset(keys, 0, sizeof *keys);
}

static bool grow(struct mt_symkeys *keys)
{
    struct mt_symkeys bigger = {.room = keys->room ? 2 * keys->room : 256, .used = keys->used};
    bigger.key = calloc(bigger.room, sizeof *bigger.key);
    if (!bigger.key)
        return false;
    for (uint32_t i = 0; i < keys->room; i++) {
        if (!keys->key[i].hash)
            continue;
        uint32_t at = (uint32_t)keys->key[i].hash & (bigger.room - 1);
        while (bigger.key[at].hash)
            at = (at + 1) & (bigger.room - 1);
        bigger.key[at] = keys->key[i];
    }
    free(keys->key);
    *keys = bigger;
    return true;
}

uint32_t mt_symkeys_add(struct mt_symkeys *keys, uint64_t hash, uint32_t next)
{
    hash += hash == 0;
    if (2 * keys->used >= keys->room && !grow(keys))
        return MT_SYM_NONE;
    uint32_t at = (uint32_t)hash & (keys->room - 1);
    for (; keys->key[at].hash; at = (at + 1) & (keys->room - 1))
        if (keys->key[at].hash == hash) /* 64 bits: that two symbols share them does not happen */
            return keys->key[at].id;
    keys->key[at] = (struct mt_symkey){hash, next};
    keys->used++;
    return next;
}

uint32_t mt_symkeys_find(const struct mt_symkeys *keys, uint64_t hash)
{
    hash += hash == 0;
    if (!keys->room)
        return MT_SYM_NONE;
    uint32_t at = (uint32_t)hash & (keys->room - 1);
    while (keys->key[at].hash && keys->key[at].hash != hash)
        at = (at + 1) & (keys->room - 1);
    return keys->key[at].hash ? keys->key[at].id : MT_SYM_NONE;
}

void mt_symtab_release(struct mt_symtab *table)
{
    free(table->sym);
    mt_symkeys_release(&table->exact);
    mt_symkeys_release(&table->bare);
    memset(table, 0, sizeof *table);
}

static uint64_t bounded_size(const struct mt_symtab *table, uint64_t size)
{
    if (table->syms < EXACT_MAX || size == 0)
        return size;
    return table->syms < ALL_MAX ? UINT64_C(1) << (63 - __builtin_clzll(size)) : 0;
}

static uint32_t add_sym(struct mt_symtab *table, const struct mt_symbol *symbol, uint64_t size,
                        uint64_t bare_hash)
{
    if (!MT_ROOM(table->sym, table->syms, table->room, 1024))
        return MT_SYM_NONE;
    uint32_t bare = mt_symkeys_add(&table->bare, bare_hash, table->bares);
    if (bare == MT_SYM_NONE)
        return MT_SYM_NONE;
    table->bares += bare == table->bares;
    int64_t grows = symbol->kind == MT_block_alloc  ? (int64_t)symbol->size
                    : symbol->kind == MT_block_free ? -(int64_t)symbol->size
                                                    : 0;
    table->sym[table->syms] = (struct mt_sym){.size = size,
                                              .grows = grows,
                                              .what = symbol->what,
                                              .bare = bare,
                                              .kind = symbol->kind,
                                              .thread = symbol->thread,
                                              .input = symbol->input};
    return table->syms++;
}

static uint32_t look_up(struct mt_symtab *table, const struct mt_symbol *symbol)
{
    uint64_t bare = mt_sym_mix((uint64_t)symbol->kind << 32 | symbol->what, symbol->thread);
    uint64_t hash = mt_sym_mix(bare, symbol->size), size = symbol->size;
    if (table->syms >= EXACT_MAX && mt_symkeys_find(&table->exact, hash) == MT_SYM_NONE) {
        size = bounded_size(table, size);
        hash = mt_sym_mix(bare, size);
    }
    uint32_t id = mt_symkeys_add(&table->exact, hash, table->syms);
    return id == table->syms ? add_sym(table, symbol, size, bare) : id;
}

uint32_t mt_symtab_add(struct mt_symtab *table, const struct mt_symbol *symbol)
{
    uint32_t *recent = mt_symtab_recent(table, symbol);
    if (table->syms && mt_sym_is(&table->sym[*recent], symbol))
        return *recent;
    uint32_t id = look_up(table, symbol);
    if (id != MT_SYM_NONE)
        *recent = id;
    return id;
}
