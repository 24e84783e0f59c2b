/* Reading memory that may not be there, without a fault and without a permission: the kernel is
 * asked to read it. For first looks only: a system call for each page. */
#ifndef MT_PROBE_H
#define MT_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether [address, address + size) can be read now. Keeps errno. */
bool mt_probe(uintptr_t address, size_t size);

/* Read one value if it can be read. */
#define MT_PROBE_READ(to, address)                                                                 \
    (mt_probe((uintptr_t)(address), sizeof *(to)) &&                                               \
     (__builtin_memcpy(to, (const void *)(uintptr_t)(address), sizeof *(to)), true))

#endif
