/* A window that is followed leaves the same behind as one that is sorted, cut and compared. */
#include "rhythm/search/follow.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "letters.h"

struct side {
    struct mt_window window;
    struct mt_track track;
    struct mt_nesting nesting;
};

static struct side followed, compared;
static struct mt_follow follow;
static struct mt_cut cut;
static uint64_t events;

static void setup(void)
{
    memset(&cut, 0, sizeof cut);
    memset(&followed, 0, sizeof followed);
    memset(&compared, 0, sizeof compared);
    events = 0;
}

static void release(struct side *side)
{
    mt_window_release(&side->window);
    mt_track_release(&side->track);
}

static void teardown(void)
{
    release(&followed);
    release(&compared);
    mt_follow_release(&follow);
}

/* What a detector does with a full window. */
static void look_at_window(struct side *side)
{
    uint32_t *border, borders, n = side->window.n;
    ck_assert_int_eq(mt_window_sort(&side->window), 0);
    ck_assert_int_eq(mt_cut_find(&side->window, &cut, &border, &borders), 0);
    ck_assert_uint_ge(borders, 1);
    uint32_t last = border[borders - 1];
    side->window.n = last;
    side->window.behind = n - last;
    if (borders > 1)
        ck_assert_int_eq(mt_track_add(&side->track, &side->window, border, borders - 1, false), 0);
    side->window.n = n;
    side->window.behind = 0;
    ck_assert_int_eq(mt_nesting_count(&side->nesting, &side->window, &side->track, last), 0);
    mt_window_drop(&side->window, last);
    free(border);
}

static void add(struct side *side, const char *text)
{
    for (uint32_t i = 0; text[i]; i++) {
        struct mt_symbol symbol = symbol_of(text[i], events + i);
        ck_assert_int_eq(mt_window_add(&side->window, &symbol, 1), 0);
    }
}

/* The gram that ends at a rank. */
static struct mt_anchor anchor_of(struct side *side, uint32_t length, uint32_t rank)
{
    struct mt_anchor anchor;
    mt_anchor_take(&side->window, (struct mt_gram_mode){length, false}, rank, &anchor);
    return anchor;
}

/* Thread 0: abcabd, thread 1: XYZ; as the text has it at first. */
static void begin_side(struct side *side, const char *text)
{
    add(side, text);
    ck_assert_int_eq(mt_window_sort(&side->window), 0);
    cut.anchor = anchor_of(side, 3, 2);                     /* abc */
    side->nesting.nested[0].anchor = anchor_of(side, 2, 1); /* ab: twice */
    side->nesting.nested[1].anchor = anchor_of(side, 3, 6); /* bda: over a border */
    uint32_t other = side->window.thread_begin[1];
    side->nesting.nested[2].anchor = anchor_of(side, 4, other + 4); /* YZXY: longer than its part */
    side->nesting.levels = 3;
    look_at_window(side);
}

static void begin(const char *text)
{
    begin_side(&followed, text);
    begin_side(&compared, text);
    events += strlen(text);
    ck_assert_int_eq(
        mt_follow_begin(&follow, &followed.window, &followed.track, &cut, &followed.nesting), 0);
}

static void check_same(void)
{
    const struct mt_track *one = &followed.track, *other = &compared.track;
    ck_assert_uint_eq(one->iterations, other->iterations);
    ck_assert_uint_eq(one->symbols, other->symbols);
    ck_assert(memcmp(one->iteration, other->iteration, one->iterations * sizeof *one->iteration) ==
              0);
    ck_assert(memcmp(&followed.nesting, &compared.nesting, sizeof followed.nesting) == 0);
    uint32_t n = followed.window.n;
    ck_assert_uint_eq(n, compared.window.n);
    ck_assert(memcmp(followed.window.sym, compared.window.sym, n * sizeof(uint32_t)) == 0);
    ck_assert(memcmp(followed.window.event, compared.window.event, n * sizeof(uint64_t)) == 0);
    ck_assert(memcmp(followed.window.time_ns, compared.window.time_ns, n * sizeof(uint64_t)) == 0);
}

/* The window is full behind this text. Whether it was followed. */
static bool window_of(const char *text)
{
    size_t n = strlen(text), taken = 0;
    add(&compared, text);
    for (size_t i = 0; i < n; i++) {
        struct mt_symbol symbol = symbol_of(text[i], events + i);
        taken = 0;
        if (follow.on)
            ck_assert_int_eq(mt_follow_add(&follow, &followed.window, &symbol, 1, &taken), 0);
        if (taken == 0)
            ck_assert_int_eq(mt_window_add(&followed.window, &symbol, 1), 0);
    }
    events += n;
    bool whole = mt_follow_is_whole(&follow);
    if (whole)
        ck_assert_int_eq(
            mt_follow_finish(&follow, &followed.window, &followed.track, &followed.nesting), 0);
    else
        look_at_window(&followed);
    look_at_window(&compared);
    check_same();
    ck_assert_int_eq(
        mt_follow_begin(&follow, &followed.window, &followed.track, &cut, &followed.nesting), 0);
    return whole;
}

