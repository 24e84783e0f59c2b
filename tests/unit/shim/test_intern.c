#include "shim/stack/intern.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "shim/record/life.h"
#include "shim/record/ring.h"
#include "shim/native/native.h"
#include "shim/native/objects.h"
#include "shim/python/pytext.h"

/* ---- what lies around it ---- */

_Atomic uint32_t mt_life_epoch = 1;
static _Atomic uint32_t recording = MT_RECORDING;
_Atomic uint32_t *mt_recording = &recording;
static uint32_t generation;
static unsigned told[MT_KINDS], refuse;
static uint64_t last_time;

bool mt_ring_put(enum mt_kind kind, uint64_t ticks, const uint64_t *fields, const void *bytes,
                 size_t size)
{
    (void)bytes, (void)size;
    if (refuse > 0 && refuse-- == 1)
        return false;
    ck_assert_uint_ge(ticks, last_time);
    last_time = ticks;
    ck_assert_uint_eq(fields[0], ++told[kind]); /* numbers from 1 on */
    if (kind == MT_frame)
        ck_assert_uint_lt(fields[1], fields[0]); /* the caller before the called */
    return true;
}

/* The code object's address is what it says; those of 1000 modulo agree. */
bool mt_pytext_code(const struct mt_pylayout *layout, uintptr_t code, struct mt_pycode *text)
{
    (void)layout;
    snprintf(text->file, MT_PYTEXT_MAX, "file%d", (int)(code % 1000));
    snprintf(text->name, MT_PYTEXT_MAX, "name");
    text->first_line = 1;
    return code != 13;
}

uint32_t mt_pytext_line(const struct mt_pylayout *layout, uintptr_t code, uint32_t at)
{
    (void)layout, (void)code;
    return at / 2;
}

const struct mt_pylayout *mt_python_layout(void)
{
    return NULL;
}

uint32_t mt_native_generation(void)
{
    return generation;
}

bool mt_object_find(uintptr_t address, struct mt_object *object)
{
    *object = (struct mt_object){.begin = address & ~0xffful,
                                 .end = (address | 0xfff) + 1,
                                 .base = address & ~0xffful,
                                 .name = "library"};
    return address < 1u << 20;
}

void mt_object_build_id(const struct mt_object *object, char text[MT_BUILD_ID_TEXT])
{
    (void)object;
    *text = 0;
}

/* ---- stacks ---- */

static struct mt_found wanted;

static void collect(struct mt_found *found, const void *how)
{
    ck_assert_ptr_eq(how, &wanted);
    *found = wanted;
}

static uint32_t intern(uint64_t hash)
{
    uint64_t when = 0;
    uint32_t id = mt_intern_stack(hash, collect, &wanted, &when);
    ck_assert(id == 0 || when >= last_time);
    return id;
}

/* Python frames of codes from `first` on, innermost first. */
static void python_stack(uint32_t depth, uintptr_t first)
{
    wanted.natives = 0;
    wanted.pythons = depth;
    for (uint32_t i = 0; i < depth; i++)
        wanted.python[i] = (struct mt_pyframe){first + i, 4 * i, 7};
}

static void afresh(void)
{
    mt_life_epoch++;
    memset(told, 0, sizeof told);
    refuse = 0;
    recording = MT_RECORDING;
    last_time = 0;
}

START_TEST(each_is_told_once)
{
    uint64_t when = 0;
    afresh();
    python_stack(5, 100);
    ck_assert_uint_eq(mt_intern_find(1, &when), 0);
    uint32_t id = intern(1);
    ck_assert_uint_eq(id, 5);
    ck_assert_uint_eq(mt_intern_find(1, &when), id);
    ck_assert_uint_ge(when, last_time);
    ck_assert_uint_eq(intern(2), id); /* another hash, the same frames */
    ck_assert_uint_eq(told[MT_frame], 5);
    ck_assert_uint_eq(told[MT_code], 5);
}
END_TEST

