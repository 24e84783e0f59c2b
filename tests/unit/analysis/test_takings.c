/* What is physically taken for what was asked for, and which moments are told. */
#include <string.h>

#include "../unit.h"
#include "analysis/accounting/takings.h"
#include "analysis/answers/tables.h"
#include "passrun.h"
#include "tracewriter.h"

extern const struct mt_pass mt_pass_accounting;

enum { ALLOC, COPY, SET, ASYNC, MANAGED, FREE };

#define MIB (UINT64_C(1) << 20)
#define CONTEXT 500       /* MiB, of the driver from the start */
#define FIRST 1026        /* what passrun allocates: 1 GiB that begins and ends within a page */
#define POOL 0x4000000000 /* a multiple of 32 MiB */

static struct passrun *run;
static struct mt_tracewriter *w;
static uint64_t now;

#define ADD(...) MT_TRACEWRITER_ADD(w, 0, now += 10, __VA_ARGS__)

static void sampled(uint64_t mib)
{
    ADD(usage, 0, mib * MIB, 0, 0, MT_USAGE_PROCESS);
}

/* More than a context and what is allocated at first. */
static void more(uint64_t mib)
{
    sampled(CONTEXT + FIRST + mib);
}

static void setup(void)
{
    run = passrun_new();
    w = passrun_writer(run);
    now = 2000000; /* by then what was allocated at first is told */
    more(0);
}

static void teardown(void)
{
    passrun_free(run);
}

static int64_t cell(const struct mt_rows *rows, size_t i, const char *column)
{
    return mt_rows_get(rows, i, column).i;
}

/* The rows of table samples: all parts add up, and nothing is left of the last. */
static const struct mt_rows *go(void)
{
    passrun_go(run, &mt_pass_accounting);
    const struct mt_rows *rows = passrun_rows(run, &mt_table_samples);
    for (size_t i = 0; i < mt_rows_count(rows); i++) {
        int64_t sum = 0;
#define PART(name, basis) sum += cell(rows, i, #name "_bytes");
#include "analysis/accounting/parts.def"
        ck_assert_int_eq(sum, cell(rows, i, "total_bytes"));
    }
    return rows;
}

static void expect_mib(const struct mt_rows *rows, size_t i, const char *column, int64_t mib)
{
    ck_assert_msg(cell(rows, i, column) == mib * (int64_t)MIB, "row %zu, %s: %lld KiB, not %lld", i,
                  column, (long long)cell(rows, i, column) / 1024, (long long)mib * 1024);
}

/* Small allocations share a page, until the last of them is gone. */
START_TEST(pages_are_shared)
{
    ADD(alloc, ALLOC, 0x7000000000, 512, 0);
    ADD(alloc, ALLOC, 0x7000000200, 512, 0);
    more(2);
    ADD(alloc, ALLOC, 0x7000000400, 2 * MIB, 0);
    more(4);
    ADD(free, FREE, 0x7000000000, 0);
    ADD(free, FREE, 0x7000000200, 0);
    more(4);
    ADD(free, FREE, 0x7000000400, 0);
    more(0);
    const struct mt_rows *rows = go();
    for (size_t i = 0; i < 5; i++) {
        expect_mib(rows, i, "context_bytes", CONTEXT);
        expect_mib(rows, i, "unattributed_bytes", 0);
    }
    ck_assert_int_eq(cell(rows, 1, "driver_bytes"), 1024 * (int64_t)MIB + 1024);
    ck_assert_int_eq(cell(rows, 1, "rounding_bytes"), 4 * (int64_t)MIB - 1024);
}
END_TEST

/* It was allocated so lately that nobody knows yet whether it is a segment. */
START_TEST(an_allocation_of_this_moment)
{
    ADD(alloc, ALLOC, 0x7000000000, 100 * MIB, 0);
    more(100);
    const struct mt_rows *rows = go();
    expect_mib(rows, 1, "driver_bytes", 1024 + 100);
    expect_mib(rows, 1, "unattributed_bytes", 0);
}
END_TEST

/* A pool has pieces of 32 MiB; it keeps them, and gives them back, as it likes. */
START_TEST(pools_have_pieces)
{
    ADD(alloc, ASYNC, POOL, 512, 0);
    more(32);
    ADD(alloc, ASYNC, POOL + 16 * MIB, 48 * MIB, 0); /* to the end of the second */
    more(64);
    ADD(free, FREE, POOL + 16 * MIB, 0);
    more(64);
    more(32);
    ADD(free, FREE, POOL, 0);
    more(32);
    more(0);
    more(32); /* one is back, for a while */
    const struct mt_rows *rows = go();
    static const int64_t held[] = {0, 32, 64, 64, 32, 32, 0, 32};
    for (size_t i = 0; i < 8; i++) {
        expect_mib(rows, i, "context_bytes", CONTEXT);
        expect_mib(rows, i, "unattributed_bytes", 0);
        int64_t asked = cell(rows, i, "driver_bytes") - 1024 * (int64_t)MIB;
        ck_assert_int_eq(asked + cell(rows, i, "pools_bytes"), held[i] * (int64_t)MIB);
    }
}
END_TEST

