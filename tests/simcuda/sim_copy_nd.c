/* Copies of rectangles and boxes. The API's five parameter structures differ in the widths of their
 * fields but not in names, so that one macro reads them all. */
#include "sim_array.h"
#include "sim_work.h"

/* One side of a copy, in the widest form. */
struct side {
    CUmemorytype type;
    uint64_t host, device;
    CUarray array;
    size_t x, y, z, pitch, height;
};

#define SIDE(p, s)                                                                                 \
    {                                                                                              \
        .type = (p)->s##MemoryType, .host = (uintptr_t)(p)->s##Host, .device = (p)->s##Device,     \
        .array = (p)->s##Array, .x = (p)->s##XInBytes, .y = (p)->s##Y, .pitch = (p)->s##Pitch      \
    }

static CUresult resolve(struct side *s, uint64_t *base)
{
    if (s->type == CU_MEMORYTYPE_ARRAY) {
        SIM_REQUIRE(sim_is(s->array, SIM_ARRAY), CUDA_ERROR_INVALID_HANDLE);
        s->pitch = s->array->pitch;
        s->height = s->array->height;
        *base = s->array->address;
    } else if (s->type == CU_MEMORYTYPE_HOST)
        *base = s->host;
    else if (s->type == CU_MEMORYTYPE_DEVICE || s->type == CU_MEMORYTYPE_UNIFIED)
        *base = s->device;
    else
        return CUDA_ERROR_INVALID_VALUE;
    *base += s->x + s->pitch * (s->y + s->height * s->z);
    return CUDA_SUCCESS;
}

static CUresult convert(struct sim_copy *c, struct side *dst, struct side *src)
{
    SIM_REQUIRE(c->height <= 1 || ((dst->pitch >= c->width || dst->type == CU_MEMORYTYPE_ARRAY) &&
                                   (src->pitch >= c->width || src->type == CU_MEMORYTYPE_ARRAY)),
                CUDA_ERROR_INVALID_VALUE);
    CUresult result = resolve(dst, &c->dst);
    if (result == CUDA_SUCCESS)
        result = resolve(src, &c->src);
    c->dst_pitch = dst->pitch;
    c->src_pitch = src->pitch;
    c->dst_slice = dst->pitch * (dst->height ? dst->height : c->height);
    c->src_slice = src->pitch * (src->height ? src->height : c->height);
    return result;
}

static CUresult submit(CUstream stream, struct sim_work *work, struct side *dst, struct side *src)
{
    work->type = CU_GRAPH_NODE_TYPE_MEMCPY;
    CUresult result = convert(&work->copy, dst, src);
    return result == CUDA_SUCCESS ? sim_submit(stream, work) : result;
}

CUresult sim_copy_from_3d(struct sim_copy *copy, const CUDA_MEMCPY3D *p)
{
    struct side dst = SIDE(p, dst), src = SIDE(p, src);
    dst.z = p->dstZ;
    src.z = p->srcZ;
    dst.height = p->dstHeight;
    src.height = p->srcHeight;
    *copy = (struct sim_copy){.width = p->WidthInBytes, .height = p->Height, .depth = p->Depth};
    return convert(copy, &dst, &src);
}

#define COPY_2D(fn, type)                                                                          \
    static CUresult fn(CUstream stream, const type *p)                                             \
    {                                                                                              \
        SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);                                                  \
        struct side dst = SIDE(p, dst), src = SIDE(p, src);                                        \
        struct sim_work work = {                                                                   \
            .copy = {.width = p->WidthInBytes, .height = p->Height, .depth = 1}};                  \
        return submit(stream, &work, &dst, &src);                                                  \
    }
#define COPY_3D(fn, type)                                                                          \
    static CUresult fn(CUstream stream, const type *p)                                             \
    {                                                                                              \
        SIM_REQUIRE(p, CUDA_ERROR_INVALID_VALUE);                                                  \
        struct side dst = SIDE(p, dst), src = SIDE(p, src);                                        \
        dst.z = p->dstZ;                                                                           \
        src.z = p->srcZ;                                                                           \
        dst.height = p->dstHeight;                                                                 \
        src.height = p->srcHeight;                                                                 \
        struct sim_work work = {                                                                   \
            .copy = {.width = p->WidthInBytes, .height = p->Height, .depth = p->Depth}};           \
        return submit(stream, &work, &dst, &src);                                                  \
    }
COPY_2D(copy_2d_v1, CUDA_MEMCPY2D_v1)
COPY_2D(copy_2d, CUDA_MEMCPY2D)
COPY_3D(copy_3d_v1, CUDA_MEMCPY3D_v1)
COPY_3D(copy_3d, CUDA_MEMCPY3D)
COPY_3D(copy_3d_peer, CUDA_MEMCPY3D_PEER)

#define AREA ((uint64_t)pCopy->WidthInBytes * pCopy->Height)
#define VOLUME (AREA * pCopy->Depth)

SIM_BYTES_CTX(cuMemcpy2D, (const CUDA_MEMCPY2D_v1 *pCopy), AREA, copy_2d_v1(NULL, pCopy))
SIM_PTDS_BYTES(cuMemcpy2D_v2, (const CUDA_MEMCPY2D *pCopy), AREA, copy_2d(NULL, pCopy))
SIM_BYTES_CTX(cuMemcpy2DUnaligned, (const CUDA_MEMCPY2D_v1 *pCopy), AREA, copy_2d_v1(NULL, pCopy))
SIM_PTDS_BYTES(cuMemcpy2DUnaligned_v2, (const CUDA_MEMCPY2D *pCopy), AREA, copy_2d(NULL, pCopy))
SIM_BYTES_CTX(cuMemcpy2DAsync, (const CUDA_MEMCPY2D_v1 *pCopy, CUstream hStream), AREA,
              copy_2d_v1(hStream, pCopy))
