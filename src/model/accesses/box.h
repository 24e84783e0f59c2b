/* What a copy or set covers: slices of rows. */
#ifndef MT_BOX_H
#define MT_BOX_H

#include <stdbool.h>
#include <stdint.h>

struct mt_box {
    uint64_t begin, width, height, depth, pitch, slice;
    uint64_t end; /* of its last byte; mt_box_make fills it in */
};

static inline bool mt_box_is_empty(const struct mt_box *box)
{
    return !box->width || !box->height || !box->depth;
}

static inline uint64_t mt_box_bytes(const struct mt_box *box)
{
    return box->width * box->height * box->depth;
}

/* Fill in a box that is not empty; false if it goes beyond the address space. */
bool mt_box_make(struct mt_box *box);

/* Bytes of a box within [begin, end), and in *first where the first of them lies. */
uint64_t mt_box_within(const struct mt_box *box, uint64_t begin, uint64_t end, uint64_t *first);

/* It has too many rows to look at each: within means between its first and its last byte. */
bool mt_box_is_rough(const struct mt_box *box);

#endif