/* A piece that was there at the first sample is no part of the context. */
START_TEST(a_pool_before_the_first_sample)
{
    passrun_free(run);
    run = passrun_new();
    w = passrun_writer(run);
    ADD(alloc, ASYNC, POOL, 512, 0);
    more(32);
    ADD(free, FREE, POOL, 0);
    more(32);
    more(0);
    const struct mt_rows *rows = go();
    for (size_t i = 0; i < 3; i++)
        expect_mib(rows, i, "context_bytes", CONTEXT);
    expect_mib(rows, 2, "pools_bytes", 0);
}
END_TEST

/* Kernels of 10 MiB and a piece of a pool come at once. */
START_TEST(pools_and_modules)
{
    ADD(alloc, ASYNC, POOL, 512, 0);
    mt_tracewriter_kernel(w, 0, now += 10, 1, "first", 0, NULL);
    more(42);
    ADD(free, FREE, POOL, 0);
    more(10);
    const struct mt_rows *rows = go();
    expect_mib(rows, 1, "modules_bytes", 10);
    expect_mib(rows, 2, "modules_bytes", 10);
    expect_mib(rows, 2, "unattributed_bytes", 0);
}
END_TEST

/* No more than was ever handed out can be pools'. */
START_TEST(pools_have_a_bound)
{
    ADD(alloc, ASYNC, POOL, 512, 0);
    ADD(free, FREE, POOL, 0);
    more(0);
    more(96);
    const struct mt_rows *rows = go();
    expect_mib(rows, 2, "pools_bytes", 32);
    expect_mib(rows, 2, "unattributed_bytes", 64);
}
END_TEST

/* Managed memory comes to the device as it is used, and may leave it. */
START_TEST(managed_memory)
{
    ADD(alloc, MANAGED, 0x7000000000, 256 * MIB, 0);
    more(0);
    more(128);
    more(300);
    more(44);
    const struct mt_rows *rows = go();
    static const int64_t there[] = {0, 128, 256, 0};
    for (size_t i = 0; i < 4; i++)
        expect_mib(rows, 1 + i, "managed_bytes", there[i] - 256);
    expect_mib(rows, 3, "unattributed_bytes", 44);
    expect_mib(rows, 4, "unattributed_bytes", 44);
}
END_TEST

/* Physical memory counts once: where it is mapped, or by itself. */
START_TEST(physical_memory)
{
    ADD(create, 0x51, 64 * MIB, 0);
    more(64);
    ADD(reserve, 0x7000000000, 1024 * MIB);
    ADD(map, 0x7000000000, 20 * MIB, 0, 0x51);
    ADD(map, 0x7004000000, 10 * MIB, 10 * MIB, 0x51);
    more(64);
    ADD(release, 0x51);
    more(20);
    ADD(unmap, 0x7000000000, 20 * MIB);
    more(10);
    const struct mt_rows *rows = go();
    static const int64_t unmapped[] = {0, 64, 44, 0, 0}, driver[] = {0, 0, 20, 20, 10};
    for (size_t i = 0; i < 5; i++) {
        expect_mib(rows, i, "unmapped_bytes", unmapped[i]);
        expect_mib(rows, i, "driver_bytes", 1024 + driver[i]);
        expect_mib(rows, i, "unattributed_bytes", 0);
    }
}
END_TEST

/* A range whose memory is of two devices. */
START_TEST(ranges_over_devices)
{
    ADD(reserve, 0x7000000000, 64 * MIB);
    ADD(create, 5, 4 * MIB, 0, 0, 0);
    ADD(create, 6, 10 * MIB, 1, 0, 0);
    ADD(map, 0x7000000000, 4 * MIB, 0, 5, 0);
    ADD(map, 0x7000000000 + 4 * MIB, 10 * MIB, 0, 6, 0);
    more(4);
    ADD(usage, 1, (CONTEXT + 10) * MIB, 0, 0, MT_USAGE_PROCESS);
    ADD(unmap, 0x7000000000 + 4 * MIB, 6 * MIB);
    ADD(release, 6);
    more(4);
    ADD(usage, 1, (CONTEXT + 10) * MIB, 0, 0, MT_USAGE_PROCESS);
    const struct mt_rows *rows = go();
    for (size_t i = 1; i < 5; i++) {
        bool second = mt_rows_get(rows, i, "device").u == 1;
        expect_mib(rows, i, "driver_bytes", !second ? 1024 + 4 : i < 3 ? 10 : 4);
        expect_mib(rows, i, "context_bytes", CONTEXT);
    }
}
END_TEST

/* A variable lies in its module, which the driver took itself; an array lies nowhere. */
START_TEST(variables_and_arrays)
{
    ADD(global, 0, 0x7000000000, 1000, 0, 0x77, 0);
    ADD(array, 0, 0x88, 6 * MIB, 0, 0);
    more(6 + 2);
    ADD(array_end, 0x88);
    more(2);
    const struct mt_rows *rows = go();
    expect_mib(rows, 1, "driver_bytes", 1024 + 6);
    expect_mib(rows, 1, "modules_bytes", 2);
    expect_mib(rows, 2, "modules_bytes", 2);
    expect_mib(rows, 2, "driver_bytes", 1024);
}
END_TEST

