/* Functions of drivers newer than CUDA 13.0, declared where the headers do not know them yet: the
 * job's toolkit may be newer than the one that built the recorder. */
#ifndef MT_NEWER_H
#define MT_NEWER_H

#include <cuda.h>

#if CUDA_VERSION < 13020
CUresult CUDAAPI cuMemcpyWithAttributesAsync(CUdeviceptr to, CUdeviceptr from, size_t size,
                                             CUmemcpyAttributes *attributes, CUstream stream);
CUresult CUDAAPI cuMemcpyWithAttributesAsync_ptsz(CUdeviceptr to, CUdeviceptr from, size_t size,
                                                  CUmemcpyAttributes *attributes, CUstream stream);
CUresult CUDAAPI cuMemcpy3DWithAttributesAsync(CUDA_MEMCPY3D_BATCH_OP *box,
                                               unsigned long long flags, CUstream stream);
CUresult CUDAAPI cuMemcpy3DWithAttributesAsync_ptsz(CUDA_MEMCPY3D_BATCH_OP *box,
                                                    unsigned long long flags, CUstream stream);
#endif

#if CUDA_VERSION < 13030
typedef void *CUgraphRecaptureCallback; /* a function, which is only passed on */
CUresult CUDAAPI cuStreamBeginRecaptureToGraph(CUstream stream, CUstreamCaptureMode mode,
                                               CUgraph graph, CUgraphRecaptureCallback differs,
                                               void *data);
CUresult CUDAAPI cuStreamBeginRecaptureToGraph_ptsz(CUstream stream, CUstreamCaptureMode mode,
                                                    CUgraph graph,
                                                    CUgraphRecaptureCallback differs, void *data);
#endif

#if CUDA_VERSION < 13040
CUresult CUDAAPI cuGraphAddNode_v3(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs,
                                   const CUgraphEdgeData *edges, size_t n,
                                   CUgraphNodeParams *params);
#endif

#endif
