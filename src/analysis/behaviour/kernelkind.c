#include "analysis/behaviour/kernelkind.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *part;
    enum mt_kernelkind kind;
} parts[] = {
    {"nccl", MT_KERNEL_collective},
    {"rccl", MT_KERNEL_collective},
    {"gemm", MT_KERNEL_product},
    {"gemv", MT_KERNEL_product},
    {"splitK", MT_KERNEL_product},
    {"cutlass", MT_KERNEL_product},
    {"cublas", MT_KERNEL_product},
    {"nvjet", MT_KERNEL_product},
    {"xmma", MT_KERNEL_product},
    {"convolve", MT_KERNEL_product},
    {"conv2d", MT_KERNEL_product},
    {"conv3d", MT_KERNEL_product},
    {"cnn::", MT_KERNEL_product},
    {"conv::", MT_KERNEL_product},
    {"winograd", MT_KERNEL_product},
    {"wgrad", MT_KERNEL_product},
    {"dgrad", MT_KERNEL_product},
    {"fprop", MT_KERNEL_product},
    {"nchwToNhwc", MT_KERNEL_product},
    {"nhwcToNchw", MT_KERNEL_product},
    {"scalePackedTensor", MT_KERNEL_product},
};

enum mt_kernelkind mt_kernelkind_of(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i].part))
            return parts[i].kind;
    return MT_KERNEL_other;
}
