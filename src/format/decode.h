/* An events chunk -> records, a batch at a time. Reads anything: what makes no sense is an error,
 * memory stays within the limits of layout.h. One thread at a time. */
#ifndef MT_DECODE_H
#define MT_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "event/event.h"
#include "format/layout.h"

struct mt_decoder;

/* Memory for the records that mt_decoder_next gives at a time. */
struct mt_batch {
    struct mt_batch *next; /* for whoever has it */
    uint64_t word[];
};

/* NULL: out of memory; to be freed with free(). */
struct mt_batch *mt_batch_new(void);

/* A decoder for any number of chunks, one after the other; NULL: out of memory. */
struct mt_decoder *mt_decoder_new(void);
void mt_decoder_free(struct mt_decoder *decoder);

/* For the chunks taken up from now on: whether to leave out addresses, handles, totals and
 * parameter words, which take most of the time. Their fields are then 0, a launch has no words. */
void mt_decoder_lean(struct mt_decoder *decoder, bool lean);

/* Take up a chunk of events, whose header is valid; `frame` (stored_size bytes) may go afterwards.
 */
int mt_decoder_begin(struct mt_decoder *decoder, const struct mt_chunk_header *header,
                     const void *frame);

/* The next records: *first, and those that follow it to *end (mt_record_next), with times in ns
 * since the start; valid until the next call. Their number; 0 at the end of the chunk;
 * MT_ERR_DAMAGED where what is left makes no sense. Events of unknown kinds (a later version's) are
 * passed over. */
int mt_decoder_next(struct mt_decoder *decoder, const struct mt_record **first,
                    const struct mt_record **end);

/* Have the next records written to `batch`. The memory of the last ones, which stay valid, and are
 * the caller's from now on. */
struct mt_batch *mt_decoder_swap(struct mt_decoder *decoder, struct mt_batch *batch);

/* Events of the chunk that were not delivered so far. */
uint32_t mt_decoder_left(const struct mt_decoder *decoder);

/* Kinds of the records that mt_decoder_next gave last, bit 1 << kind for each (and maybe more). */
uint64_t mt_decoder_kinds(const struct mt_decoder *decoder);

/* Time of the last event decoded, ns. */
uint64_t mt_decoder_time(const struct mt_decoder *decoder);

/* Decompress a META or INDEX chunk into malloc'ed memory of raw_size (+ 1, a zero) bytes; NULL
 * where it is damaged or memory is short. */
void *mt_plain_decode(const struct mt_chunk_header *header, const void *frame);

#endif
