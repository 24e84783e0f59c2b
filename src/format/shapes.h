/* Where in its parameters a launch has device pointers: as a rule where the last launch of the same
 * kernel had them.
 *
 * A shape is a list of offsets in units of 8 bytes. Each of MT_SHAPES places (kernel id modulo
 * their number) keeps the last shape written out there; those of a chunk share room for
 * MT_SHAPE_OFFSETS offsets, and one that does not fit empties all places first. A record is shorter
 * than the room. */
#ifndef MT_SHAPES_H
#define MT_SHAPES_H

#include <stdint.h>
#include <string.h>

#define MT_SHAPES 1024u
#define MT_SHAPE_OFFSETS (1u << 16)
#define MT_OFFSET_MASK 0xfffu /* MT_WORD_OFFSET has 12 bits */

struct mt_shape {
    uint32_t start, count;
};

struct mt_shapes {
    struct mt_shape shape[MT_SHAPES];
    uint32_t used;
    uint64_t offset[MT_SHAPE_OFFSETS]; /* where a word has them */
};

static inline void mt_shapes_clear(struct mt_shapes *shapes)
{
    memset(shapes->shape, 0, sizeof shapes->shape);
    shapes->used = 0;
}

static inline struct mt_shape *mt_shape_of(struct mt_shapes *shapes, uint64_t kernel)
{
    return &shapes->shape[kernel % MT_SHAPES];
}

/* Room for `count` offsets (<= MT_SHAPE_OFFSETS), which are the kernel's shape from now on. */
static inline uint64_t *mt_shape_renew(struct mt_shapes *shapes, uint64_t kernel, uint32_t count)
{
    if (count > MT_SHAPE_OFFSETS - shapes->used)
        mt_shapes_clear(shapes);
    struct mt_shape *shape = mt_shape_of(shapes, kernel);
    *shape = (struct mt_shape){shapes->used, count};
    shapes->used += count;
    return &shapes->offset[shape->start];
}

#endif
