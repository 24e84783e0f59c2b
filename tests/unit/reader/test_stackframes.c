#include "reader/stackframes.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static union {
    struct mt_record record;
    uint64_t words[2 + 16];
} space;

static struct mt_stackframes *stacks;

static void start(void)
{
    stacks = calloc(1, sizeof *stacks);
}

static void end(void)
{
    mt_stackframes_release(stacks);
    free(stacks);
}

static void add(enum mt_kind kind, const uint64_t *field, const char *tail, size_t size)
{
    uint32_t fields = mt_event_info(kind)->fields;
    memset(&space, 0, sizeof space);
    space.record.kind = (uint16_t)kind;
    space.record.words = fields + (uint32_t)(size + 7) / 8;
    memcpy(space.record.word, field, fields * sizeof *field);
    if (size)
        memcpy(&space.record.word[fields], tail, size);
    ck_assert_int_eq(mt_stackframes_add(stacks, &space.record), 0);
}

#define ADD(kind, tail, ...) add(MT_##kind, (const uint64_t[]){__VA_ARGS__}, tail, sizeof(tail) - 1)

START_TEST(what_was_told)
{
    start();
    ADD(code, "a.py\0f\0", 1, 7);
    ADD(module, "/lib/x.so\0abcdef\0", 500, 0x1000, 0x2000);
    ADD(frame, "", 1, 0, 1, 9, 0);
    ADD(frame, "", 70000, 1, 0, 0x1234, 500);
    const struct mt_trace_frame *frame = mt_stackframes_frame(stacks, 70000);
    ck_assert_uint_eq(frame->caller, 1);
    ck_assert_uint_eq(frame->where, 0x1234);
    ck_assert_uint_eq(frame->code, 0);
    const struct mt_trace_module *module = mt_stackframes_module(stacks, frame->module);
    ck_assert_str_eq(module->path, "/lib/x.so");
    ck_assert_str_eq(module->build_id, "abcdef");
    ck_assert_uint_eq(module->base, 0x1000);
    ck_assert_uint_eq(module->size, 0x2000);
    frame = mt_stackframes_frame(stacks, frame->caller);
    ck_assert_uint_eq(frame->caller, 0);
    ck_assert_uint_eq(frame->where, 9);
    ck_assert_str_eq(mt_stackframes_code(stacks, frame->code)->file, "a.py");
    ck_assert_str_eq(mt_stackframes_code(stacks, frame->code)->name, "f");
    ck_assert_uint_eq(mt_stackframes_code(stacks, frame->code)->first_line, 7);
    end();
}
END_TEST

START_TEST(nothing_was_told)
{
    start();
    ck_assert_ptr_null(mt_stackframes_frame(stacks, 0));
    ck_assert_ptr_null(mt_stackframes_frame(stacks, 1));
    ck_assert_ptr_null(mt_stackframes_frame(stacks, UINT64_MAX));
    ck_assert_ptr_null(mt_stackframes_code(stacks, 1));
    ck_assert_ptr_null(mt_stackframes_module(stacks, UINT64_MAX));
    end();
}
END_TEST

START_TEST(the_first_event_holds)
{
    start();
    ADD(code, "a.py\0f\0", 1, 7);
    ADD(code, "b.py\0g\0", 1, 8);
    ADD(frame, "", 2, 1, 1, 9, 0);
    ADD(frame, "", 2, 0, 1, 8, 0);
    ck_assert_str_eq(mt_stackframes_code(stacks, 1)->file, "a.py");
    ck_assert_uint_eq(mt_stackframes_frame(stacks, 2)->where, 9);
    end();
}
END_TEST

START_TEST(too_little_of_it)
{
    start();
    ADD(code, "", 1, 7);
    ADD(code, "eight by", 2, 7); /* no NUL */
    ck_assert_str_eq(mt_stackframes_code(stacks, 1)->file, "");
    ck_assert_str_eq(mt_stackframes_code(stacks, 1)->name, "");
    ck_assert_str_eq(mt_stackframes_code(stacks, 2)->file, "eight by");
    ck_assert_str_eq(mt_stackframes_code(stacks, 2)->name, "");
    end();
}
END_TEST

/* Whoever walks outwards comes to an end. */
START_TEST(no_loops_and_no_impossible_ids)
{
    start();
    ADD(frame, "", 3, 3, 1, 9, 0);
    ADD(frame, "", 4, 5, 1, 9, 0);
    ADD(frame, "", 0, 0, 1, 9, 0);
    ADD(frame, "", MT_FRAMES_MAX, 1, 1, 9, 0);
    ADD(code, "x", MT_CODES_MAX, 1);
    ADD(module, "x", UINT64_MAX, 1, 1);
    for (uint64_t id = 0; id < 6; id++)
        ck_assert_ptr_null(mt_stackframes_frame(stacks, id));
    ck_assert_ptr_null(mt_stackframes_frame(stacks, MT_FRAMES_MAX));
    ck_assert_uint_eq(stacks->codes + stacks->modules, 0);
    end();
}
END_TEST

UNIT_MAIN("stackframes", what_was_told, nothing_was_told, the_first_event_holds, too_little_of_it,
          no_loops_and_no_impossible_ids)
