/* Ranks of positions, from wherever they are looked for. */
#include "rhythm/symbols/window.h"

#include "../unit.h"

#define N 200u

static struct mt_window window;

static void fill(uint32_t threads)
{
    uint64_t state = 3;
    for (uint32_t i = 0; i < N; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        struct mt_symbol symbol = {
            .event = i, .kind = MT_launch, .thread = (uint16_t)((state >> 33) % threads)};
        ck_assert_int_eq(mt_window_add(&window, &symbol, 1), 0);
    }
    ck_assert_int_eq(mt_window_sort(&window), 0);
}

static uint32_t rank_of(uint32_t thread, uint32_t position)
{
    uint32_t rank = window.thread_begin[thread];
    while (rank < window.thread_begin[thread + 1] && window.order[rank] < position)
        rank++;
    return rank;
}

static void look_from_everywhere(uint32_t threads)
{
    fill(threads);
    for (uint32_t t = 0; t < window.threads; t++)
        for (uint32_t position = 0; position <= N; position++)
            for (uint32_t near = 0; near <= N + 1; near++)
                ck_assert_uint_eq(mt_window_rank_from(&window, t, position, near),
                                  rank_of(t, position));
}

START_TEST(of_one_thread)
{
    look_from_everywhere(1);
}
END_TEST

START_TEST(of_several_threads)
{
    look_from_everywhere(5);
}
END_TEST

static void teardown(void)
{
    mt_window_release(&window);
}

UNIT_MAIN_WITH("window", NULL, teardown, of_one_thread, of_several_threads)
