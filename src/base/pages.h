/* Large arrays on large pages: a page of 4 KiB takes longer to be given out than to be filled, in a
 * virtual machine much longer, and a large array has thousands of them. */
#ifndef MT_PAGES_H
#define MT_PAGES_H

#include <stddef.h>

/* As malloc, and free gives it back; of 2 MiB or more on large pages, where the system has some. */
void *mt_pages_alloc(size_t bytes);

/* The same with what `array` holds, `had` bytes, which is given back. NULL where memory is out:
 * then `array` is as it was. */
void *mt_pages_widen(void *array, size_t had, size_t bytes);

#endif
