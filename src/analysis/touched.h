/* Which kernels have touched a live block: a few numbers in place, beyond that a bitmap, whose
 * memory is used again when the block dies. */
#ifndef MT_TOUCHED_H
#define MT_TOUCHED_H

#include <stdbool.h>
#include <stdint.h>

#define MT_TOUCHED_FEW 6u

struct mt_touched {
    uint32_t n;     /* numbers in `few`, or MT_TOUCHED_BITMAP */
    uint32_t class; /* of the bitmap: it has 64 << class bits; meaningful with a bitmap */
    union {
        uint32_t few[MT_TOUCHED_FEW]; /* each + 1; 0: no number */
        uint64_t *bitmap;
    };
};

/* Bitmaps that are not in use, by class. */
struct mt_touched_pool {
    uint64_t *spare[27];
};

#define MT_TOUCHED_BITMAP UINT32_MAX /* value of n with a bitmap */

/* Forget all; the set must be zero or have been used. */
void mt_touched_clear(struct mt_touched *touched, struct mt_touched_pool *pool);

/* Add a kernel's number: 1 if it is new, 0 if not, negative where memory is out. */
int mt_touched_add_slowly(struct mt_touched *touched, struct mt_touched_pool *pool,
                          uint32_t kernel);

static inline int mt_touched_add(struct mt_touched *touched, struct mt_touched_pool *pool,
                                 uint32_t kernel)
{
    if (touched->n <= MT_TOUCHED_FEW) {
        bool found = false;
        for (uint32_t i = 0; i < MT_TOUCHED_FEW;
             i++) /* all of them: where it stands is no pattern */
            found |= touched->few[i] == kernel + 1;
        if (found)
            return 0;
        if (touched->n < MT_TOUCHED_FEW) {
            touched->few[touched->n++] = kernel + 1;
            return 1;
        }
    }
    if (touched->n == MT_TOUCHED_BITMAP && kernel >> touched->class < 64 &&
        touched->bitmap[kernel / 64] >> kernel % 64 & 1)
        return 0;
    return mt_touched_add_slowly(touched, pool, kernel);
}

void mt_touched_pool_release(struct mt_touched_pool *pool);

#endif
