#include "format/whereabouts.h"

#include <stdlib.h>

#include "unit.h"

static struct mt_addresses writer, reader;
static struct mt_whereabouts known;
static uint8_t bytes[MT_ADDRESS_BYTES_MAX + MT_COLUMN_PAD];

static size_t pass(uint64_t address)
{
    uint64_t back;
    uint8_t *end = mt_address_put(&writer, &known, bytes, address, false);
    struct mt_column_view view = {bytes, end};
    ck_assert_int_le(end - bytes, MT_ADDRESS_BYTES_MAX);
    ck_assert(mt_address_get(&reader, &view, &back));
    ck_assert_ptr_eq(view.at, view.end);
    ck_assert_uint_eq(back, address);
    return (size_t)(end - bytes);
}

static void start(void)
{
    mt_addresses_clear(&writer);
    mt_addresses_clear(&reader);
    mt_whereabouts_clear(&known);
}

START_TEST(repeats_are_short)
{
    start();
    ck_assert_uint_gt(pass(0x7f0000000000), 5);
    ck_assert_uint_gt(pass(UINT64_MAX), 5);
    ck_assert_uint_eq(pass(0x7f0000000000), 1);
    ck_assert_uint_eq(bytes[0], 3); /* distance 2 */
    ck_assert_uint_eq(pass(0), 2);  /* a literal next to the last one */
}
END_TEST

/* The codes of views into a block do not depend on where the block lies. */
START_TEST(views_follow_their_block)
{
    uint8_t codes[2][2 * MT_ADDRESS_BYTES_MAX];
    start();
    for (int i = 0; i < 2; i++) {
        uint64_t base = 0x7f0000000000 + (uint64_t)i * 0x12345600;
        pass(base);
        mt_whereabouts_born(&known, &writer, base, 4096);
        ck_assert_uint_le(pass(base + 256), 4);
        memcpy(codes[i], bytes, 4);
        ck_assert_uint_eq(bytes[0], 1);
        pass(base + 256);
        ck_assert_uint_eq(bytes[0], 2); /* it occurred in this block's life */
        pass(base + 5000);
        ck_assert_uint_eq(bytes[0], 0); /* behind the block */
        mt_whereabouts_freed(&known, base);
        pass(base + 512);
        ck_assert_uint_ne(bytes[0], 1); /* no block any more */
    }
    ck_assert_mem_eq(codes[0], codes[1], 4);
}
END_TEST

/* Blocks cut one after the other from a large one, at other addresses each time: the same codes. */
START_TEST(blocks_in_a_row)
{
    uint8_t codes[2][4];
    start();
    for (int i = 0; i < 2; i++) {
        uint64_t base = 0x7f0000000000 + (uint64_t)i * 0x12345600;
        pass(base);
        mt_whereabouts_born(&known, &writer, base, 512);
        uint8_t *end = mt_address_put(&writer, &known, bytes, base + 512, true);
        ck_assert_int_eq(end - bytes, 4);
        memcpy(codes[i], bytes, 4);
        mt_whereabouts_born(&known, &writer, base + 512, 1024);
        mt_addresses_push(&reader, base + 512);
    }
    ck_assert_uint_eq(codes[0][0], 1);
    ck_assert_mem_eq(codes[0], codes[1], 4);
}
END_TEST

START_TEST(a_new_block_ends_those_it_covers)
{
    start();
    pass(0x1000);
    mt_whereabouts_born(&known, &writer, 0x1000, 0x100);
    pass(0x1100);
    mt_whereabouts_born(&known, &writer, 0x1100, 0x100);
    ck_assert_uint_eq(known.bases, 2);
    pass(0x1000);
    mt_whereabouts_born(&known, &writer, 0x1000, 0x1000);
    ck_assert_uint_eq(known.bases, 1);
    pass(0x1180);
    ck_assert_uint_eq(bytes[0], 1);
}
END_TEST

START_TEST(more_than_can_be_remembered)
{
    uint64_t random = 1;
    start();
    for (unsigned i = 0; i < 3 * MT_ADDRESSES_KEPT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        pass(0x7f0000000000 + (random >> 40) * 512);
        if (i % 3 == 0)
            mt_whereabouts_born(&known, &writer, 0x7f0000000000 + (random >> 40) * 512, 1 << 20);
    }
}
END_TEST

START_TEST(no_such_distance)
{
    uint64_t address;
    start();
    for (unsigned code = 1; code < 4; code++) {
        uint8_t bent[3 + MT_COLUMN_PAD] = {(uint8_t)code, 1, 1};
        struct mt_column_view view = {bent, bent + 3};
        ck_assert(!mt_address_get(&reader, &view, &address));
    }
    pass(5);
    uint8_t zero[3 + MT_COLUMN_PAD] = {1, 0, 1};
    struct mt_column_view view = {zero, zero + 3};
    ck_assert(!mt_address_get(&reader, &view, &address));
}
END_TEST

UNIT_MAIN("whereabouts", repeats_are_short, views_follow_their_block, blocks_in_a_row,
          a_new_block_ends_those_it_covers, more_than_can_be_remembered, no_such_distance)
