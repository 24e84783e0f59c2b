/* An ordered set of disjoint ranges of addresses [begin, end), each with a number below 2^32 - 1
 * (`item`).
 *
 * Search, insertion and removal take a few tens of nanoseconds at 10^5 ranges, and no memory once
 * the set has had its size. Used by one thread. */
#ifndef MT_SPACE_H
#define MT_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_space_chunk;

struct mt_space {
    uint64_t *first;               /* first begin of each chunk */
    struct mt_space_chunk **chunk; /* never empty */
    size_t chunks, room;
    struct mt_space_chunk *spare; /* chunks for use */
    size_t size;                  /* ranges */
    size_t gone;                  /* were removed and are still in their places */
    size_t last;                  /* chunk that was changed last; a guess */
};

struct mt_range {
    uint64_t begin, end;
    uint32_t item;
};

enum mt_space_result { MT_SPACE_OK, MT_SPACE_OVERLAP, MT_SPACE_MEMORY };

void mt_space_init(struct mt_space *space);
void mt_space_release(struct mt_space *space);

/* Add a range (begin < end). Nothing changes on an overlap or where memory is out. */
enum mt_space_result mt_space_insert(struct mt_space *space, uint64_t begin, uint64_t end,
                                     uint32_t item);

/* Remove the range that begins at `begin`; false if none does. `removed` may be NULL. */
bool mt_space_remove(struct mt_space *space, uint64_t begin, struct mt_range *removed);

/* The range that contains `address`. */
bool mt_space_find(const struct mt_space *space, uint64_t address, struct mt_range *range);

/* The first range that ends behind `address`: contains it or follows it. */
bool mt_space_next(const struct mt_space *space, uint64_t address, struct mt_range *range);

/* The same, if it begins before `end`: that is quicker where many were removed behind. */
bool mt_space_next_in(const struct mt_space *space, uint64_t address, uint64_t end,
                      struct mt_range *range);

/* Expensive: order, disjointness, chunk sizes. */
bool mt_space_is_valid(const struct mt_space *space);

#endif
