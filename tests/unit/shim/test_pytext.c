#include "shim/python/pytext.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

/* Objects of an interpreter as they lie in memory. Type: its name at 24. str: length at 16, state
 * at 32, then characters; bytes: length at 16, bytes at 32. */
struct object {
    _Alignas(16) uint8_t bytes[512];
};

static struct object types[3], file, name, lines, code;
static struct mt_pylayout layout;
static char got_file[MT_PYTEXT_MAX], got_name[MT_PYTEXT_MAX];

static void set(struct object *object, size_t offset, uint64_t value, size_t size)
{
    memcpy(object->bytes + offset, &value, size);
}

static void be(struct object *object, unsigned type)
{
    static const char *const names[] = {"str", "bytes", "code"};
    set(&types[type], 24, (uintptr_t)names[type], 8);
    set(object, 8, (uintptr_t)&types[type], 8);
}

enum { STR, BYTES, CODE };

static void be_text(struct object *object, const void *characters, size_t length, unsigned kind,
                    bool ascii)
{
    memset(object, 0, sizeof *object);
    be(object, STR);
    set(object, 16, length, 8);
    set(object, 32, kind << 2 | 1u << 5 | (unsigned)ascii << 6, 4);
    memcpy(object->bytes + (ascii ? layout.text_ascii : layout.text_other), characters,
           length * kind);
}

static void be_lines(const uint8_t *table, size_t size)
{
    memset(&lines, 0, sizeof lines);
    be(&lines, BYTES);
    set(&lines, 16, size, 8);
    memcpy(lines.bytes + 32, table, size);
}

static void make(unsigned minor, uint32_t first_line)
{
    bool standard;
    ck_assert(mt_pylayout_find(&layout, minor, NULL, &standard));
    memset(&code, 0, sizeof code);
    be(&code, CODE);
    be_text(&file, "train.py", 8, 1, true);
    be_text(&name, "Net.forward", 11, 1, true);
    be_lines((const uint8_t[]){0}, 0);
    set(&code, layout.code_file, (uintptr_t)&file, 8);
    set(&code, layout.code_name, (uintptr_t)&name, 8);
    if (layout.code_qualname)
        set(&code, layout.code_qualname, (uintptr_t)&name, 8);
    set(&code, layout.code_lines, (uintptr_t)&lines, 8);
    set(&code, layout.code_line, first_line, 4);
}

static bool get(void)
{
    struct mt_pycode text = {got_file, got_name, 0};
    return mt_pytext_code(&layout, (uintptr_t)&code, &text);
}

static uint32_t line(uint32_t at)
{
    return mt_pytext_line(&layout, (uintptr_t)&code, at);
}

#define LINES(...) be_lines((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

START_TEST(texts_of_every_version)
{
    for (unsigned minor = 8; minor <= 15; minor++) {
        make(minor, 7);
        ck_assert(mt_pytext_is_code(&layout, (uintptr_t)&code));
        ck_assert(get());
        ck_assert_str_eq(got_file, "train.py");
        ck_assert_str_eq(got_name, "Net.forward");
    }
}
END_TEST

START_TEST(characters_become_utf8)
{
    make(12, 1);
    be_text(&name, "gr\xfcn", 4, 1, false);
    be_text(&file, (const uint16_t[]){0x4e2d, 0x6587, 0xdcff}, 3, 2, false);
    ck_assert(get());
    ck_assert_str_eq(got_name, "gr\xc3\xbcn");
    ck_assert_str_eq(got_file, "\xe4\xb8\xad\xe6\x96\x87\xff"); /* a byte that was no UTF-8 */
    be_text(&file, (const uint32_t[]){0x1f40d, 'x', 0}, 3, 4, false);
    ck_assert(get());
    ck_assert_str_eq(got_file, "\xf0\x9f\x90\x8dx?");
    be_text(&file, "", 0, 1, true);
    ck_assert(get());
    ck_assert_str_eq(got_file, "");
}
END_TEST

