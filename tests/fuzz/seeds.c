/* Writes columns for fuzz_columns to start from. usage: seeds FILE NUMBER */
#include <stdio.h>
#include <stdlib.h>

#include "format/decode.h"
#include "format/encode.h"
#include "sample.h"

int main(int argc, char **argv)
{
    struct mt_chunk_header header;
    const void *frame;
    FILE *out = argc == 3 ? fopen(argv[1], "wb") : NULL;
    if (!out)
        return 2;
    struct sample *sample = calloc(1, sizeof *sample);
    void *memory = aligned_alloc(64, mt_encoder_size(1000, 1 << 20));
    struct mt_encoder *encoder = mt_encoder_init(memory, 1000, 1 << 20, 3, 0);
    sample->state = strtoull(argv[2], NULL, 10);
    for (int i = 0; i < 60; i++) {
        const struct mt_record *record = sample_next(sample, 6);
        mt_encoder_add(encoder, record, record->time);
    }
    if (mt_encoder_end(encoder, 0, &header, &frame) < 0)
        return 1;
    char *raw = mt_plain_decode(&header, frame);
    unsigned char events[2] = {(unsigned char)header.events, (unsigned char)(header.events >> 8)};
    if (fwrite(events, 2, 1, out) != 1 || fwrite(raw, header.raw_size, 1, out) != 1 ||
        fclose(out) != 0)
        return 1;
    free(raw);
    free(memory);
    free(sample);
    return 0;
}
