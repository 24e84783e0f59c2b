// Graphs with nodes of every kind, built by hand and by capture, changed and cloned. Prints, line by
// line, the events that a trace must hold (in the words of known_calls.py), and as "total NAME N" how
// often each kernel ran in all. Uses the runtime alone.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

#include "run.cuh"

__global__ void known_add(float *to, const float *from, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        to[i] += from[i];
}

__global__ void known_nothing() {}

static unsigned long long at(const void *p) { return (unsigned long long)(uintptr_t)p; }
static int adds, nothings;

static void add_line(const char *what, const void *to, const void *from)
{
    printf("%s known_add 0:%#llx 8:%#llx\n", what, at(to), at(from));
}

static cudaKernelNodeParams add_params(void **params)
{
    cudaKernelNodeParams k = {};
    k.func = (void *)known_add;
    k.gridDim = dim3(1);
    k.blockDim = dim3(32);
    k.kernelParams = params;
    return k;
}

static cudaMemsetParams set_params(void *to, size_t words)
{
    cudaMemsetParams m = {};
    m.dst = to;
    m.elementSize = 4;
    m.width = words;
    m.height = 1;
    return m;
}

static void launch(cudaGraphExec_t exec, cudaStream_t stream, int times, int add, int nothing)
{
    for (int i = 0; i < times; i++) {
        RUN(cudaGraphLaunch(exec, stream));
        printf("graph_launch\n");
        adds += add;
        nothings += nothing;
    }
    RUN(cudaStreamSynchronize(stream));
}

static void destroy(cudaGraphExec_t exec)
{
    RUN(cudaGraphExecDestroy(exec));
    printf("graph_end\n");
}

static void noop(void *) {}

// Every kind of node; two are made in the order opposite to that in which they run.
static void by_hand(float *a, float *b, float *host, cudaStream_t stream)
{
    cudaGraph_t graph, inner, clone;
    cudaGraphNode_t set, copy, add, host_node, empty, child, last, first, in;
    cudaGraphExec_t exec, cloned;
    int n = 32;
    void *ab[] = {&a, &b, &n}, *ba[] = {&b, &a, &n};
    cudaKernelNodeParams add_ab = add_params(ab), add_ba = add_params(ba), nothing = {};
    cudaMemsetParams zero = set_params(a, 64), more = set_params(b, 16);
    cudaHostNodeParams call = {noop, nullptr};
    nothing.func = (void *)known_nothing;
    nothing.gridDim = nothing.blockDim = dim3(1);
    RUN(cudaGraphCreate(&graph, 0));
    RUN(cudaGraphCreate(&inner, 0));
    RUN(cudaGraphAddKernelNode(&in, inner, nullptr, 0, &nothing));
    RUN(cudaGraphAddMemsetNode(&set, graph, nullptr, 0, &zero));
    RUN(cudaGraphAddMemcpyNode1D(&copy, graph, &set, 1, b, host, 128, cudaMemcpyHostToDevice));
    RUN(cudaGraphAddKernelNode(&add, graph, &copy, 1, &add_ab));
    RUN(cudaGraphAddHostNode(&host_node, graph, &add, 1, &call));
    RUN(cudaGraphAddEmptyNode(&empty, graph, &host_node, 1));
    RUN(cudaGraphAddChildGraphNode(&child, graph, &empty, 1, inner));
    RUN(cudaGraphAddMemcpyNode1D(&last, graph, nullptr, 0, host, a, 64, cudaMemcpyDeviceToHost));
    RUN(cudaGraphAddKernelNode(&first, graph, &child, 1, &add_ba));
#if CUDART_VERSION >= 13000
    RUN(cudaGraphAddDependencies(graph, &first, &last, nullptr, 1));
#else
    RUN(cudaGraphAddDependencies(graph, &first, &last, 1));
#endif
    RUN(cudaGraphInstantiate(&exec, graph, 0));
    for (int i = 0; i < 2; i++) { // the second time for the clone
        printf("graph 6 0\nnode set %#llx 256 1\nnode copy %#llx %#llx 128\n", at(a), at(b),
               at(host));
        add_line("node", a, b);
        printf("node known_nothing\n");
        add_line("node", b, a);
        printf("node copy %#llx %#llx 64\n", at(host), at(a));
        if (i == 0) {
            RUN(cudaGraphClone(&clone, graph));
            RUN(cudaGraphInstantiate(&cloned, clone, 0));
        }
    }
    RUN(cudaGraphDestroy(clone));
    launch(cloned, stream, 2, 2, 1);
    launch(exec, stream, 2, 2, 1);
    RUN(cudaGraphExecKernelNodeSetParams(exec, add, &add_ba));
    printf("graph_update 2 1 0\n");
    add_line("node", b, a);
    RUN(cudaGraphExecMemsetNodeSetParams(exec, set, &more));
    printf("graph_update 0 1 0\nnode set %#llx 64 1\n", at(b));
    RUN(cudaGraphNodeSetEnabled(exec, first, 0));
    printf("graph_update 4 0 2\n");
    launch(exec, stream, 1, 1, 1);
    cudaGraphExecUpdateResultInfo why;
    RUN(cudaGraphExecUpdate(exec, graph, &why));
    printf("graph 6 0\nnode set %#llx 256 1\nnode copy %#llx %#llx 128\n", at(a), at(b), at(host));
    add_line("node", a, b);
    printf("node known_nothing\n");
    add_line("node", b, a);
    printf("node copy %#llx %#llx 64\n", at(host), at(a));
    RUN(cudaGraphDestroy(graph));
    RUN(cudaGraphDestroy(inner));
    destroy(cloned);
    destroy(exec);
}

