/* Random records of all kinds, the same ones for the same seed. */
#ifndef MT_SAMPLE_H
#define MT_SAMPLE_H

#include <stdint.h>
#include <string.h>

#include "event/event.h"

struct sample {
    uint64_t state;
    uint64_t time;
    uint64_t address[16]; /* a few that come again */
    union {
        struct mt_record record;
        uint64_t space[2 + MT_RECORD_WORDS_MAX];
    };
};

static inline uint64_t sample_random(struct sample *sample)
{
    uint64_t z = sample->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static inline uint64_t sample_below(struct sample *sample, uint64_t n)
{
    return (sample_random(sample) >> 32) * n >> 32;
}

/* Mostly small, sometimes any 64 bits. */
static inline uint64_t sample_number(struct sample *sample)
{
    return sample_random(sample) >>
           (sample_below(sample, 4) ? 48 + sample_below(sample, 16) : sample_below(sample, 64));
}

static inline uint64_t sample_address(struct sample *sample)
{
    uint64_t *one = &sample->address[sample_below(sample, 16)];
    if (sample_below(sample, 4) == 0)
        *one = 0x7f0000000000 + (sample_below(sample, 1 << 20) << 9);
    return sample_below(sample, 50) ? *one + sample_below(sample, 3) * 256 : sample_random(sample);
}

static inline uint64_t sample_field(struct sample *sample, enum mt_field_type type)
{
    if (type == MT_ADDRESS)
        return sample_address(sample);
    if (type == MT_HANDLE && sample_below(sample, 8))
        return 0x5500 + sample_below(sample, 40) * 16;
    return sample_number(sample);
}

/* The next record: any kind, any length of tail up to `tail_max`. */
static inline const struct mt_record *sample_next(struct sample *sample, uint32_t tail_max)
{
    const struct mt_event_info *info;
    struct mt_record *record = &sample->record;
    do {
        record->kind = (uint16_t)(1 + sample_below(sample, MT_KINDS - 1));
        info = mt_event_info(record->kind);
    } while (!info);
    sample->time +=
        sample_below(sample, 100) ? sample_below(sample, 5000) : sample_random(sample) >> 24;
    record->time = sample->time;
    record->flags = 0;
    record->words = info->fields;
    for (unsigned i = 0; i < info->fields; i++)
        record->word[i] = sample_field(sample, info->field[i].type);
    if (record->kind == MT_launch)
        record->word[0] = 1 + sample_below(sample, 20);
    if (info->tail == MT_TAIL_NONE)
        return record;
    uint32_t tail = record->kind == MT_launch && sample_below(sample, 4)
                        ? (uint32_t)record->word[0] % 7
                        : (uint32_t)sample_below(sample, tail_max + 1);
    for (uint32_t i = 0; i < tail; i++)
        record->word[record->words++] =
            info->tail == MT_TAIL_WORDS
                ? MT_WORD(MT_WORD_ADDRESS(sample_address(sample)), 8 * (i % 4096))
                : sample_random(sample);
    return record;
}

#endif
