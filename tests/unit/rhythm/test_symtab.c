#include "rhythm/symbols/symtab.h"

#include "../unit.h"
#include "letters.h"

static struct mt_symtab table;

static uint32_t add_size(uint64_t size)
{
    struct mt_symbol symbol = {.kind = MT_block_alloc, .size = size};
    return mt_symtab_add(&table, &symbol);
}

static void teardown(void)
{
    mt_symtab_release(&table);
}

START_TEST(numbers)
{
    struct mt_symbol one = symbol_of('a', 0), other = symbol_of('b', 1), again = symbol_of('a', 2);
    struct mt_symbol thread = symbol_of('A', 3);
    ck_assert_uint_eq(mt_symtab_add(&table, &one), 0);
    ck_assert_uint_eq(mt_symtab_add(&table, &other), 1);
    ck_assert_uint_eq(mt_symtab_add(&table, &again), 0);
    ck_assert_uint_eq(mt_symtab_add(&table, &thread), 2);
    ck_assert_uint_eq(table.bares, 3);
}
END_TEST

START_TEST(sizes_share_a_bare_symbol)
{
    uint32_t small = add_size(512), large = add_size(1024);
    ck_assert_uint_ne(small, large);
    ck_assert_uint_eq(table.sym[small].bare, table.sym[large].bare);
    ck_assert_int_eq(table.sym[large].grows, 1024);
}
END_TEST

/* However many sizes there are, the table is bounded, and early ones keep their symbols. */
START_TEST(very_many_sizes)
{
    uint32_t first = add_size(1), early = add_size(777);
    for (uint64_t size = 2; size < (3u << 20); size++)
        ck_assert_uint_ne(add_size(size), MT_SYM_NONE);
    ck_assert_uint_le(table.syms, (1u << 20) + 64);
    ck_assert_uint_eq(add_size(1), first);
    ck_assert_uint_eq(add_size(777), early);
    ck_assert_uint_eq(add_size((3u << 20) + 1), add_size((3u << 20) + 2));
}
END_TEST

UNIT_MAIN_WITH("symtab", NULL, teardown, numbers, sizes_share_a_bare_symbol, very_many_sizes)