START_TEST(callers_are_shared)
{
    afresh();
    python_stack(5, 100);
    uint32_t id = intern(1);
    wanted.python[0].at = 80; /* another line of the innermost */
    ck_assert_uint_eq(intern(2), id + 1);
    ck_assert_uint_eq(told[MT_frame], 6);
    wanted.python[4].at = 80; /* of the outermost: all are others */
    ck_assert_uint_eq(intern(3), id + 6);
    ck_assert_uint_eq(told[MT_code], 5);
}
END_TEST

START_TEST(code_at_the_same_place_is_known_by_its_identity)
{
    afresh();
    python_stack(1, 100);
    intern(1);
    wanted.python[0].identity++;
    intern(2);
    ck_assert_uint_eq(told[MT_code], 1); /* it says the same */
    ck_assert_uint_eq(told[MT_frame], 1);
    wanted.python[0].code = 1101;
    intern(3);
    ck_assert_uint_eq(told[MT_code], 2);
}
END_TEST

START_TEST(native_frames_have_modules)
{
    afresh();
    python_stack(2, 100);
    wanted.natives = 3;
    wanted.native[0] = 0x1010;
    wanted.native[1] = 0x1020;
    wanted.native[2] = 0x5010;
    ck_assert_uint_eq(intern(1), 5);
    ck_assert_uint_eq(told[MT_module], 2);
    generation++; /* files were unloaded: asked again, and the same */
    ck_assert_uint_eq(intern(2), 5);
    ck_assert_uint_eq(told[MT_module], 2);
    wanted.native[0] = 1ul << 40; /* in no file */
    ck_assert_uint_eq(intern(3), 6);
}
END_TEST

/* What a ring had no room for is told the next time, and never entered before. */
START_TEST(what_was_not_told_is_not_known)
{
    afresh();
    python_stack(4, 100);
    for (unsigned i = 1; i < 8; i++) { /* four codes and four frames, one of them each time */
        refuse = 2;
        ck_assert_uint_eq(intern(1), 0);
        ck_assert_uint_eq(mt_intern_lost(), i);
        ck_assert_uint_eq(mt_intern_find(1, &(uint64_t){0}), 0);
    }
    refuse = 0;
    ck_assert_uint_eq(intern(1), 4);
    ck_assert_uint_eq(told[MT_frame], 4);
}
END_TEST

START_TEST(what_cannot_be_read_is_lost)
{
    afresh();
    python_stack(1, 13);
    ck_assert_uint_eq(intern(1), 0);
    recording = MT_OFF;
    python_stack(1, 14);
    ck_assert_uint_eq(intern(2), 0);
    ck_assert_uint_eq(mt_intern_lost(), 2);
}
END_TEST

START_TEST(another_recording_knows_nothing)
{
    afresh();
    python_stack(3, 100);
    intern(1);
    afresh();
    ck_assert_uint_eq(mt_intern_find(1, &(uint64_t){0}), 0);
    ck_assert_uint_eq(intern(1), 3);
    ck_assert_uint_eq(told[MT_frame], 3);
}
END_TEST

START_TEST(very_many)
{
    enum { MANY = 300000 };
    afresh();
    for (uint64_t i = 0; i < MANY; i++) {
        python_stack(2, 100);
        wanted.python[0].at = (uint32_t)(2 * i);
        ck_assert_uint_eq(intern(i * UINT64_C(0x9e3779b97f4a7c15) + 1), i + 2);
    }
    for (uint64_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(mt_intern_find(i * UINT64_C(0x9e3779b97f4a7c15) + 1, &(uint64_t){0}),
                          i + 2);
    ck_assert_uint_eq(mt_intern_lost(), 0);
}
END_TEST

UNIT_MAIN("intern", each_is_told_once, callers_are_shared,
          code_at_the_same_place_is_known_by_its_identity, native_frames_have_modules,
          what_was_not_told_is_not_known, what_cannot_be_read_is_lost,
          another_recording_knows_nothing, very_many)
