#include "shim/native/cfi.h"

#include <string.h>

#include "../unit.h"

/* An .eh_frame_hdr with one function, its description and what it has in common with others, one
 * behind the other. The function is told to lie behind; nothing is there. */
#if defined(__aarch64__)
enum { BP = 29, SP = 31, RA = 30, FIRST_CFA = 0 };
#else
enum { BP = 6, SP = 7, RA = 16, FIRST_CFA = 8 };
#endif

#define CODE 4096u /* where the function is, from the header on */
#define SIZE 256u

static _Alignas(8) uint8_t image[2 * CODE];
static size_t end;

static void put(uint64_t value, size_t size)
{
    memcpy(image + end, &value, size);
    end += size;
}

static void put_bytes(const uint8_t *bytes, size_t size)
{
    memcpy(image + end, bytes, size);
    end += size;
}

/* Ends an entry that began at `start` with its length. */
static void close_entry(size_t start)
{
    while (end % 8)
        put(0, 1);
    uint32_t length = (uint32_t)(end - start - 4);
    memcpy(image + start, &length, 4);
}

static void put_common(const char *augmentation)
{
    size_t start = end;
    put(0, 4);
    put(0, 4); /* a CIE */
    put(1, 1);
    put_bytes((const uint8_t *)augmentation, strlen(augmentation) + 1);
    put(1, 1);    /* units of code */
    put(0x78, 1); /* of data: -8 */
    put(RA, 1);
    put(1, 1);
    put(0x1b, 1); /* addresses: from where they stand, 4 bytes */
    put_bytes((const uint8_t[]){0x0c, SP, FIRST_CFA}, 3);
    if (FIRST_CFA)
        put_bytes((const uint8_t[]){0x80 | (RA & 63), 1}, 2);
    close_entry(start);
}

static void build_as(const char *augmentation, const uint8_t *program, size_t size)
{
    memset(image, 0, sizeof image);
    end = 0;
    put(0x3b031b01, 4);
    put(0, 4);
    put(1, 4); /* functions */
    put(CODE, 4);
    put(0, 4);
    while (end % 8)
        put(0, 1);
    size_t common = end;
    put_common(augmentation);
    size_t start = end;
    memcpy(image + 16, &(uint32_t){(uint32_t)start}, 4);
    put(0, 4);
    put(end - common, 4);
    put(CODE - end, 4);
    put(SIZE, 4);
    put(0, 1);
    put_bytes(program, size);
    close_entry(start);
}

