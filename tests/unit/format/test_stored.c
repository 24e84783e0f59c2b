/* Frames of bytes as they are: zstd unpacks them, and their length depends on nothing else. */
#include "format/stored.h"

#include <string.h>
#include <zstd.h>

#include "unit.h"

START_TEST(every_size)
{
    uint8_t raw[MT_STORED_MAX], frame[MT_STORED_MAX + MT_STORED_MORE], back[MT_STORED_MAX];
    for (size_t size = 1; size <= MT_STORED_MAX; size++) {
        for (size_t i = 0; i < size; i++)
            raw[i] = (uint8_t)(size * 37 + i * i * 11);
        size_t stored = mt_frame_store(frame, raw, size);
        ck_assert_uint_eq(stored, size + MT_STORED_MORE);
        ck_assert_uint_eq(ZSTD_getFrameContentSize(frame, stored), size);
        ck_assert_uint_eq(ZSTD_decompress(back, sizeof back, frame, stored), size);
        ck_assert_mem_eq(raw, back, size);
        frame[9 + size / 2] ^= 4;
        ck_assert(ZSTD_isError(ZSTD_decompress(back, sizeof back, frame, stored)));
    }
}
END_TEST

UNIT_MAIN("stored", every_size)
