/* Arrays exist so that the copies to and from them can be called; nothing samples them. */
#include "sim_array.h"

static size_t bytes_of(CUarray_format format)
{
    if (format == CU_AD_FORMAT_UNSIGNED_INT8 || format == CU_AD_FORMAT_SIGNED_INT8)
        return 1;
    if (format == CU_AD_FORMAT_UNSIGNED_INT16 || format == CU_AD_FORMAT_SIGNED_INT16 ||
        format == CU_AD_FORMAT_HALF)
        return 2;
    if (format == CU_AD_FORMAT_UNSIGNED_INT32 || format == CU_AD_FORMAT_SIGNED_INT32 ||
        format == CU_AD_FORMAT_FLOAT)
        return 4;
    return 0;
}

static CUresult create(struct sim_thread *self, CUarray *out, const CUDA_ARRAY3D_DESCRIPTOR *d)
{
    size_t element = bytes_of(d->Format) * d->NumChannels;
    SIM_REQUIRE(out && element && d->Width, CUDA_ERROR_INVALID_VALUE);
    size_t height = d->Height ? d->Height : 1, depth = d->Depth ? d->Depth : 1;
    struct sim_block block = {.bytes = d->Width * element * height * depth,
                              .use = SIM_SPACE,
                              .device = sim_current_device(self)};
    CUarray a = sim_object_new(SIM_ARRAY, sizeof(*a));
    SIM_REQUIRE(a, CUDA_ERROR_OUT_OF_MEMORY);
    CUresult result = sim_memory_take(&block, SIM_UNIT);
    if (result != CUDA_SUCCESS) {
        sim_object_free(a);
        return result;
    }
    struct sim_head head = a->head;
    *a = (struct CUarray_st){
        head,    block.address, d->Width,       height,  depth, d->Width * element,
        element, d->Format,     d->NumChannels, d->Flags};
    *out = a;
    return CUDA_SUCCESS;
}

CUresult cuArrayCreate(CUarray *pHandle, const CUDA_ARRAY_DESCRIPTOR_v1 *d)
{
    SIM_ENTER_CTX(cuArrayCreate);
    SIM_REQUIRE(d, CUDA_ERROR_INVALID_VALUE);
    CUDA_ARRAY3D_DESCRIPTOR wide = {d->Width, d->Height, 0, d->Format, d->NumChannels, 0};
    return create(self, pHandle, &wide);
}

CUresult cuArrayCreate_v2(CUarray *pHandle, const CUDA_ARRAY_DESCRIPTOR *d)
{
    SIM_ENTER_CTX(cuArrayCreate_v2);
    SIM_REQUIRE(d, CUDA_ERROR_INVALID_VALUE);
    CUDA_ARRAY3D_DESCRIPTOR wide = {d->Width, d->Height, 0, d->Format, d->NumChannels, 0};
    return create(self, pHandle, &wide);
}

CUresult cuArray3DCreate(CUarray *pHandle, const CUDA_ARRAY3D_DESCRIPTOR_v1 *d)
{
    SIM_ENTER_CTX(cuArray3DCreate);
    SIM_REQUIRE(d, CUDA_ERROR_INVALID_VALUE);
    CUDA_ARRAY3D_DESCRIPTOR wide = {d->Width,  d->Height,      d->Depth,
                                    d->Format, d->NumChannels, d->Flags};
    return create(self, pHandle, &wide);
}

CUresult cuArray3DCreate_v2(CUarray *pHandle, const CUDA_ARRAY3D_DESCRIPTOR *d)
{
    SIM_ENTER_CTX(cuArray3DCreate_v2);
    SIM_REQUIRE(d, CUDA_ERROR_INVALID_VALUE);
    return create(self, pHandle, d);
}

CUresult cuArrayDestroy(CUarray hArray)
{
    SIM_ENTER_CTX(cuArrayDestroy);
    SIM_REQUIRE(sim_is(hArray, SIM_ARRAY), CUDA_ERROR_INVALID_HANDLE);
    CUresult result =
        sim_memory_give(hArray->address, 1u << SIM_SPACE, &self->bytes[SIM_ID_cuArrayDestroy]);
    if (result == CUDA_SUCCESS)
        sim_object_free(hArray);
    return result;
}

CUresult cuArray3DGetDescriptor_v2(CUDA_ARRAY3D_DESCRIPTOR *d, CUarray hArray)
{
    SIM_ENTER_CTX(cuArray3DGetDescriptor_v2);
    SIM_REQUIRE(d, CUDA_ERROR_INVALID_VALUE);
    SIM_REQUIRE(sim_is(hArray, SIM_ARRAY), CUDA_ERROR_INVALID_HANDLE);
    *d = (CUDA_ARRAY3D_DESCRIPTOR){hArray->width,  hArray->height,   hArray->depth,
                                   hArray->format, hArray->channels, hArray->flags};
    return CUDA_SUCCESS;
}
