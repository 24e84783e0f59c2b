/* What a kernel is, as far as its name tells. */
#ifndef MT_KERNELKIND_H
#define MT_KERNELKIND_H

#include <stdint.h>

enum mt_kernelkind {
    MT_KERNEL_other,
    MT_KERNEL_product,    /* matrix products, convolutions, and what prepares them */
    MT_KERNEL_collective, /* of NCCL and its kin */
};

enum mt_kernelkind mt_kernelkind_of(const char *name);

#endif
