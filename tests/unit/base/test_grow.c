#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>

#include "../unit.h"

START_TEST(holds_what_is_added)
{
    uint64_t *item = NULL;
    uint32_t n = 0, room = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert(MT_ROOM(item, n, room, 3));
        ck_assert_uint_lt(n, room);
        item[n++] = i * i;
    }
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(item[i], i * i);
    ck_assert_uint_eq(room, 3 * 512);
    free(item);
}
END_TEST

START_TEST(grows_when_it_is_full_only)
{
    char *item = NULL, *before;
    size_t room = 0;
    ck_assert(MT_ROOM(item, 0u, room, 8));
    before = item;
    ck_assert(MT_ROOM(item, 7u, room, 8));
    ck_assert_ptr_eq(item, before);
    ck_assert_uint_eq(room, 8);
    ck_assert(MT_ROOM(item, 8u, room, 8));
    ck_assert_uint_eq(room, 16);
    free(item);
}
END_TEST

START_TEST(refuses_more_than_room_can_count)
{
    char *item = NULL;
    uint8_t room = 0;
    ck_assert(MT_ROOM(item, 0u, room, 128));
    char *before = item;
    ck_assert(!MT_ROOM(item, 128u, room, 128));
    ck_assert_ptr_eq(item, before);
    ck_assert_uint_eq(room, 128);
    free(item);
}
END_TEST

START_TEST(refuses_more_bytes_than_there_are)
{
    size_t room = SIZE_MAX / 8;
    ck_assert_ptr_null(mt_grow(NULL, &room, room + 1, 1, SIZE_MAX, 8));
    ck_assert_uint_eq(room, SIZE_MAX / 8);
    room = SIZE_MAX / 2 + 1;
    ck_assert_ptr_null(mt_grow(NULL, &room, room + 1, 1, SIZE_MAX, 1));
}
END_TEST

START_TEST(grows_to_any_size_at_once)
{
    char *text = NULL;
    size_t room = 0;
    ck_assert(MT_ROOM_FOR(text, 7u, room, 8));
    ck_assert_uint_eq(room, 8);
    ck_assert(MT_ROOM_FOR(text, 65u, room, 8));
    ck_assert_uint_eq(room, 128);
    ck_assert(MT_ROOM_FOR(text, 128u, room, 8));
    ck_assert_uint_eq(room, 128);
    free(text);
}
END_TEST

START_TEST(zeroes_what_is_new_and_nothing_else)
{
    uint32_t *item = NULL, room = 0;
    for (uint32_t n = 3; n < 1000; n = n * 2 + 1) {
        ck_assert(MT_ROOM_AT(item, n, room, 3));
        ck_assert_uint_lt(n, room);
        item[n] = n;
    }
    for (uint32_t i = 0, n = 3; i < room; i++) {
        ck_assert_uint_eq(item[i], i == n ? n : 0);
        n = i == n ? n * 2 + 1 : n;
    }
    free(item);
}
END_TEST

UNIT_MAIN("grow", holds_what_is_added, grows_when_it_is_full_only, refuses_more_than_room_can_count,
          refuses_more_bytes_than_there_are, grows_to_any_size_at_once,
          zeroes_what_is_new_and_nothing_else)
