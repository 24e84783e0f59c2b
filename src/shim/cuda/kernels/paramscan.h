/* Device addresses among the words of a kernel's parameters. */
#ifndef MT_PARAMSCAN_H
#define MT_PARAMSCAN_H

#include <stdint.h>
#include <string.h>

#include "base/hot.h"
#include "event/event.h"
#include "shim/cuda/granules.h"

/* Found so far, directly in the ring: a record is reserved at its largest possible size, a word for
 * each that is scanned, and committed at its real one. */
struct mt_found {
    uint64_t *word;
    uint32_t n;
};

/* Most words of most kernels are pointers; what is not is written all the same, and overwritten by
 * the next: no branch to be foretold wrongly. */
static inline void mt_scan_word(struct mt_found *found, const void *memory, uint32_t offset)
{
    uint64_t word;
    memcpy(&word, memory, 8); /* callers align parameters as they like */
    found->word[found->n] = MT_WORD(word, offset);
    found->n += mt_is_device(word);
}

/* The words of a structure, of which the first lies at `offset` in the parameter block. Returns how
 * many are found in all. */
uint32_t mt_scan_words(struct mt_found found, const void *memory, uint32_t words, uint32_t offset);

#endif
