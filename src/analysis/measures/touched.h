/* Which kernels have touched a live block: a bit for each of the first MT_TOUCHED_NEAR kernels in
 * place, and for the others, which few jobs have, a bitmap whose memory is used again when the
 * block dies. */
#ifndef MT_TOUCHED_H
#define MT_TOUCHED_H

#include <stdbool.h>
#include <stdint.h>

#define MT_TOUCHED_NEAR 384u

/* As large as a cache line. */
struct mt_touched {
    uint64_t near[MT_TOUCHED_NEAR / 64];
    uint64_t *far;  /* bits of the kernels from MT_TOUCHED_NEAR on; NULL: none of them */
    uint32_t class; /* it has 64 << class bits */
};

/* Bitmaps that are not in use, by class. */
struct mt_touched_pool {
    uint64_t *spare[27];
};

/* Forget all; the set must be zero or have been used. */
void mt_touched_clear(struct mt_touched *touched, struct mt_touched_pool *pool);

/* Add a kernel's number from MT_TOUCHED_NEAR on. */
int mt_touched_add_far(struct mt_touched *touched, struct mt_touched_pool *pool, uint32_t kernel);

/* Where a kernel's number below MT_TOUCHED_NEAR stands. */
struct mt_touched_bit {
    uint32_t place;
    uint64_t bit;
};

static inline struct mt_touched_bit mt_touched_bit(uint32_t kernel)
{
    return (struct mt_touched_bit){kernel / 64, UINT64_C(1) << kernel % 64};
}

/* Add it: 1 if it is new, 0 if not. */
static inline uint64_t mt_touched_add_near(struct mt_touched *touched, struct mt_touched_bit bit)
{
    uint64_t *bits = &touched->near[bit.place], old = *bits;
    *bits = old | bit.bit;
    return (old & bit.bit) == 0;
}

/* The same of any number, or negative where memory is out. */
static inline int mt_touched_add(struct mt_touched *touched, struct mt_touched_pool *pool,
                                 uint32_t kernel)
{
    if (kernel >= MT_TOUCHED_NEAR)
        return mt_touched_add_far(touched, pool, kernel);
    return (int)mt_touched_add_near(touched, mt_touched_bit(kernel));
}

void mt_touched_pool_release(struct mt_touched_pool *pool);

#endif
