/* Stretches that hold the same are known, in the same state of affairs. */
#include "rhythm/compare/memo.h"

#include "../unit.h"
#include "letters.h"

static struct mt_window window;
static struct mt_memos memos;

static void teardown(void)
{
    mt_window_release(&window);
    mt_memos_release(&memos);
}

static void add(const char *letters)
{
    for (uint32_t i = 0; letters[i]; i++) {
        struct mt_symbol symbol = symbol_of(letters[i], window.n);
        ck_assert_int_eq(mt_window_add(&window, &symbol, 1), 0);
    }
}

static uint32_t look(uint32_t begin, uint32_t end, uint64_t state, bool expected)
{
    bool known;
    uint32_t id = mt_memos_look(&memos, &window, (struct mt_stretch){begin, end}, state, &known);
    ck_assert(known == expected);
    return id;
}

START_TEST(knows_the_same)
{
    add("abcabcacb");
    uint32_t first = look(0, 3, 7, false);
    ck_assert_uint_eq(look(3, 6, 7, true), first);
    ck_assert_uint_ne(look(6, 9, 7, false), first);
    ck_assert_uint_ne(look(0, 3, 8, false), first);
    ck_assert_uint_ne(look(0, 2, 7, false), first);
    ck_assert_uint_eq(look(0, 3, 7, true), first);
}
END_TEST

START_TEST(keeps_few_and_short_ones)
{
    for (uint32_t i = 0; i < 200; i++)
        add("ab");
    ck_assert_uint_eq(look(0, 300, 0, false), MT_MEMO_NONE);
    ck_assert_uint_eq(look(0, 300, 0, false), MT_MEMO_NONE);
    uint32_t kept = 0;
    while (look(0, 2, kept, false) != MT_MEMO_NONE)
        kept++;
    ck_assert_uint_gt(kept, 1000);
    ck_assert_uint_eq(look(0, 2, 0, true), 0);
    ck_assert_uint_eq(look(0, 2, kept + 1, false), MT_MEMO_NONE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {knows_the_same, keeps_few_and_short_ones, NULL};
    return unit_run(unit_suite_with("memo", tests, NULL, teardown));
}
