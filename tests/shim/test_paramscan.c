/* What is found in parameters is what each word by itself says. */
#include "shim/cuda/kernels/paramscan.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "unit/unit.h"

#define MIB (UINT64_C(1) << 20)
#define MEMORY (UINT64_C(0x7f54) << 32)
#define WORDS 400

/* Numbers, addresses of this process, of the device, and what shares their upper half. */
static uint64_t some_word(void)
{
    uint64_t low = (uint64_t)rand();
    switch (rand() % 24) {
    case 0:
        return MEMORY + low % (64 * MIB);
    case 1:
        return MEMORY + (1u << 31) + low; /* not marked */
    case 2:
        return MEMORY + (UINT64_C(40) << 30) + low % (2 * MIB);
    case 3:
        return UINT64_MAX - low;
    default:
        return rand() % 2 ? low : low << 32 | (uint64_t)rand();
    }
}

static void compare(const char *at, uint32_t words, uint32_t offset)
{
    static uint64_t fast[WORDS], plain[WORDS];
    struct mt_found found = {plain, 0};
    for (uint32_t i = 0; i < words; i++)
        mt_scan_word(&found, at + 8 * i, offset + 8 * i);
    ck_assert_uint_eq(mt_scan_words((struct mt_found){fast, 0}, at, words, offset), found.n);
    ck_assert(memcmp(fast, plain, found.n * sizeof *fast) == 0);
}

START_TEST(nothing_is_marked)
{
    static uint64_t room[WORDS], found[1];
    for (uint32_t i = 0; i < WORDS; i++)
        room[i] = some_word();
    ck_assert_uint_eq(mt_scan_words((struct mt_found){found, 0}, room, WORDS, 0), 0);
}
END_TEST

START_TEST(as_word_by_word)
{
    static uint64_t room[WORDS + 1];
    mt_granules_mark(MEMORY, 64 * MIB);
    mt_granules_mark(MEMORY + (UINT64_C(40) << 30), 2 * MIB);
    for (int round = 0; round < 2000; round++) {
        for (uint32_t i = 0; i < WORDS; i++)
            room[i] = some_word();
        compare((const char *)room + rand() % 8, (uint32_t)rand() % WORDS, 8 * (rand() % 64));
    }
}
END_TEST

START_TEST(behind_others)
{
    uint64_t room[3] = {7}, words[] = {MEMORY, 5};
    mt_granules_mark(MEMORY, 1);
    ck_assert_uint_eq(mt_scan_words((struct mt_found){room, 1}, words, 2, 16), 2);
    ck_assert(room[0] == 7 && room[1] == MT_WORD(MEMORY, 16));
}
END_TEST

/* Behind the last word, and before the first, nothing can be read; what is found has its room. */
START_TEST(nothing_beyond)
{
    const size_t page = 65536;
    char *memory = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(memory != MAP_FAILED && mprotect(memory + page, page, PROT_READ | PROT_WRITE) == 0);
    mt_granules_mark(MEMORY, 64 * MIB);
    for (uint32_t words = 0; words < 40; words++)
        for (uint32_t device = 0; device < 2; device++) {
            uint64_t found[40], word = device ? MEMORY : 7;
            char *first = memory + page, *last = memory + 2 * page - 8 * words;
            for (uint32_t i = 0; i < words; i++) {
                memcpy(first + 8 * i, &word, 8);
                memcpy(last + 8 * i, &word, 8);
            }
            found[words] = 1;
            uint32_t expected = device ? words : 0;
            ck_assert_uint_eq(mt_scan_words((struct mt_found){found, 0}, first, words, 0),
                              expected);
            ck_assert_uint_eq(mt_scan_words((struct mt_found){found, 0}, last, words, 0), expected);
            ck_assert(found[words] == 1);
        }
    munmap(memory, 3 * page);
}
END_TEST

UNIT_MAIN("paramscan", nothing_is_marked, as_word_by_word, behind_others, nothing_beyond)