#define ONE "abXcYabZd"
#define OTHER "aXYZbcabd" /* the same, otherwise interleaved */

static void plan_anew(void)
{
    follow.planned = false;
    ck_assert_int_eq(
        mt_follow_begin(&follow, &followed.window, &followed.track, &cut, &followed.nesting), 0);
}

START_TEST(repeats)
{
    begin(ONE ONE ONE ONE);
    ck_assert(follow.on);
    ck_assert(window_of(ONE ONE OTHER ONE));
    ck_assert(window_of(OTHER ONE ONE "abXcY"));
    ck_assert(window_of("abZd" ONE ONE "abcX"));
    ck_assert(window_of("YabZd" OTHER OTHER "aXYZbcabdabc"));
    ck_assert(window_of("abdXYZ" ONE ONE "abc"));
}
END_TEST

START_TEST(border_not_told_yet)
{
    begin(ONE ONE ONE ONE);
    ck_assert(!window_of(ONE ONE ONE "aXb"));
    ck_assert(window_of("cabYdZ" ONE ONE "abc"));
    ck_assert(!window_of("XYZabd"
                         "a"));
    ck_assert(window_of("bcXYZ"));
    ck_assert(!window_of("ab")); /* one border: no iteration ends */
}
END_TEST

START_TEST(late_thread)
{
    begin(ONE ONE ONE ONE);
    ck_assert(!window_of(ONE "abXcYabdaZbXcYabZd" ONE ONE "abc"));
    ck_assert(!window_of("XXYZabd" ONE ONE "abc"));
    ck_assert(!window_of("XYabd" ONE ONE "abc"));
    ck_assert(window_of("XYZabd" ONE ONE "abc"));
}
END_TEST

START_TEST(something_else)
{
    begin(ONE ONE ONE ONE);
    ck_assert(!window_of(ONE "abXcYaeZd" ONE ONE "abc"));
    ck_assert(!window_of("XYZabd" ONE "5" ONE "abc"));
    ck_assert(!window_of("XYZabd" ONE ONE "abcQ"));
    ck_assert(!window_of("XYZabd" ONE ONE "abc"));
    ck_assert(window_of("XYZabd" ONE ONE "abc"));
}
END_TEST

START_TEST(something_missing)
{
    begin(ONE ONE ONE ONE);
    ck_assert_int_eq(mt_track_break(&followed.track, events), 0);
    ck_assert_int_eq(mt_track_break(&compared.track, events), 0);
    plan_anew();
    ck_assert(!follow.on);
    ck_assert(!window_of(ONE ONE "abc"));
    ck_assert(window_of("XYZabd" ONE "abc"));
}
END_TEST

/* Borders are steps back from the anchor, over what stands before it. */
START_TEST(steps_back)
{
    begin(ONE ONE ONE ONE);
    cut.begin = followed.nesting.nested[0].anchor; /* ab */
    cut.nth = 2;
    cut.anchor = cut.begin;
    cut.anchor.mode.length = 1;
    cut.anchor.id[0] = followed.window.sym[8]; /* d */
    plan_anew();
    ck_assert(!window_of(ONE ONE ONE "abcab"));
    ck_assert(window_of("dXYZ" ONE ONE ONE "abcabd"));
    cut.nth = 1; /* not where the reference begins */
    plan_anew();
    ck_assert(!follow.on);
    cut.nth = 2;
    cut.begin.thread = 1;
    plan_anew();
    ck_assert(!follow.on);
}
END_TEST

/* The anchor is another thread's. */
START_TEST(steps_back_over_threads)
{
    begin(ONE ONE ONE ONE);
    cut.begin = followed.nesting.nested[0].anchor; /* ab */
    cut.nth = 2;
    cut.anchor = cut.begin;
    cut.anchor.thread = 1;
    cut.anchor.mode.length = 1;
    cut.anchor.id[0] = followed.window.sym[7]; /* Z */
    plan_anew();
    ck_assert(window_of(ONE ONE "abXcYabZ"));
    ck_assert(window_of("d" ONE "abcabXYZd" ONE "abcabdXYZ"));
    ck_assert(!window_of(ONE ONE "abcabdXY"));
    ck_assert(!window_of("Z" ONE ONE "abcaXYZ")); /* the second ab is not there yet */
    ck_assert(window_of("bd" ONE ONE "abXcYabZ"));
    ck_assert(!window_of("d" ONE OTHER ONE "abXcYabZ")); /* Z comes before it */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        repeats,    border_not_told_yet,     late_thread, something_else, something_missing,
        steps_back, steps_back_over_threads, NULL};
    return unit_run(unit_suite_with("follow", tests, setup, teardown));
}