SIM_PTSZ_BYTES(cuMemcpy2DAsync_v2, (const CUDA_MEMCPY2D *pCopy, CUstream hStream), AREA,
               copy_2d(hStream, pCopy))
SIM_BYTES_CTX(cuMemcpy3D, (const CUDA_MEMCPY3D_v1 *pCopy), VOLUME, copy_3d_v1(NULL, pCopy))
SIM_PTDS_BYTES(cuMemcpy3D_v2, (const CUDA_MEMCPY3D *pCopy), VOLUME, copy_3d(NULL, pCopy))
SIM_BYTES_CTX(cuMemcpy3DAsync, (const CUDA_MEMCPY3D_v1 *pCopy, CUstream hStream), VOLUME,
              copy_3d_v1(hStream, pCopy))
SIM_PTSZ_BYTES(cuMemcpy3DAsync_v2, (const CUDA_MEMCPY3D *pCopy, CUstream hStream), VOLUME,
               copy_3d(hStream, pCopy))
SIM_PTDS_BYTES(cuMemcpy3DPeer, (const CUDA_MEMCPY3D_PEER *pCopy), VOLUME, copy_3d_peer(NULL, pCopy))
SIM_PTSZ_BYTES(cuMemcpy3DPeerAsync, (const CUDA_MEMCPY3D_PEER *pCopy, CUstream hStream), VOLUME,
               copy_3d_peer(hStream, pCopy))

/* Operands of a batch count in elements: bytes for pointers, the array's own for arrays. */
static size_t element_of(const CUmemcpy3DOperand *o)
{
    return o->type == CU_MEMCPY_OPERAND_TYPE_ARRAY && sim_is(o->op.array.array, SIM_ARRAY)
               ? o->op.array.array->element
               : 1;
}

static struct side operand(const CUmemcpy3DOperand *o, size_t element, const CUextent3D *extent)
{
    if (o->type == CU_MEMCPY_OPERAND_TYPE_ARRAY)
        return (struct side){.type = CU_MEMORYTYPE_ARRAY,
                             .array = o->op.array.array,
                             .x = o->op.array.offset.x * element,
                             .y = o->op.array.offset.y,
                             .z = o->op.array.offset.z};
    size_t row = o->op.ptr.rowLength ? o->op.ptr.rowLength : extent->width;
    return (struct side){.type = CU_MEMORYTYPE_UNIFIED,
                         .device = o->op.ptr.ptr,
                         .pitch = row * element,
                         .height = o->op.ptr.layerHeight};
}

static CUresult copy_operands(CUstream stream, const CUDA_MEMCPY3D_BATCH_OP *op, uint64_t *bytes)
{
    size_t element = element_of(&op->src) > 1 ? element_of(&op->src) : element_of(&op->dst);
    struct side dst = operand(&op->dst, element, &op->extent);
    struct side src = operand(&op->src, element, &op->extent);
    struct sim_work work = {.copy = {.width = op->extent.width * element,
                                     .height = op->extent.height,
                                     .depth = op->extent.depth}};
    *bytes = (uint64_t)work.copy.width * work.copy.height * work.copy.depth;
    SIM_REQUIRE(*bytes, CUDA_ERROR_INVALID_VALUE);
    return submit(stream, &work, &dst, &src);
}

static CUresult batch_3d(struct sim_thread *self, enum sim_id id, size_t count,
                         const CUDA_MEMCPY3D_BATCH_OP *ops, size_t *failed,
                         unsigned long long flags, CUstream stream)
{
    if (failed)
        *failed = (size_t)-1;
    SIM_REQUIRE(count && ops && flags == 0 && !sim_stream_is_special(stream),
                CUDA_ERROR_INVALID_VALUE);
    CUresult result = CUDA_SUCCESS;
    for (size_t i = 0; i < count && result == CUDA_SUCCESS; i++) {
        uint64_t bytes;
        result = copy_operands(stream, &ops[i], &bytes);
        if (result == CUDA_SUCCESS)
            sim_add(&self->bytes[id], bytes);
        else if (failed)
            *failed = i;
    }
    return result;
}

#define BATCH(name, params, failed)                                                                \
    CUresult name params                                                                           \
    {                                                                                              \
        SIM_ENTER_CTX(name);                                                                       \
        return batch_3d(self, SIM_ID_##name, numOps, opList, failed, flags, hStream);              \
    }
#define BATCH_V1                                                                                   \
    (size_t numOps, CUDA_MEMCPY3D_BATCH_OP * opList, size_t * failIdx, unsigned long long flags,   \
     CUstream hStream)
#define BATCH_V2                                                                                   \
    (size_t numOps, CUDA_MEMCPY3D_BATCH_OP * opList, unsigned long long flags, CUstream hStream)

BATCH(cuMemcpy3DBatchAsync, BATCH_V1, failIdx)
BATCH(cuMemcpy3DBatchAsync_ptsz, BATCH_V1, failIdx)
BATCH(cuMemcpy3DBatchAsync_v2, BATCH_V2, NULL)
BATCH(cuMemcpy3DBatchAsync_v2_ptsz, BATCH_V2, NULL)

#define ONE(name)                                                                                  \
    CUresult name(CUDA_MEMCPY3D_BATCH_OP *op, unsigned long long flags, CUstream hStream)          \
    {                                                                                              \
        SIM_ENTER_CTX(name);                                                                       \
        return batch_3d(self, SIM_ID_##name, 1, op, NULL, flags, hStream);                         \
    }
ONE(cuMemcpy3DWithAttributesAsync)
ONE(cuMemcpy3DWithAttributesAsync_ptsz)
