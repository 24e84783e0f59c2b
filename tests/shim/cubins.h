/* Images of device code made in memory: a cubin of a kernel, fat binaries around it. */
#ifndef MT_CUBINS_H
#define MT_CUBINS_H

#include <stddef.h>
#include <stdint.h>

struct cubin_param {
    uint16_t offset, size;
};

/* An ELF file with the section .nv.info.NAME; to be freed. */
void *cubin_new(const char *name, const struct cubin_param *param, unsigned n, size_t *size);

/* A fat binary of one part: as it is, or packed with LZ4 (as literals, and a run of zeros at the
 * end that repeats itself); to be freed. */
void *fatbin_new(const void *cubin, size_t size, int packed);

#endif
