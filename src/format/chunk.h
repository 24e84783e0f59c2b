/* A chunk's header and its zstd frame. */
#ifndef MT_CHUNK_H
#define MT_CHUNK_H

#include <stddef.h>

#include "base/error.h"
#include "format/encode.h"
#include "format/layout.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

/* Bytes of memory that mt_packer_init needs for chunks of at most `raw` bytes. */
size_t mt_packer_size(size_t raw, int level);

/* A compressor in `memory` (64-byte aligned); NULL where zstd refuses. */
struct ZSTD_CCtx_s *mt_packer_init(void *memory, size_t raw, int level);

/* Bytes that a frame of `raw` bytes takes at most. */
size_t mt_frame_bound(size_t raw);

/* Compress; the size of the frame, 0 on failure. */
size_t mt_frame_pack(struct ZSTD_CCtx_s *packer, void *frame, size_t room, const void *raw,
                     size_t size);

/* Decompress the frame of a valid header into `raw`, of header->raw_size bytes. Fails where the
 * frame is damaged (it carries a checksum) or not exactly as long as the header says. */
int mt_frame_unpack(struct ZSTD_DCtx_s *unpacker, const struct mt_chunk_header *header,
                    const void *frame, void *raw);

#endif
