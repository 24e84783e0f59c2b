/* Memory that comes from elsewhere: of another process (here this one), of another library. It is
 * new memory, not the exporter's: nobody looks at the contents. */
#include <string.h>

#include "sim_array.h"
#include "sim_device.h"
#include "sim_stream.h"

static CUresult take(struct sim_thread *self, CUdeviceptr *out, size_t bytes, enum sim_use use)
{
    struct sim_block block = {.bytes = bytes, .use = use, .device = sim_current_device(self)};
    SIM_REQUIRE(out && bytes, CUDA_ERROR_INVALID_VALUE);
    CUresult result = sim_memory_take(&block, SIM_UNIT);
    if (result == CUDA_SUCCESS)
        *out = block.address;
    return result;
}

/* A handle is the size of what it names. */
CUresult cuIpcGetMemHandle(CUipcMemHandle *pHandle, CUdeviceptr dptr)
{
    SIM_ENTER_CTX(cuIpcGetMemHandle);
    struct sim_block block;
    SIM_REQUIRE(pHandle && sim_find_block(dptr, &block), CUDA_ERROR_INVALID_VALUE);
    memset(pHandle, 0, sizeof(*pHandle));
    memcpy(pHandle->reserved, &block.bytes, sizeof(block.bytes));
    return CUDA_SUCCESS;
}

static CUresult ipc_open(struct sim_thread *self, CUdeviceptr *out, const CUipcMemHandle *handle)
{
    uint64_t bytes;
    memcpy(&bytes, handle->reserved, sizeof(bytes));
    return take(self, out, bytes, SIM_SPACE);
}

CUresult cuIpcOpenMemHandle(CUdeviceptr *pdptr, CUipcMemHandle handle, unsigned int Flags)
{
    SIM_ENTER_CTX(cuIpcOpenMemHandle);
    (void)Flags;
    return ipc_open(self, pdptr, &handle);
}

CUresult cuIpcOpenMemHandle_v2(CUdeviceptr *pdptr, CUipcMemHandle handle, unsigned int Flags)
{
    SIM_ENTER_CTX(cuIpcOpenMemHandle_v2);
    (void)Flags;
    return ipc_open(self, pdptr, &handle);
}

CUresult cuIpcCloseMemHandle(CUdeviceptr dptr)
{
    SIM_ENTER_CTX(cuIpcCloseMemHandle);
    return sim_memory_give(dptr, 1u << SIM_SPACE, &self->bytes[SIM_ID_cuIpcCloseMemHandle]);
}

CUresult cuImportExternalMemory(CUexternalMemory *extMem_out,
                                const CUDA_EXTERNAL_MEMORY_HANDLE_DESC *memHandleDesc)
{
    SIM_ENTER_CTX(cuImportExternalMemory);
    SIM_REQUIRE(extMem_out && memHandleDesc && memHandleDesc->size, CUDA_ERROR_INVALID_VALUE);
    *extMem_out = (CUexternalMemory)(uintptr_t)memHandleDesc->size;
    return CUDA_SUCCESS;
}

