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

/* A fat binary of one part, a cubin or PTX text: as it is, or packed with LZ4 (as literals, and a
 * run of zeros at the end that repeats itself); to be freed. */
void *fatbin_new(const void *part, size_t size, int packed);

enum { FATBIN_PTX = 1, FATBIN_CUBIN = 2, FATBIN_LZ4 = 0x2000, FATBIN_ZSTD = 0x8000 };

/* The same of a part that is packed already; `unpacked` is its size before. */
void *fatbin_of(int kind, const void *part, size_t size, size_t unpacked, uint64_t packed_by);

#endif
