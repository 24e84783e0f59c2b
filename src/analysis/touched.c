#include "analysis/touched.h"

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
    if (touched->n == MT_TOUCHED_BITMAP)
        give(pool, touched->bitmap, touched->class);
    memset(touched, 0, sizeof *touched);
}

static void set_bit(uint64_t *bitmap, uint32_t i)
{
    bitmap[i / 64] |= UINT64_C(1) << i % 64;
}

/* Make it a bitmap that has a bit for `kernel`. */
static bool widen(struct mt_touched *touched, struct mt_touched_pool *pool, uint32_t kernel)
{
    uint32_t class = 2;
    while (kernel >> class >= 64)
        class ++;
    if (touched->n != MT_TOUCHED_BITMAP)
        for (uint32_t i = 0; i < touched->n; i++)
            while ((touched->few[i] - 1) >> class >= 64)
                class ++;
    uint64_t *bitmap = take(pool, class);
    if (!bitmap)
        return false;
    if (touched->n == MT_TOUCHED_BITMAP) {
        memcpy(bitmap, touched->bitmap, class_bytes(touched->class));
        give(pool, touched->bitmap, touched->class);
    } else {
        for (uint32_t i = 0; i < touched->n; i++)
            set_bit(bitmap, touched->few[i] - 1);
    }
    touched->n = MT_TOUCHED_BITMAP;
    touched->class = class;
    touched->bitmap = bitmap;
    return true;
}

int mt_touched_add_slowly(struct mt_touched *touched, struct mt_touched_pool *pool, uint32_t kernel)
{
    if ((touched->n != MT_TOUCHED_BITMAP || kernel >> touched->class >= 64) &&
        !widen(touched, pool, kernel))
        return MT_ERR_MEMORY;
    if (touched->bitmap[kernel / 64] >> kernel % 64 & 1)
        return 0;
    set_bit(touched->bitmap, kernel);
    return 1;
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
