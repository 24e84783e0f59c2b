/* Any bytes as the columns of a chunk, behind the frame's checksum that stops them otherwise: the
 * number of events in the first two bytes, the columns in the others. */
#include <stdlib.h>
#include <zstd.h>

#include "format/decode.h"
#include "fuzz.h"

static void decode(struct mt_decoder *decoder, const struct mt_chunk_header *header,
                   const void *frame)
{
    const struct mt_record *record, *end;
    uint32_t events = 0;
    if (mt_decoder_begin(decoder, header, frame) < 0)
        return;
    while (mt_decoder_next(decoder, &record, &end) > 0)
        for (; record < end; record = mt_record_next(record), events++)
            if (!mt_record_is_valid(record))
                abort();
    if (events + mt_decoder_left(decoder) > header->events)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct mt_decoder *decoder;
    static char frame[1 << 17];
    if (!decoder)
        decoder = mt_decoder_new();
    if (size < 2 || size > 1 << 16)
        return 0;
    struct mt_chunk_header header = {.events = bytes[0] + 256u * bytes[1],
                                     .raw_size = (uint32_t)size - 2,
                                     .time_last = UINT64_MAX};
    header.stored_size = (uint32_t)ZSTD_compress(frame, sizeof frame, bytes + 2, size - 2, 1);
    decode(decoder, &header, frame);
    return 0;
}
