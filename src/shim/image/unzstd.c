/* A frame is unpacked at once into memory that is as large as it, so no window is needed: what the
 * library wants for itself is fixed, and is mapped. */
#define ZSTD_STATIC_LINKING_ONLY
#include "shim/image/unzstd.h"

#include <zstd.h>

#include "shim/image/pile.h"

size_t mt_zstd_unpack(const uint8_t *from, size_t size, uint8_t *to, size_t room)
{
    struct mt_pile memory = {0};
    size_t written = 0, needed = ZSTD_estimateDCtxSize();
    void *at = mt_pile_room(&memory, needed);
    ZSTD_DCtx *unpacker = at ? ZSTD_initStaticDCtx(at, needed) : NULL;
    if (unpacker)
        written = ZSTD_decompressDCtx(unpacker, to, room, from, size);
    mt_pile_release(&memory);
    return ZSTD_isError(written) ? 0 : written;
}
