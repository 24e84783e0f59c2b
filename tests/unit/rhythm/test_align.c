/* Two stretches of one window, compared. */
#include "rhythm/compare/align.h"

#include <string.h>

#include "../unit.h"
#include "rhythm/compare/track.h"
#include "letters.h"

static struct mt_window window;
static struct mt_likeness likeness;
static struct mt_changes changes;
static uint32_t begin[4], end[4];

/* Align `other` with `reference`. */
static void align(const char *reference, const char *other)
{
    struct mt_slices slices = {begin, end};
    struct mt_reference made;
    uint32_t n = (uint32_t)strlen(reference), all = n + (uint32_t)strlen(other);
    for (uint32_t i = 0; i < all; i++) {
        struct mt_symbol symbol = symbol_of(i < n ? reference[i] : other[i - n], i);
        ck_assert_int_eq(mt_window_add(&window, &symbol, 1), 0);
    }
    ck_assert_int_eq(mt_window_sort(&window), 0);
    mt_slices_fill(&slices, &window, (struct mt_stretch){0, n});
    ck_assert_int_eq(mt_reference_init(&made, &window, &slices), 0);
    mt_slices_fill(&slices, &window, (struct mt_stretch){n, all});
    ck_assert_int_eq(mt_align(&made, &window, &slices, &likeness, mt_changes_note, &changes), 0);
    mt_reference_release(&made);
}

static void teardown(void)
{
    mt_window_release(&window);
    mt_changes_release(&changes);
}

#define LIKE(exact_, class__, kind_)                                                               \
    do {                                                                                           \
        ck_assert_uint_eq(likeness.exact, exact_);                                                 \
        ck_assert_uint_eq(likeness.class_, class__);                                               \
        ck_assert_uint_eq(likeness.kind, kind_);                                                   \
    } while (0)

START_TEST(the_same)
{
    align("abc1defg", "abc1defg");
    LIKE(8, 8, 8);
    ck_assert_uint_eq(likeness.length, 8);
    ck_assert_uint_eq(likeness.last, 16);
    ck_assert_uint_eq(changes.changes, 0);
}
END_TEST

START_TEST(sizes_differ)
{
    align("ab4c4d", "ab6c9d");
    LIKE(4, 5, 6);
    ck_assert_uint_eq(changes.changes, 2);
    ck_assert_int_eq(changes.change[0].change, MT_CHANGE_SIZE);
    ck_assert_uint_eq(changes.change[0].position, 2);
    ck_assert_uint_eq(changes.change[0].expected.size, 4096);
    ck_assert_uint_eq(changes.change[0].found.size, 6144);
}
END_TEST

START_TEST(one_more_one_less)
{
    align("abcdefghij", "abcxdefgij");
    LIKE(9, 9, 9);
    ck_assert_uint_eq(changes.changes, 2);
    ck_assert_int_eq(changes.change[0].change, MT_CHANGE_EXTRA);
    ck_assert_uint_eq(changes.change[0].position, 3);
    ck_assert_uint_eq(changes.change[0].found.what, 'x');
    ck_assert_int_eq(changes.change[1].change, MT_CHANGE_MISSING);
    ck_assert_uint_eq(changes.change[1].position, 7);
    ck_assert_uint_eq(changes.change[1].expected.what, 'h');
}
END_TEST

START_TEST(another_kernel)
{
    align("abcdefghij", "abcdxfghij");
    LIKE(9, 9, 9);
    ck_assert_uint_eq(changes.changes, 1);
    ck_assert_int_eq(changes.change[0].change, MT_CHANGE_OTHER);
    ck_assert_uint_eq(changes.change[0].position, 4);
}
END_TEST

/* More is put in than is looked ahead: the way goes on at a landmark. */
START_TEST(much_is_put_in)
{
    align("abcdefghij", "abcdzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyefghij");
    LIKE(10, 10, 10);
    ck_assert_uint_eq(likeness.length, 50);
}
END_TEST

START_TEST(something_follows)
{
    align("abcdefghij", "abcdefghijzyzyzyzyzy");
    LIKE(10, 10, 10);
    ck_assert_uint_eq(likeness.last, 20);
}
END_TEST

START_TEST(threads_interleave_otherwise)
{
    align("abcABCdefDEF", "aAbBcCdDeEfF");
    LIKE(12, 12, 12);
    ck_assert_uint_eq(changes.changes, 0);
}
END_TEST

START_TEST(nothing_in_common)
{
    align("abcdefghij", "zyxwvutsrq");
    LIKE(0, 0, 0);
    ck_assert_uint_eq(likeness.last, 0);
}
END_TEST

UNIT_MAIN_WITH("align", NULL, teardown, the_same, sizes_differ, one_more_one_less, another_kernel,
               much_is_put_in, something_follows, threads_interleave_otherwise, nothing_in_common)
