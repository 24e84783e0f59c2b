#define ZSTD_STATIC_LINKING_ONLY
#include "format/chunk.h"

#include <zstd.h>

#include "base/crc32.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "headers are written as they lie in memory");

#define LEVEL_MAX 19
#define WINDOW_LOG_MIN 17

void mt_chunk_seal(struct mt_chunk_header *header)
{
    header->crc = mt_crc32(header, offsetof(struct mt_chunk_header, crc));
}

/* What a type allows in its header. */
static bool fields_fit(const struct mt_chunk_header *header)
{
    if (header->type != MT_CHUNK_EVENTS)
        return (header->type == MT_CHUNK_META || header->type == MT_CHUNK_INDEX) &&
               header->flags == 0 && header->time_shift == 0 && header->events == 0 &&
               header->thread == 0;
    return (header->flags & ~MT_CHUNK_DEFINES) == 0 && header->time_shift <= MT_TIME_SHIFT_MAX &&
           header->thread < MT_THREADS_MAX && header->events > 0 &&
           header->events <= MT_CHUNK_EVENTS_MAX && header->events <= header->raw_size &&
           header->ring_begin <= header->ring_end && header->time_first <= header->time_last;
}

bool mt_chunk_is_valid(const struct mt_chunk_header *header)
{
    return header->magic == MT_CHUNK_MAGIC &&
           header->crc == mt_crc32(header, offsetof(struct mt_chunk_header, crc)) &&
           header->stored_size <= MT_CHUNK_STORED_MAX && header->raw_size <= MT_CHUNK_RAW_MAX &&
           fields_fit(header);
}

/* The window spans the chunk, so that each iteration in it can refer to the one before. */
static ZSTD_compressionParameters parameters(size_t raw, int level)
{
    level = level < 1 ? 1 : level > LEVEL_MAX ? LEVEL_MAX : level;
    ZSTD_compressionParameters parameters = ZSTD_getCParams(level, raw, 0);
    unsigned log = WINDOW_LOG_MIN;
    while (log < 26 && (size_t)1 << log < raw)
        log++;
    parameters.windowLog = log;
    return parameters;
}

size_t mt_packer_size(size_t raw, int level)
{
    return (ZSTD_estimateCCtxSize_usingCParams(parameters(raw, level)) + 63) & ~(size_t)63;
}

struct ZSTD_CCtx_s *mt_packer_init(void *memory, size_t raw, int level)
{
    ZSTD_compressionParameters chosen = parameters(raw, level);
    ZSTD_CCtx *packer = ZSTD_initStaticCCtx(memory, mt_packer_size(raw, level));
    if (!packer)
        return NULL;
    size_t error = 0;
#define SET(name, value) error |= ZSTD_isError(ZSTD_CCtx_setParameter(packer, name, (int)(value)))
    SET(ZSTD_c_windowLog, chosen.windowLog);
    SET(ZSTD_c_hashLog, chosen.hashLog);
    SET(ZSTD_c_chainLog, chosen.chainLog);
    SET(ZSTD_c_searchLog, chosen.searchLog);
    SET(ZSTD_c_minMatch, chosen.minMatch);
    SET(ZSTD_c_targetLength, chosen.targetLength);
    SET(ZSTD_c_strategy, chosen.strategy);
    SET(ZSTD_c_checksumFlag, 1);
    SET(ZSTD_c_contentSizeFlag, 1); /* a static context begins without the defaults */
#undef SET
    return error ? NULL : packer;
}

size_t mt_frame_bound(size_t raw)
{
    return ZSTD_compressBound(raw);
}

size_t mt_frame_pack(struct ZSTD_CCtx_s *packer, void *frame, size_t room, const void *raw,
                     size_t size)
{
    size_t stored = ZSTD_compress2(packer, frame, room, raw, size);
    return ZSTD_isError(stored) ? 0 : stored;
}

int mt_frame_unpack(struct ZSTD_DCtx_s *unpacker, const struct mt_chunk_header *header,
                    const void *frame, void *raw)
{
    size_t stored = header->stored_size;
    if (ZSTD_getFrameContentSize(frame, stored) != header->raw_size ||
        ZSTD_findFrameCompressedSize(frame, stored) != stored)
        return MT_ERR_DAMAGED;
    size_t size = ZSTD_decompressDCtx(unpacker, raw, header->raw_size, frame, stored);
    return ZSTD_isError(size) || size != header->raw_size ? MT_ERR_DAMAGED : 0;
}
