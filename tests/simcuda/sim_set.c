/* cuMemset*: 1-, 2- and 4-byte patterns over rows. */
#include "sim_work.h"

#include <string.h>

static void fill_row(void *row, const struct sim_set *s)
{
    if (s->element == 1)
        memset(row, (int)s->value, s->width);
    else if (s->element == 2)
        for (size_t i = 0; i < s->width; i++)
            ((uint16_t *)row)[i] = (uint16_t)s->value;
    else
        for (size_t i = 0; i < s->width; i++)
            ((uint32_t *)row)[i] = s->value;
}

void sim_set_run(const struct sim_set *s)
{
    for (size_t y = 0; y < s->height; y++)
        fill_row((void *)(uintptr_t)(s->dst + y * s->pitch), s);
}

CUresult sim_set_check(const struct sim_set *s)
{
    if (s->width == 0 || s->height == 0)
        return CUDA_SUCCESS;
    SIM_REQUIRE(s->dst % s->element == 0, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(s->height == 1 || s->pitch >= s->width * s->element, CUDA_ERROR_INVALID_VALUE);
    return sim_range_check(s->dst, (s->height - 1) * s->pitch + s->width * s->element);
}

static CUresult set(CUstream stream, uint64_t dst, size_t pitch, unsigned value, unsigned element,
                    size_t width, size_t height)
{
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_MEMSET,
                            .set = {dst, pitch, width, height, value, element}};
    return sim_submit(stream, &work);
}

#define SETS(bits, type)                                                                           \
    SIM_BYTES_CTX(cuMemsetD##bits, (CUdeviceptr_v1 dst, type value, unsigned int n),               \
                  (uint64_t)n * sizeof(type), set(NULL, dst, 0, value, sizeof(type), n, 1))        \
    SIM_PTDS_BYTES(cuMemsetD##bits##_v2, (CUdeviceptr dst, type value, size_t n),                  \
                   (uint64_t)n * sizeof(type), set(NULL, dst, 0, value, sizeof(type), n, 1))       \
    SIM_PTSZ_BYTES(cuMemsetD##bits##Async,                                                         \
                   (CUdeviceptr dst, type value, size_t n, CUstream hStream),                      \
                   (uint64_t)n * sizeof(type), set(hStream, dst, 0, value, sizeof(type), n, 1))    \
    SIM_BYTES_CTX(                                                                                 \
        cuMemsetD2D##bits,                                                                         \
        (CUdeviceptr_v1 dst, unsigned int pitch, type value, unsigned int w, unsigned int h),      \
        (uint64_t)w *h * sizeof(type), set(NULL, dst, pitch, value, sizeof(type), w, h))           \
    SIM_PTDS_BYTES(                                                                                \
        cuMemsetD2D##bits##_v2, (CUdeviceptr dst, size_t pitch, type value, size_t w, size_t h),   \
        (uint64_t)w *h * sizeof(type), set(NULL, dst, pitch, value, sizeof(type), w, h))           \
    SIM_PTSZ_BYTES(                                                                                \
        cuMemsetD2D##bits##Async,                                                                  \
        (CUdeviceptr dst, size_t pitch, type value, size_t w, size_t h, CUstream hStream),         \
        (uint64_t)w *h * sizeof(type), set(hStream, dst, pitch, value, sizeof(type), w, h))

SETS(8, unsigned char)
SETS(16, unsigned short)
SETS(32, unsigned int)
