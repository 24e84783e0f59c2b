#include "reader/kernelnames.h"

#include <string.h>

#include "format/layout.h"
#include "unit.h"

static union {
    struct mt_record record;
    uint64_t words[2 + 16];
} space;

static const struct mt_record *kernel(uint64_t id, uint64_t params, const char *tail, size_t size)
{
    struct mt_ev_kernel *event = (void *)space.record.word;
    memset(&space, 0, sizeof space);
    space.record.kind = MT_kernel;
    space.record.words = 3 + (uint32_t)(size + 7) / 8;
    event->id = id;
    event->params = params;
    memcpy(event->tail, tail, size);
    return &space.record;
}

START_TEST(name_and_layout)
{
    struct mt_kernels kernels = {0};
    ck_assert_ptr_null(mt_kernels_get(&kernels, 0));
    ck_assert_int_eq(mt_kernels_add(&kernels, kernel(300, 2, "f\0\0\0\10\0\10\0\4\0", 10)), 0);
    const struct mt_trace_kernel *found = mt_kernels_get(&kernels, 300);
    ck_assert_str_eq(found->name, "f");
    ck_assert_uint_eq(found->params, 2);
    ck_assert_uint_eq(found->layout[0], 0);
    ck_assert_uint_eq(found->layout[1], 8);
    ck_assert_uint_eq(found->layout[2], 8);
    ck_assert_uint_eq(found->layout[3], 4);
    ck_assert_ptr_null(mt_kernels_get(&kernels, 299));
    ck_assert_ptr_null(mt_kernels_get(&kernels, UINT64_MAX));
    mt_kernels_release(&kernels);
}
END_TEST

START_TEST(the_first_event_holds)
{
    struct mt_kernels kernels = {0};
    mt_kernels_add(&kernels, kernel(1, 0, "one", 4));
    mt_kernels_add(&kernels, kernel(1, 0, "two", 4));
    ck_assert_str_eq(mt_kernels_get(&kernels, 1)->name, "one");
    mt_kernels_release(&kernels);
}
END_TEST

START_TEST(too_little_of_it)
{
    struct mt_kernels kernels = {0};
    mt_kernels_add(&kernels, kernel(1, 9, "f\0\0\0\10\0", 6));
    ck_assert_uint_eq(mt_kernels_get(&kernels, 1)->params, MT_PARAMS_UNKNOWN);
    mt_kernels_add(&kernels, kernel(2, UINT64_MAX, "f", 2));
    ck_assert_uint_eq(mt_kernels_get(&kernels, 2)->params, MT_PARAMS_UNKNOWN);
    mt_kernels_add(&kernels, kernel(3, 0, "abcdefgh", 8)); /* no NUL */
    ck_assert_str_eq(mt_kernels_get(&kernels, 3)->name, "abcdefgh");
    mt_kernels_add(&kernels, kernel(4, 0, "", 0));
    ck_assert_str_eq(mt_kernels_get(&kernels, 4)->name, "");
    mt_kernels_release(&kernels);
}
END_TEST

START_TEST(impossible_ids_take_no_memory)
{
    struct mt_kernels kernels = {0};
    ck_assert_int_eq(mt_kernels_add(&kernels, kernel(UINT64_MAX, 0, "f", 2)), 0);
    ck_assert_int_eq(mt_kernels_add(&kernels, kernel(MT_KERNELS_MAX, 0, "f", 2)), 0);
    ck_assert_uint_eq(kernels.room, 0);
    ck_assert_int_eq(mt_kernels_add(&kernels, kernel(MT_KERNELS_MAX - 1, 0, "f", 2)), 0);
    ck_assert_uint_eq(kernels.room, MT_KERNELS_MAX);
    mt_kernels_release(&kernels);
}
END_TEST

UNIT_MAIN("kernelnames", name_and_layout, the_first_event_holds, too_little_of_it,
          impossible_ids_take_no_memory)
