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
    ck_assert_ptr_null(mt_grow(NULL, &room, 1, SIZE_MAX, 8));
    ck_assert_uint_eq(room, SIZE_MAX / 8);
    room = SIZE_MAX / 2 + 1;
    ck_assert_ptr_null(mt_grow(NULL, &room, 1, SIZE_MAX, 1));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {holds_what_is_added, grows_when_it_is_full_only,
                                  refuses_more_than_room_can_count,
                                  refuses_more_bytes_than_there_are, NULL};
    return unit_run(unit_suite("grow", tests));
}
