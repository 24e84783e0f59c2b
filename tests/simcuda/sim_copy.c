/* One-dimensional copies. Device memory is the process's own, so a copy is memmove. */
#include "sim_array.h"
#include "sim_work.h"

#include <string.h>

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static uint64_t address_of(const void *p)
{
    return (uintptr_t)p;
}

void sim_copy_run(const struct sim_copy *c)
{
    for (size_t z = 0; z < c->depth; z++)
        for (size_t y = 0; y < c->height; y++)
            memmove(at(c->dst + z * c->dst_slice + y * c->dst_pitch),
                    at(c->src + z * c->src_slice + y * c->src_pitch), c->width);
}

static size_t span(size_t pitch, size_t slice, const struct sim_copy *c)
{
    if (c->width == 0 || c->height == 0 || c->depth == 0)
        return 0;
    return (c->depth - 1) * slice + (c->height - 1) * pitch + c->width;
}

CUresult sim_copy_check(const struct sim_copy *c)
{
    CUresult result = sim_range_check(c->dst, span(c->dst_pitch, c->dst_slice, c));
    return result != CUDA_SUCCESS ? result
                                  : sim_range_check(c->src, span(c->src_pitch, c->src_slice, c));
}

static CUresult linear(CUstream stream, uint64_t dst, uint64_t src, size_t bytes)
{
    struct sim_work work = {
        .type = CU_GRAPH_NODE_TYPE_MEMCPY,
        .copy = {.dst = dst, .src = src, .width = bytes, .height = 1, .depth = 1}};
    return sim_submit(stream, &work);
}