START_TEST(other_things_are_no_code)
{
    make(12, 1);
    ck_assert(!mt_pytext_is_code(&layout, 0));
    ck_assert(!mt_pytext_is_code(&layout, 16));
    ck_assert(!mt_pytext_is_code(&layout, (uintptr_t)&file));
    set(&code, layout.code_file, (uintptr_t)&lines, 8); /* bytes in the place of a text */
    ck_assert(!get());
    set(&code, layout.code_file, 0x10, 8);
    ck_assert(!get());
    make(12, 1);
    set(&file, 16, UINT64_MAX / 2, 8); /* a length that cannot be */
    ck_assert(!get());
    make(12, 1);
    set(&code, layout.code_lines, (uintptr_t)&file, 8);
    ck_assert(!get());
    make(12, 1);
    set(&lines, 16, 1u << 30, 8);
    ck_assert_uint_eq(line(0), 0);
}
END_TEST

START_TEST(long_texts_are_cut)
{
    static struct {
        struct object head;
        char more[2 * MT_PYTEXT_MAX];
    } text;
    make(12, 1);
    be_text(&text.head, "", 0, 1, true);
    set(&text.head, 16, 2 * MT_PYTEXT_MAX, 8);
    memset(text.head.bytes + layout.text_ascii, 'a', 2 * MT_PYTEXT_MAX);
    set(&code, layout.code_file, (uintptr_t)&text, 8);
    ck_assert(get());
    ck_assert_uint_lt(strlen(got_file), MT_PYTEXT_MAX);
    ck_assert_uint_gt(strlen(got_file), MT_PYTEXT_MAX - 8);
}
END_TEST

/* Pairs of bytes of code and lines to go on. */
START_TEST(lines_up_to_3_9)
{
    make(8, 10);
    LINES(6, 1, 4, 2, 0, 127, 2, 3, 8, 0xff);
    ck_assert_uint_eq(line(0), 10);
    ck_assert_uint_eq(line(5), 10);
    ck_assert_uint_eq(line(6), 11);
    ck_assert_uint_eq(line(10), 11 + 2 + 127);
    ck_assert_uint_eq(line(12), 143);
    ck_assert_uint_eq(line(20), 142); /* one line back */
    ck_assert_uint_eq(line(UINT32_MAX), 10);
}
END_TEST

/* Ranges: their length, and how many lines they lie behind the one before. */
START_TEST(lines_of_3_10)
{
    make(10, 20);
    LINES(4, 0, 2, 5, 2, 0x80, 6, 0xfe);
    ck_assert_uint_eq(line(0), 20);
    ck_assert_uint_eq(line(4), 25);
    ck_assert_uint_eq(line(6), 0); /* no line */
    ck_assert_uint_eq(line(8), 23);
}
END_TEST

/* Entries: 1, form, length - 1. */
#define ENTRY(form, units) (0x80 | (form) << 3 | ((units)-1))

START_TEST(lines_from_3_11_on)
{
    for (unsigned minor = 11; minor <= 15; minor++) {
        make(minor, 130);
        LINES(ENTRY(0, 1), 0x00, ENTRY(11, 2), 4, 8, ENTRY(14, 1), 6, 0, 1, 2, ENTRY(15, 1),
              ENTRY(13, 8), 0x40 | 1, 2, ENTRY(10, 1), 1, 2);
        ck_assert_uint_eq(line(0), 130);
        ck_assert_uint_eq(line(2), 131);
        ck_assert_uint_eq(line(4), 131);
        ck_assert_uint_eq(line(6), 134); /* + 3 */
        ck_assert_uint_eq(line(8), 0);   /* of no line */
        ck_assert_uint_eq(line(10), 134 - 64);
        ck_assert_uint_eq(line(26), 134 - 64);
    }
}
END_TEST

UNIT_MAIN("pytext", texts_of_every_version, characters_become_utf8, other_things_are_no_code,
          long_texts_are_cut, lines_up_to_3_9, lines_of_3_10, lines_from_3_11_on)
