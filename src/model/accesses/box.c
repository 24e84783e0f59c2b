#include "model/accesses/box.h"

#define ROWS_MAX 65536u /* of a box over several blocks that are looked at one by one */

bool mt_box_make(struct mt_box *box)
{
    uint64_t rows, slices;
    if (__builtin_mul_overflow(box->height - 1, box->pitch, &rows) ||
        __builtin_mul_overflow(box->depth - 1, box->slice, &slices) ||
        __builtin_add_overflow(box->begin, rows, &box->end) ||
        __builtin_add_overflow(box->end, slices, &box->end) ||
        __builtin_add_overflow(box->end, box->width, &box->end))
        return false;
    return true;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool mt_box_is_rough(const struct mt_box *box)
{
    return box->height > ROWS_MAX || box->depth > ROWS_MAX || box->height * box->depth > ROWS_MAX;
}

uint64_t mt_box_within(const struct mt_box *box, uint64_t begin, uint64_t end, uint64_t *first)
{
    uint64_t bytes = 0;
    *first = larger(box->begin, begin);
    if (box->begin >= begin && box->end <= end)
        return mt_box_bytes(box);
    if (box->height * box->depth == 1 || mt_box_is_rough(box))
        return smaller(box->end, end) - *first;
    for (uint64_t z = 0; z < box->depth; z++) {
        for (uint64_t y = 0; y < box->height; y++) {
            uint64_t row = box->begin + z * box->slice + y * box->pitch;
            uint64_t from = larger(row, begin), to = smaller(row + box->width, end);
            if (from >= to)
                continue;
            if (!bytes || from < *first)
                *first = from;
            bytes += to - from;
        }
    }
    return bytes;
}