static void upkeep(uint64_t why)
{
    ADD(upkeep, .why = why);
}

START_TEST(causes)
{
    more(0);
    upkeep(MT_UPKEEP_MODULE);
    more(10);
    more(10);
    ADD(communicator, 0, 0xc0, 2, 0);
    more(30);
    more(30);
    ADD(graph, 1, 0x99, 0, 0);
    more(33);
    more(33);
    ADD(graph_launch, 0x99);
    more(37);
    more(37);
    ADD(graph_launch, 0x99); /* not its first */
    more(38);
    upkeep(MT_UPKEEP_LIMIT);
    more(88);
    more(88);
    ADD(communicator, 0, 0xc0, 0, 0); /* its end loads nothing */
    more(90);
    more(90);
    upkeep(MT_UPKEEP_PROFILER);
    more(104);
    const struct mt_rows *rows = go();
    size_t last = mt_rows_count(rows) - 1;
    expect_mib(rows, last, "context_bytes", CONTEXT + 50);
    expect_mib(rows, last, "modules_bytes", 30);
    expect_mib(rows, last, "graphs_bytes", 7);
    expect_mib(rows, last, "profilers_bytes", 14);
    expect_mib(rows, last, "unattributed_bytes", 3);
}
END_TEST

static void lasting(uint64_t why, bool begins)
{
    ADD(upkeep, .why = why, .begins = begins);
}

/* As long as a call is under way, however many samples that are; what lived in a context that ends
 * is the context's until it is given back. */
START_TEST(causes_that_last)
{
    more(0);
    more(0);
    lasting(MT_UPKEEP_CONTEXT, true);
    for (uint64_t mib = 1; mib <= 5; mib++)
        more(mib);
    lasting(MT_UPKEEP_CONTEXT, false);
    more(7);
    more(8); /* the last one that it may be for */
    lasting(MT_UPKEEP_MODULE, true);
    more(8);
    more(8);
    more(10);
    lasting(MT_UPKEEP_MODULE, false);
    more(10);
    more(10);
    more(11);
    lasting(MT_UPKEEP_CONTEXT_END, true);
    ADD(context_end, .device = 0, .primary = 1);
    ADD(free, FREE, 0x10000, 0);
    more(11);
    more(11);
    more(11);
    sampled(CONTEXT);
    const struct mt_rows *rows = go();
    size_t last = mt_rows_count(rows) - 1;
    expect_mib(rows, 7, "context_bytes", CONTEXT + 5);
    expect_mib(rows, 9, "context_bytes", CONTEXT + 8);
    expect_mib(rows, 12, "modules_bytes", 2);
    expect_mib(rows, last - 1, "context_bytes", CONTEXT + 8 + FIRST);
    expect_mib(rows, last - 1, "unattributed_bytes", 1);
    expect_mib(rows, last, "modules_bytes", 2);
    expect_mib(rows, last, "unattributed_bytes", 0);
}
END_TEST

/* Samples of the whole device are larger, and say nothing of this process. */
START_TEST(samples_of_the_device)
{
    more(5);
    ADD(usage, 0, 0, 9000 * MIB, 0, MT_USAGE_DEVICE);
    ADD(alloc, ALLOC, 0x7000000000, 20 * MIB, 0);
    ADD(free, FREE, 0x7000000000, 0);
    ADD(usage, 1, 0, 7000 * MIB, 0, MT_USAGE_DEVICE);
    passrun_go(run, &mt_pass_accounting);
    const struct mt_rows *rows = passrun_rows(run, &mt_table_accounting);
    uint64_t totals[2] = {0, 0};
    for (size_t i = 0; i < mt_rows_count(rows); i++) {
        const char *what = mt_rows_get(rows, i, "what").s;
        uint64_t device = mt_rows_get(rows, i, "device").u;
        const char *known_by = mt_rows_get(rows, i, "known_by").s;
        ck_assert_str_eq(known_by, device == 0 ? "process" : "device");
        ck_assert_int_eq(strcmp(what, "others") == 0, device == 1 && strcmp(what, "others") == 0);
        if (strcmp(what, "total") == 0)
            totals[device] += mt_rows_get(rows, i, "size_bytes").u;
    }
    ck_assert_uint_eq(totals[0], 2 * (CONTEXT + FIRST + 5) * MIB); /* the peak and the end */
    ck_assert_uint_eq(totals[1], 2 * 7000 * MIB);
}
END_TEST

UNIT_MAIN_WITH("takings", setup, teardown, pages_are_shared, an_allocation_of_this_moment,
               pools_have_pieces, pools_and_modules, a_pool_before_the_first_sample,
               pools_have_a_bound, managed_memory, physical_memory, ranges_over_devices,
               variables_and_arrays, causes, causes_that_last, samples_of_the_device)
