#include "analysis/behaviour/kernelkind.h"

#include <stddef.h>
#include <string.h>

static const struct named {
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

static const struct named libraries[] = {
    {"libnccl", MT_KERNEL_collective},     {"librccl", MT_KERNEL_collective},
    {"libnvshmem", MT_KERNEL_collective},  {"libmpi", MT_KERNEL_collective},
    {"libuct_cuda", MT_KERNEL_collective}, {"libcublas", MT_KERNEL_product},
    {"libcudnn", MT_KERNEL_product},       {"libcusolver", MT_KERNEL_product},
    {"libcusparse", MT_KERNEL_product},    {"libcufft", MT_KERNEL_product},
    {"libcutensor", MT_KERNEL_product},
};

static enum mt_kernelkind kind_of(const char *name, const struct named *known, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(name, known[i].part))
            return known[i].kind;
    return MT_KERNEL_other;
}

enum mt_kernelkind mt_kernelkind_of(const char *name)
{
    return kind_of(name, parts, sizeof parts / sizeof *parts);
}

enum mt_kernelkind mt_librarykind_of(const char *file)
{
    return file ? kind_of(file, libraries, sizeof libraries / sizeof *libraries) : MT_KERNEL_other;
}
