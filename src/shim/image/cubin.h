/* Parameter layouts out of what a program loads: cubins, PTX text, and fat binaries of them. For
 * drivers that cannot tell layouts, before 12.4. */
#ifndef MT_CUBIN_H
#define MT_CUBIN_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/image/pile.h"

/* One behind the other in a pile, `size` bytes each. */
struct mt_image_kernel {
    uint32_t size;
    uint32_t params;
    uint16_t layout[]; /* offset and size of each; behind them the name, NUL-terminated */
};

struct mt_image_kernels {
    struct mt_pile pile;
    size_t bytes;
};

static inline const char *mt_image_name(const struct mt_image_kernel *kernel)
{
    return (const char *)&kernel->layout[2 * kernel->params];
}

/* Add the kernels of an image that the driver has accepted. What cannot be read is left out. A text
 * ends at the first zero, or behind `bytes` bytes: UINT64_MAX where its size is not known. */
void mt_image_read(struct mt_image_kernels *kernels, const void *image, uint64_t bytes);

/* Its place in the pile, NULL if there is none of that name. */
const struct mt_image_kernel *mt_image_find(const struct mt_image_kernels *kernels,
                                            const char *name);

#endif
