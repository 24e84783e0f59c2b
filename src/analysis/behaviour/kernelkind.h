/* What a kernel or a library is, as far as its name tells. */
#ifndef MT_KERNELKIND_H
#define MT_KERNELKIND_H

#include <stdint.h>

enum mt_kernelkind {
    MT_KERNEL_other,
    MT_KERNEL_product,    /* matrix products, convolutions, and what prepares them */
    MT_KERNEL_collective, /* of NCCL and its kin */
};

enum mt_kernelkind mt_kernelkind_of(const char *name);

/* Of which kind the kernels of a library are, by its file; NULL: not known, and so other. */
enum mt_kernelkind mt_librarykind_of(const char *file);

#endif