CUresult cuDestroyExternalMemory(CUexternalMemory extMem)
{
    SIM_ENTER_CTX(cuDestroyExternalMemory);
    return extMem ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuExternalMemoryGetMappedBuffer(CUdeviceptr *devPtr, CUexternalMemory extMem,
                                         const CUDA_EXTERNAL_MEMORY_BUFFER_DESC *bufferDesc)
{
    SIM_ENTER_CTX(cuExternalMemoryGetMappedBuffer);
    SIM_REQUIRE(bufferDesc && bufferDesc->offset + bufferDesc->size <= (uintptr_t)extMem,
                CUDA_ERROR_INVALID_VALUE);
    return take(self, devPtr, bufferDesc->size, SIM_LINEAR);
}

/* ---- pools ---- */

CUresult cuMemPoolExportToShareableHandle(void *handle_out, CUmemoryPool pool,
                                          CUmemAllocationHandleType handleType,
                                          unsigned long long flags)
{
    SIM_ENTER(cuMemPoolExportToShareableHandle);
    (void)handleType, (void)flags;
    SIM_REQUIRE(handle_out && sim_is(pool, SIM_POOL), CUDA_ERROR_INVALID_VALUE);
    *(int *)handle_out = pool->device;
    return CUDA_SUCCESS;
}

CUresult cuMemPoolImportFromShareableHandle(CUmemoryPool *pool_out, void *handle,
                                            CUmemAllocationHandleType handleType,
                                            unsigned long long flags)
{
    SIM_ENTER(cuMemPoolImportFromShareableHandle);
    (void)handleType, (void)flags;
    SIM_REQUIRE(pool_out && sim_device_ok((int)(uintptr_t)handle), CUDA_ERROR_INVALID_VALUE);
    *pool_out = sim_pool_new((int)(uintptr_t)handle);
    return *pool_out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemPoolExportPointer(CUmemPoolPtrExportData *shareData_out, CUdeviceptr ptr)
{
    SIM_ENTER(cuMemPoolExportPointer);
    struct sim_block block;
    SIM_REQUIRE(shareData_out && sim_find_block(ptr, &block), CUDA_ERROR_INVALID_VALUE);
    memcpy(shareData_out->reserved, &block.bytes, sizeof(block.bytes));
    return CUDA_SUCCESS;
}

CUresult cuMemPoolImportPointer(CUdeviceptr *ptr_out, CUmemoryPool pool,
                                CUmemPoolPtrExportData *shareData)
{
    SIM_ENTER_CTX(cuMemPoolImportPointer);
    uint64_t bytes;
    SIM_REQUIRE(sim_is(pool, SIM_POOL) && shareData, CUDA_ERROR_INVALID_VALUE);
    memcpy(&bytes, shareData->reserved, sizeof(bytes));
    return take(self, ptr_out, bytes, SIM_LINEAR);
}

/* ---- arrays with levels: one array, large enough for all ---- */

static CUresult levels(struct sim_thread *self, CUmipmappedArray *pHandle,
                       const CUDA_ARRAY3D_DESCRIPTOR *d, unsigned n)
{
    SIM_REQUIRE(pHandle && n, CUDA_ERROR_INVALID_VALUE);
    CUdeviceptr address;
    size_t height = d->Height ? d->Height : 1;
    CUresult result = take(self, &address, 2 * d->Width * height * 4 * d->NumChannels, SIM_SPACE);
    if (result == CUDA_SUCCESS)
        *pHandle = (CUmipmappedArray)address;
    return result;
}

CUresult cuMipmappedArrayCreate(CUmipmappedArray *pHandle,
                                const CUDA_ARRAY3D_DESCRIPTOR *pMipmappedArrayDesc,
                                unsigned int numMipmapLevels)
{
    SIM_ENTER_CTX(cuMipmappedArrayCreate);
    return levels(self, pHandle, pMipmappedArrayDesc, numMipmapLevels);
}

CUresult cuExternalMemoryGetMappedMipmappedArray(
    CUmipmappedArray *mipmap, CUexternalMemory extMem,
    const CUDA_EXTERNAL_MEMORY_MIPMAPPED_ARRAY_DESC *mipmapDesc)
{
    SIM_ENTER_CTX(cuExternalMemoryGetMappedMipmappedArray);
    SIM_REQUIRE(mipmapDesc && mipmapDesc->offset < (uintptr_t)extMem, CUDA_ERROR_INVALID_VALUE);
    return levels(self, mipmap, &mipmapDesc->arrayDesc, mipmapDesc->numLevels);
}

CUresult cuMipmappedArrayDestroy(CUmipmappedArray hMipmappedArray)
{
    SIM_ENTER_CTX(cuMipmappedArrayDestroy);
    return sim_memory_give((CUdeviceptr)hMipmappedArray, 1u << SIM_SPACE,
                           &self->bytes[SIM_ID_cuMipmappedArrayDestroy]);
}