#define BUILD(...)                                                                                 \
    build_as("zR", (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static struct mt_rule rule_at(uintptr_t offset)
{
    return mt_cfi_rule((uintptr_t)image, (uintptr_t)image + CODE + offset);
}

#define EXPECT(offset, kind_, cfa_, bp_kind_, bp_)                                                 \
    do {                                                                                           \
        struct mt_rule rule = rule_at(offset);                                                     \
        ck_assert_int_eq(rule.kind, kind_);                                                        \
        ck_assert_int_eq(rule.cfa, cfa_);                                                          \
        ck_assert_int_eq(rule.bp_kind, bp_kind_);                                                  \
        ck_assert_int_eq(rule.bp, bp_);                                                            \
    } while (0)
#define EXPECT_END(offset) ck_assert_int_eq(rule_at(offset).kind, MT_RULE_END)

/* DW_CFA_* */
#define ADVANCE(n) 0x40 | (n)
#define SAVED(reg, n) 0x80 | (reg), n
#define RESTORE(reg) 0xc0 | (reg)
#define CFA_OFFSET(n) 0x0e, n
#define CFA_REGISTER(reg) 0x0d, reg
#define REMEMBER 0x0a
#define RECALL 0x0b

START_TEST(outside_is_the_end)
{
    BUILD(0);
    ck_assert_int_ne(rule_at(0).kind, MT_RULE_END);
    ck_assert_int_ne(rule_at(SIZE - 1).kind, MT_RULE_END);
    EXPECT_END(SIZE);
    EXPECT_END((uintptr_t)-1);
    image[0] = 2; /* another version of the table */
    EXPECT_END(0);
}
END_TEST

START_TEST(a_signal_is_known_by_its_mark)
{
    build_as("zRS", (const uint8_t[]){0}, 1);
    ck_assert_int_eq(rule_at(0).kind, MT_RULE_SIGNAL);
}
END_TEST

START_TEST(what_is_not_understood_ends)
{
    BUILD(0x0c, 13, 8); /* CFA by a register that is not followed */
    EXPECT_END(0);
    BUILD(0x07, RA); /* the return address is undefined: the outermost function */
    EXPECT_END(0);
    BUILD(0x3f); /* no such instruction */
    EXPECT_END(0);
    BUILD(RECALL); /* nothing was remembered */
    EXPECT_END(0);
    BUILD(0x0f, 2, 0x30, 0x06); /* CFA at the address 0 */
    EXPECT_END(0);
    BUILD(0x0f, 2, 0x22, 0x22); /* an expression without operands */
    EXPECT_END(0);
}
END_TEST

#if !defined(__aarch64__)
START_TEST(rows_follow_the_address)
{
    BUILD(ADVANCE(1), CFA_OFFSET(16), SAVED(BP, 2), ADVANCE(3), CFA_REGISTER(BP), ADVANCE(10),
          REMEMBER, 0x0c, SP, 8, RESTORE(BP), ADVANCE(1), RECALL);
    EXPECT(0, MT_RULE_SP, 8, MT_BP_SAME, 0);
    EXPECT(1, MT_RULE_SP, 16, MT_BP_AT_CFA, -16);
    EXPECT(3, MT_RULE_SP, 16, MT_BP_AT_CFA, -16);
    EXPECT(4, MT_RULE_BP, 16, MT_BP_AT_CFA, -16);
    EXPECT(14, MT_RULE_SP, 8, MT_BP_SAME, 0);
    EXPECT(15, MT_RULE_BP, 16, MT_BP_AT_CFA, -16);
}
END_TEST

START_TEST(long_forms_are_the_same)
{
    BUILD(0x02, 100, 0x0e, 0x80, 0x02, 0x05, BP, 2, 0x03, 50, 0, 0x12, BP, 0x7e, 0x04, 1, 0, 0, 0,
          0x13, 0x7d, 0x11, BP, 3);
    EXPECT(99, MT_RULE_SP, 8, MT_BP_SAME, 0);
    EXPECT(100, MT_RULE_SP, 256, MT_BP_AT_CFA, -16);
    EXPECT(150, MT_RULE_BP, 16, MT_BP_AT_CFA, -16);
    EXPECT(151, MT_RULE_BP, 24, MT_BP_AT_CFA, -24);
}
END_TEST

START_TEST(the_stack_may_be_aligned)
{
    BUILD(0x0f, 3, 0x76, 0x78, 0x06, 0x10, BP, 2, 0x76, 0); /* CFA at rbp - 8, rbp at rbp */
    EXPECT(0, MT_RULE_AT_BP, -8, MT_BP_AT_BP, 0);
    BUILD(0x0f, 3, 0x77, 0x10, 0x06);
    EXPECT(0, MT_RULE_AT_SP, 16, MT_BP_SAME, 0);
    BUILD(0x0f, 5, 0x77, 8, 0x23, 8, 0x06);
    EXPECT(0, MT_RULE_AT_SP, 16, MT_BP_SAME, 0);
}
END_TEST

/* The linker's: rsp + 8 + ((rip & 15) >= 11 ? 8 : 0). */
START_TEST(stubs_of_the_linker_are_reckoned)
{
    BUILD(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
    ck_assert_uint_eq(((uintptr_t)image + CODE) % 8, 0);
    for (uintptr_t offset = 0; offset < 64; offset++) {
        bool late = ((uintptr_t)image + CODE + offset) % 16 >= 11;
        EXPECT(offset, MT_RULE_SP, late ? 16 : 8, MT_BP_SAME, 0);
    }
}
END_TEST

START_TEST(numbers_must_fit)
{
    BUILD(CFA_OFFSET(16), 0x05, BP, 0x80, 0x80, 0x02); /* rbp 256 KiB below */
    EXPECT_END(0);
    BUILD(0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f); /* a frame of 4 GiB */
    EXPECT_END(0);
    BUILD(0x09, RA, 3); /* the return address is in a register */
    EXPECT_END(0);
}
END_TEST
#else
START_TEST(rows_follow_the_address)
{
    BUILD(ADVANCE(4), CFA_OFFSET(32), SAVED(BP, 4), SAVED(RA, 3), ADVANCE(4), CFA_REGISTER(BP));
    EXPECT(0, MT_RULE_SP, 0, MT_BP_NONE, 0);
    EXPECT(4, MT_RULE_SP, 32, MT_BP_PAIR, 0);
    EXPECT(8, MT_RULE_BP, 32, MT_BP_PAIR, 0);
    BUILD(CFA_OFFSET(16), SAVED(RA, 2), 0x2d); /* alone, and signed */
    EXPECT(0, MT_RULE_SP, 16, MT_BP_OTHER, 0);
}
END_TEST
#endif

/* Whatever stands there, it is read within its entry, and an answer comes. */
START_TEST(random_programs_end)
{
    uint64_t random = 42;
    for (int round = 0; round < 20000; round++) {
        uint8_t program[64];
        for (size_t i = 0; i < sizeof program; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            program[i] = (uint8_t)(random >> 56);
        }
        build_as("zR", program, sizeof program);
        for (uintptr_t offset = 0; offset < SIZE; offset += 37)
            ck_assert_int_le(rule_at(offset).kind, MT_RULE_SIGNAL);
    }
}
END_TEST

#if defined(__aarch64__)
UNIT_MAIN("cfi", outside_is_the_end, a_signal_is_known_by_its_mark, what_is_not_understood_ends,
          rows_follow_the_address, random_programs_end)
#else
UNIT_MAIN("cfi", outside_is_the_end, a_signal_is_known_by_its_mark, what_is_not_understood_ends,
          rows_follow_the_address, long_forms_are_the_same, the_stack_may_be_aligned,
          stubs_of_the_linker_are_reckoned, numbers_must_fit, random_programs_end)
#endif
