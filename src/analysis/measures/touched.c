#include "analysis/measures/touched.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static size_t class_bytes(uint32_t class)
{
    return sizeof(uint64_t) << class;
}

/* A spare bitmap holds the next one's address in its first word. */
static uint64_t *take(struct mt_touched_pool *pool, uint32_t class)
{
    uint64_t *bitmap = pool->spare[class];
    if (bitmap)
        memcpy(&pool->spare[class], (const void *)bitmap, sizeof bitmap);
    else
        bitmap = malloc(class_bytes(class));
    if (bitmap)
        memset(bitmap, 0, class_bytes(class));
    return bitmap;
}

static void give(struct mt_touched_pool *pool, uint64_t *bitmap, uint32_t class)
{
    memcpy((void *)bitmap, &pool->spare[class], sizeof bitmap);
    pool->spare[class] = bitmap;
}

void mt_touched_clear(struct mt_touched *touched, struct mt_touched_pool *pool)
{
    if (touched->far)
        give(pool, touched->far, touched->class);
    memset(touched, 0, sizeof *touched);
}

/* Make the bitmap have a bit for number `bit`. */
static bool widen(struct mt_touched *touched, struct mt_touched_pool *pool, uint32_t bit)
{
    uint32_t class = 2;
    while (bit >> class >= 64)
        class ++;
    uint64_t *bitmap = take(pool, class);
    if (!bitmap)
        return false;
    if (touched->far) {
        memcpy(bitmap, touched->far, class_bytes(touched->class));
        give(pool, touched->far, touched->class);
    }
    touched->class = class;
    touched->far = bitmap;
    return true;
}

int mt_touched_add_far(struct mt_touched *touched, struct mt_touched_pool *pool, uint32_t kernel)
{
    uint32_t bit = kernel - MT_TOUCHED_NEAR;
    if ((!touched->far || bit >> touched->class >= 64) && !widen(touched, pool, bit))
        return MT_ERR_MEMORY;
    uint64_t *bits = &touched->far[bit / 64], old = *bits;
    *bits = old | UINT64_C(1) << bit % 64;
    return !(old >> bit % 64 & 1);
}

void mt_touched_pool_release(struct mt_touched_pool *pool)
{
    for (uint32_t class = 0; class < sizeof pool->spare / sizeof *pool->spare; class ++) {
        while (pool->spare[class]) {
            uint64_t *bitmap = pool->spare[class];
            memcpy(&pool->spare[class], (const void *)bitmap, sizeof bitmap);
            free(bitmap);
        }
    }
}