/* The un-suffixed exports take 32-bit addresses and sizes, `_v2` the whole ones. */
#define BOTH(name, v1, v2, n, dst, src)                                                            \
    SIM_BYTES_CTX(name, v1, n, linear(NULL, dst, src, n))                                          \
    SIM_PTDS_BYTES(name##_v2, v2, n, linear(NULL, dst, src, n))
#define BOTH_ASYNC(name, v1, v2, n, dst, src)                                                      \
    SIM_BYTES_CTX(name, v1, n, linear(hStream, dst, src, n))                                       \
    SIM_PTSZ_BYTES(name##_v2, v2, n, linear(hStream, dst, src, n))

SIM_PTDS_BYTES(cuMemcpy, (CUdeviceptr dst, CUdeviceptr src, size_t n), n, linear(NULL, dst, src, n))
SIM_PTSZ_BYTES(cuMemcpyAsync, (CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream hStream), n,
               linear(hStream, dst, src, n))

BOTH(cuMemcpyHtoD, (CUdeviceptr_v1 dst, const void *src, unsigned int n),
     (CUdeviceptr dst, const void *src, size_t n), n, dst, address_of(src))
BOTH(cuMemcpyDtoH, (void *dst, CUdeviceptr_v1 src, unsigned int n),
     (void *dst, CUdeviceptr src, size_t n), n, address_of(dst), src)
BOTH(cuMemcpyDtoD, (CUdeviceptr_v1 dst, CUdeviceptr_v1 src, unsigned int n),
     (CUdeviceptr dst, CUdeviceptr src, size_t n), n, dst, src)
BOTH_ASYNC(cuMemcpyHtoDAsync,
           (CUdeviceptr_v1 dst, const void *src, unsigned int n, CUstream hStream),
           (CUdeviceptr dst, const void *src, size_t n, CUstream hStream), n, dst, address_of(src))
BOTH_ASYNC(cuMemcpyDtoHAsync, (void *dst, CUdeviceptr_v1 src, unsigned int n, CUstream hStream),
           (void *dst, CUdeviceptr src, size_t n, CUstream hStream), n, address_of(dst), src)
BOTH_ASYNC(cuMemcpyDtoDAsync,
           (CUdeviceptr_v1 dst, CUdeviceptr_v1 src, unsigned int n, CUstream hStream),
           (CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream hStream), n, dst, src)

BOTH(cuMemcpyDtoA, (CUarray dst, unsigned int offset, CUdeviceptr_v1 src, unsigned int n),
     (CUarray dst, size_t offset, CUdeviceptr src, size_t n), n, sim_array_at(dst, offset), src)
BOTH(cuMemcpyAtoD, (CUdeviceptr_v1 dst, CUarray src, unsigned int offset, unsigned int n),
     (CUdeviceptr dst, CUarray src, size_t offset, size_t n), n, dst, sim_array_at(src, offset))
BOTH(cuMemcpyHtoA, (CUarray dst, unsigned int offset, const void *src, unsigned int n),
     (CUarray dst, size_t offset, const void *src, size_t n), n, sim_array_at(dst, offset),
     address_of(src))
BOTH(cuMemcpyAtoH, (void *dst, CUarray src, unsigned int offset, unsigned int n),
     (void *dst, CUarray src, size_t offset, size_t n), n, address_of(dst),
     sim_array_at(src, offset))
BOTH(cuMemcpyAtoA,
     (CUarray dst, unsigned int dst_offset, CUarray src, unsigned int src_offset, unsigned int n),
     (CUarray dst, size_t dst_offset, CUarray src, size_t src_offset, size_t n), n,
     sim_array_at(dst, dst_offset), sim_array_at(src, src_offset))
BOTH_ASYNC(cuMemcpyHtoAAsync,
           (CUarray dst, unsigned int offset, const void *src, unsigned int n, CUstream hStream),
           (CUarray dst, size_t offset, const void *src, size_t n, CUstream hStream), n,
           sim_array_at(dst, offset), address_of(src))
BOTH_ASYNC(cuMemcpyAtoHAsync,
           (void *dst, CUarray src, unsigned int offset, unsigned int n, CUstream hStream),
           (void *dst, CUarray src, size_t offset, size_t n, CUstream hStream), n, address_of(dst),
           sim_array_at(src, offset))

static CUresult between_peers(CUstream stream, CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src,
                              CUcontext src_ctx, size_t bytes)
{
    SIM_REQUIRE(sim_is(dst_ctx, SIM_CONTEXT) && sim_is(src_ctx, SIM_CONTEXT),
                CUDA_ERROR_INVALID_CONTEXT);
    return linear(stream, dst, src, bytes);
}
SIM_PTDS_BYTES(cuMemcpyPeer,
               (CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx, size_t n),
               n, between_peers(NULL, dst, dst_ctx, src, src_ctx, n))
SIM_PTSZ_BYTES(cuMemcpyPeerAsync,
               (CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx, size_t n,
                CUstream hStream),
               n, between_peers(hStream, dst, dst_ctx, src, src_ctx, n))

/* Several copies in one call. Attributes are hints, but must cover the copies in order. */
static CUresult attributes_ok(size_t count, const CUmemcpyAttributes *attrs, const size_t *indices,
                              size_t n)
{
    SIM_REQUIRE(attrs && indices && n > 0 && n <= count && indices[0] == 0,
                CUDA_ERROR_INVALID_VALUE);
    for (size_t i = 1; i < n; i++)
        SIM_REQUIRE(indices[i] > indices[i - 1] && indices[i] < count, CUDA_ERROR_INVALID_VALUE);
    return CUDA_SUCCESS;
}

static CUresult batch(struct sim_thread *self, enum sim_id id, const CUdeviceptr *dsts,
                      const CUdeviceptr *srcs, const size_t *sizes, size_t count,
                      const CUmemcpyAttributes *attrs, const size_t *indices, size_t n_attrs,
                      size_t *failed, CUstream stream)
{
    if (failed)
        *failed = (size_t)-1;
    SIM_REQUIRE(dsts && srcs && sizes && count && !sim_stream_is_special(stream),
                CUDA_ERROR_INVALID_VALUE);
    CUresult result = attributes_ok(count, attrs, indices, n_attrs);
    for (size_t i = 0; i < count && result == CUDA_SUCCESS; i++) {
        result = linear(stream, dsts[i], srcs[i], sizes[i]);
        if (result == CUDA_SUCCESS)
            sim_add(&self->bytes[id], sizes[i]);
        else if (failed)
            *failed = i;
    }
    return result;
}

#define BATCH(name, params, failed)                                                                \
    CUresult name params                                                                           \
    {                                                                                              \
        SIM_ENTER_CTX(name);                                                                       \
        return batch(self, SIM_ID_##name, dsts, srcs, sizes, count, attrs, attrsIdxs, numAttrs,    \
                     failed, hStream);                                                             \
    }
#define BATCH_V1                                                                                   \
    (CUdeviceptr * dsts, CUdeviceptr * srcs, size_t * sizes, size_t count,                         \
     CUmemcpyAttributes * attrs, size_t * attrsIdxs, size_t numAttrs, size_t * failIdx,            \
     CUstream hStream)
#define BATCH_V2                                                                                   \
    (CUdeviceptr * dsts, CUdeviceptr * srcs, size_t * sizes, size_t count,                         \
     CUmemcpyAttributes * attrs, size_t * attrsIdxs, size_t numAttrs, CUstream hStream)

BATCH(cuMemcpyBatchAsync, BATCH_V1, failIdx)
BATCH(cuMemcpyBatchAsync_ptsz, BATCH_V1, failIdx)
BATCH(cuMemcpyBatchAsync_v2, BATCH_V2, NULL)
BATCH(cuMemcpyBatchAsync_v2_ptsz, BATCH_V2, NULL)

SIM_PTSZ_BYTES(cuMemcpyWithAttributesAsync,
               (CUdeviceptr dst, CUdeviceptr src, size_t n, CUmemcpyAttributes *attr,
                CUstream hStream),
               n, attr ? linear(hStream, dst, src, n) : CUDA_ERROR_INVALID_VALUE)
