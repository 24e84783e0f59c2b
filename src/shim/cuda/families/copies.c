/* Copies and sets: exact ranges and directions. Inside a stream capture they are definitions of a
 * graph, not accesses, and are not recorded. */
#include "shim/cuda/boxes.h"
#include "shim/cuda/kernels/kernels.h"
#include "shim/cuda/note.h"

static bool may_note_copy(uint64_t stream)
{
    return mt_may_note_use() && mt_config.COPIES && !mt_is_captured(stream);
}

static void note_copy(unsigned api, uint64_t when, uint64_t destination, uint64_t source,
                      size_t size, uint64_t stream)
{
    if (may_note_copy(stream))
        MT_NOTE(copy, when, .api = api, .destination = destination, .source = source, .size = size,
                .stream = stream);
}

static void note_set(unsigned api, uint64_t when, CUdeviceptr address, size_t width, size_t height,
                     size_t pitch, uint64_t stream)
{
    if (may_note_copy(stream))
        MT_NOTE(set, when, .api = api, .address = address, .width = width, .height = height,
                .pitch = height > 1 ? pitch : 0, .stream = stream);
}

static void note_copy_2d(unsigned api, uint64_t when, const CUDA_MEMCPY2D *box, uint64_t stream)
{
    uint64_t destination = mt_box_end(box->dstMemoryType, box->dstHost, box->dstDevice);
    uint64_t source = mt_box_end(box->srcMemoryType, box->srcHost, box->srcDevice);
    if (!may_note_copy(stream))
        return;
    MT_NOTE(copy_rect, when, .api = api,
            .destination =
                mt_box_corner(destination, box->dstXInBytes, box->dstY, 0, box->dstPitch, 0),
            .source = mt_box_corner(source, box->srcXInBytes, box->srcY, 0, box->srcPitch, 0),
            .width = box->WidthInBytes, .height = box->Height, .depth = 1,
            .destination_pitch = box->dstPitch, .source_pitch = box->srcPitch, .stream = stream);
}

#define NOTE_COPY_3D(name, type)                                                                   \
    static void name(unsigned api, uint64_t when, const type *box, uint64_t stream)                \
    {                                                                                              \
        if (may_note_copy(stream))                                                                 \
            MT_NOTE(copy_rect, when, .api = api, .stream = stream, MT_BOX_3D(box));                \
    }
NOTE_COPY_3D(note_copy_3d, CUDA_MEMCPY3D)
NOTE_COPY_3D(note_copy_3d_peer, CUDA_MEMCPY3D_PEER)

#if CUDA_VERSION >= 12080
static void note_copy_batch(unsigned api, uint64_t when, const CUdeviceptr *destinations,
                            const CUdeviceptr *sources, const size_t *sizes, size_t count,
                            uint64_t stream)
{
    for (size_t i = 0; i < count; i++)
        note_copy(api, when, destinations[i], sources[i], sizes[i], stream);
}

/* One end of an operation of a 3D batch; a row length of 0 means tightly packed. */
struct batch_end {
    uint64_t address;
    size_t pitch, slice;
};

static struct batch_end batch_end(const CUmemcpy3DOperand *operand, const CUextent3D *extent)
{
    if (operand->type != CU_MEMCPY_OPERAND_TYPE_POINTER)
        return (struct batch_end){0, 0, 0};
    size_t pitch = operand->op.ptr.rowLength ? operand->op.ptr.rowLength : extent->width;
    size_t rows = operand->op.ptr.layerHeight ? operand->op.ptr.layerHeight : extent->height;
    return (struct batch_end){operand->op.ptr.ptr, pitch, pitch * rows};
}

static void note_copy_3d_batch(unsigned api, uint64_t when, size_t count,
                               const CUDA_MEMCPY3D_BATCH_OP *boxes, uint64_t stream)
{
    if (!may_note_copy(stream))
        return;
    for (size_t i = 0; i < count; i++) {
        struct batch_end to = batch_end(&boxes[i].dst, &boxes[i].extent);
        struct batch_end from = batch_end(&boxes[i].src, &boxes[i].extent);
        MT_NOTE(copy_rect, when, .api = api, .destination = to.address, .source = from.address,
                .width = boxes[i].extent.width, .height = boxes[i].extent.height,
                .depth = boxes[i].extent.depth, .destination_pitch = to.pitch,
                .source_pitch = from.pitch, .destination_slice = to.slice,
                .source_slice = from.slice, .stream = stream);
    }
}
#endif

#define HOOK_memory(...)
#define HOOK_vmm(...)
#define HOOK_copies MT_HOOK
#define HOOK_launches(...)
#define HOOK_graphs(...)
#define HOOK_holdings(...)
#define HOOK_doors(...)
#define HOOK(family, ...) HOOK_##family(__VA_ARGS__)
#include "shim/cuda/hooks.def"
