#include "base/pages.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE ((size_t)2 << 20)

void *mt_pages_alloc(size_t bytes)
{
    if (bytes < PAGE || bytes > SIZE_MAX - PAGE)
        return malloc(bytes);
    size_t size = (bytes + PAGE - 1) & ~(PAGE - 1);
    void *array = aligned_alloc(PAGE, size);
    int before = errno;
    if (array)
        madvise(array, size, MADV_HUGEPAGE); /* it is a wish */
    errno = before;
    return array;
}

void *mt_pages_widen(void *array, size_t had, size_t bytes)
{
    void *wider = mt_pages_alloc(bytes);
    if (!wider)
        return NULL;
    if (had)
        memcpy(wider, array, had);
    free(array);
    return wider;
}