static void by_capture(float *a, float *b, cudaStream_t stream)
{
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    float *inside;
    RUN(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    RUN(cudaMallocAsync((void **)&inside, 1 << 20, stream));
    RUN(cudaMemsetAsync(inside, 0, 4096, stream));
    known_add<<<1, 32, 0, stream>>>(inside, b, 32);
    add_line("captured", inside, b);
    RUN(cudaMemcpyAsync(a, inside, 128, cudaMemcpyDeviceToDevice, stream));
    RUN(cudaFreeAsync(inside, stream));
    RUN(cudaStreamEndCapture(stream, &graph));
    RUN(cudaGraphInstantiate(&exec, graph, 0));
    printf("graph 5 0\nnode alloc %#llx %d\nnode set %#llx 4096 1\n", at(inside), 1 << 20,
           at(inside));
    add_line("node", inside, b);
    printf("node copy %#llx %#llx 128\nnode free %#llx\n", at(a), at(inside), at(inside));
    RUN(cudaGraphDestroy(graph)); // the executable lives on
    launch(exec, stream, 3, 1, 0);
    destroy(exec);
}

static void conditional(float *a, float *b, cudaStream_t stream)
{
#if CUDART_VERSION >= 12040
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaGraphNode_t node, in;
    cudaGraphConditionalHandle handle;
    int n = 32;
    void *ab[] = {&a, &b, &n};
    cudaKernelNodeParams add = add_params(ab);
    cudaGraphNodeParams params = {};
    RUN(cudaGraphCreate(&graph, 0));
    RUN(cudaGraphConditionalHandleCreate(&handle, graph, 1, cudaGraphCondAssignDefault));
    params.type = cudaGraphNodeTypeConditional;
    params.conditional.handle = handle;
    params.conditional.type = cudaGraphCondTypeIf;
    params.conditional.size = 1;
#if CUDART_VERSION >= 13000
    RUN(cudaGraphAddNode(&node, graph, nullptr, nullptr, 0, &params));
#else
    RUN(cudaGraphAddNode(&node, graph, nullptr, 0, &params));
#endif
    RUN(cudaGraphAddKernelNode(&in, params.conditional.phGraph_out[0], nullptr, 0, &add));
    RUN(cudaGraphInstantiate(&exec, graph, 0));
    printf("graph 1 2\n");
    add_line("maybe", a, b);
    launch(exec, stream, 2, 1, 0);
    destroy(exec);
    RUN(cudaGraphDestroy(graph));
#endif
}

int main()
{
    float *a, *b, *host;
    cudaStream_t stream;
    RUN(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    RUN(cudaMalloc((void **)&a, 1 << 16));
    printf("alloc %#llx %d\n", at(a), 1 << 16);
    RUN(cudaMalloc((void **)&b, 1 << 16));
    printf("alloc %#llx %d\n", at(b), 1 << 16);
    RUN(cudaMallocHost((void **)&host, 4096));
    printf("host_alloc %#llx 4096\n", at(host));
    by_hand(a, b, host, stream);
    by_capture(a, b, stream);
    conditional(a, b, stream);
    RUN(cudaFreeHost(host));
    printf("host_free %#llx\n", at(host));
    RUN(cudaFree(b));
    printf("free %#llx\n", at(b));
    RUN(cudaFree(a));
    printf("free %#llx\n", at(a));
    printf("total known_add %d\ntotal known_nothing %d\n", adds, nothings);
    return 0;
}
