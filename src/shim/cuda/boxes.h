/* Boxes of memory as the driver describes them, and as a `copy_rect` event does. */
#ifndef MT_BOXES_H
#define MT_BOXES_H

#include <stdint.h>

#include "shim/cuda/resolve.h"

/* Address of one end of a box copy; an array has none. */
static inline uint64_t mt_box_end(CUmemorytype type, const void *host, CUdeviceptr device)
{
    switch ((int)type) {
    case CU_MEMORYTYPE_HOST:
        return (uintptr_t)host;
    case CU_MEMORYTYPE_DEVICE:
    case CU_MEMORYTYPE_UNIFIED:
        return device;
    default:
        return 0;
    }
}

/* First byte of a box inside memory of the given pitches. */
static inline uint64_t mt_box_corner(uint64_t address, size_t x, size_t y, size_t z, size_t pitch,
                                     size_t slice)
{
    return address ? address + x + y * pitch + z * slice : 0;
}

/* Fields of copy_rect, of a CUDA_MEMCPY3D or CUDA_MEMCPY3D_PEER: they name theirs alike. */
#define MT_BOX_3D(box)                                                                             \
    .destination = mt_box_corner(                                                                  \
        mt_box_end((box)->dstMemoryType, (box)->dstHost, (box)->dstDevice), (box)->dstXInBytes,    \
        (box)->dstY, (box)->dstZ, (box)->dstPitch, (box)->dstPitch * (box)->dstHeight),            \
    .source = mt_box_corner(mt_box_end((box)->srcMemoryType, (box)->srcHost, (box)->srcDevice),    \
                            (box)->srcXInBytes, (box)->srcY, (box)->srcZ, (box)->srcPitch,         \
                            (box)->srcPitch * (box)->srcHeight),                                   \
    .width = (box)->WidthInBytes, .height = (box)->Height, .depth = (box)->Depth,                  \
    .destination_pitch = (box)->dstPitch, .source_pitch = (box)->srcPitch,                         \
    .destination_slice = (box)->dstPitch * (box)->dstHeight,                                       \
    .source_slice = (box)->srcPitch * (box)->srcHeight

#endif
