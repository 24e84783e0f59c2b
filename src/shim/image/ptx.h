/* Parameter layouts out of PTX text, which the driver compiles when it is loaded. */
#ifndef MT_PTX_H
#define MT_PTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of where the reader is in the text; it reads no byte behind `end`. */
struct mt_ptx {
    const char *at, *end;
};

struct mt_ptx_kernel {
    const char *name; /* in the text */
    size_t name_bytes;
    uint32_t params; /* MT_PTX_ODD where a parameter makes no sense, or there are too many */
};

#define MT_PTX_ODD UINT32_MAX

/* The next kernel, offset and size of at most `most` parameters in *layout; false at the end. */
bool mt_ptx_next(struct mt_ptx *ptx, struct mt_ptx_kernel *kernel, uint16_t *layout, uint32_t most);

#endif
