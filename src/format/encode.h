/* Records -> an events chunk, and back. One thread's records in, one chunk out; no state between
 * chunks. Runs in the traced process (drain thread): all memory comes from the caller's arena, no
 * malloc, no stdio, no locale. */
#ifndef MT_ENCODE_H
#define MT_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "event/event.h"
#include "format/layout.h"

struct mt_encoder;

/* Bytes of memory an encoder needs for chunks of at most `events` events whose records take at most
 * `bytes`; memory 64-byte aligned. Untouched pages of it are never needed: give it mmap'ed memory.
 */
size_t mt_encoder_size(uint32_t events, size_t bytes);

/* An encoder in `memory` (of mt_encoder_size bytes), zstd level 1..19. NULL where zstd refuses. */
struct mt_encoder *mt_encoder_init(void *memory, uint32_t events, size_t bytes, int level,
                                   unsigned time_shift);

/* Start a chunk of thread `thread`. */
void mt_encoder_begin(struct mt_encoder *encoder, uint32_t thread, uint64_t ring_begin);

/* Add a record whose time is `time_ns` since the start of the trace (rounded down to the quantum; a
 * time before that of the last record counts as that). False where the chunk is full: end it, begin
 * another, add again. The record itself is only read; its own `time` is ignored. A record that
 * event.def does not allow is written as one event lost. */
bool mt_encoder_add(struct mt_encoder *encoder, const struct mt_record *record, uint64_t time_ns);

/* Close the chunk (one without events is not to be written): *header is complete but for `lost` (0)
 * and `crc`, *frame points to stored_size bytes inside the encoder, valid until the next begin.
 * Call mt_chunk_seal when all is filled. */
int mt_encoder_end(struct mt_encoder *encoder, uint64_t ring_end, struct mt_chunk_header *header,
                   const void **frame);

/* A chunk of plain bytes (META, INDEX): compress `size` bytes (<= the encoder's `bytes`). */
int mt_encoder_plain(struct mt_encoder *encoder, enum mt_chunk_type type, const void *bytes,
                     size_t size, struct mt_chunk_header *header, const void **frame);

/* Set the crc of a header. */
void mt_chunk_seal(struct mt_chunk_header *header);

/* Whether a header is intact and within the limits. */
bool mt_chunk_is_valid(const struct mt_chunk_header *header);

#endif
