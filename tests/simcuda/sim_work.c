/* See sim_work.h. */
#include "sim_work.h"

#include "sim_capture.h"
#include "sim_kernel.h"
#include "sim_vmm.h"

CUresult sim_range_check(uint64_t address, uint64_t bytes)
{
    struct sim_block block;
    if (bytes == 0)
        return CUDA_SUCCESS;
    SIM_REQUIRE(address, CUDA_ERROR_INVALID_VALUE);
    if (!sim_is_device_address(address))
        return CUDA_SUCCESS;
    SIM_REQUIRE(sim_find_block(address, &block), CUDA_ERROR_INVALID_VALUE);
    bool inside = bytes <= block.bytes - (address - block.address);
    if (inside && block.use == SIM_RESERVED)
        inside = sim_vmm_is_mapped(address, bytes);
    return inside ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult sim_work_check(const struct sim_work *work)
{
    if (work->type == CU_GRAPH_NODE_TYPE_MEMCPY)
        return sim_copy_check(&work->copy);
    if (work->type == CU_GRAPH_NODE_TYPE_MEMSET)
        return sim_set_check(&work->set);
    if (work->type == CU_GRAPH_NODE_TYPE_KERNEL)
        return sim_launch_check(&work->launch);
    if (work->type == CU_GRAPH_NODE_TYPE_HOST)
        return work->host.fn ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    return CUDA_SUCCESS;
}

/* Kernels do nothing; memory of allocation nodes is taken when the node is made. */
void sim_work_run(const struct sim_work *work)
{
    if (work->type == CU_GRAPH_NODE_TYPE_MEMCPY)
        sim_copy_run(&work->copy);
    else if (work->type == CU_GRAPH_NODE_TYPE_MEMSET)
        sim_set_run(&work->set);
    else if (work->type == CU_GRAPH_NODE_TYPE_HOST)
        work->host.fn(work->host.data);
    else if (work->type == CU_GRAPH_NODE_TYPE_GRAPH)
        sim_graph_run(work->child);
    else if (work->type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
        sim_graph_run(work->conditional.body[0]);
}

CUresult sim_submit(CUstream stream, const struct sim_work *work)
{
    SIM_REQUIRE(sim_stream_ok(stream), CUDA_ERROR_INVALID_HANDLE);
    CUresult result = sim_work_check(work);
    if (result != CUDA_SUCCESS)
        return result;
    struct sim_capture *capture = sim_capture_of(stream);
    if (capture)
        return sim_capture_add(stream, work);
    sim_work_run(work);
    return CUDA_SUCCESS;
}

static CUresult host_function(CUstream stream, CUhostFn fn, void *data)
{
    struct sim_work work = {.type = CU_GRAPH_NODE_TYPE_HOST, .host = {fn, data}};
    return sim_submit(stream, &work);
}
SIM_PTSZ(cuLaunchHostFunc, (CUstream hStream, CUhostFn fn, void *userData),
         host_function(hStream, fn, userData))
