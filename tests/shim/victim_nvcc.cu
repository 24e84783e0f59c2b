// A program as people write them: prints, line by line, what should be recorded of it.
//   event address [bytes | addresses of the parameters]
#include <cstdio>
#include <cuda_runtime.h>

struct Pair {
    float *first, *second;
    int n;
};

__global__ void add(float *a, const float *b, int n)
{
    a[threadIdx.x] += b[n];
}

__global__ void spread(int n, Pair pair)
{
    pair.first[n] = pair.second[pair.n];
}

#define CHECK(call)                                                                                \
    do {                                                                                           \
        cudaError_t error = (call);                                                                \
        if (error != cudaSuccess) {                                                                \
            printf("%s: %s\n", #call, cudaGetErrorString(error));                                  \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

int main()
{
    float *a, *b, *c, host[64] = {1}, *pinned;
    int n = 3;
    cudaStream_t stream;
    CHECK(cudaMalloc(&a, 4096));
    printf("alloc %p 4096\n", (void *)a);
    CHECK(cudaMalloc(&b, 8192));
    printf("alloc %p 8192\n", (void *)b);
    CHECK(cudaMemcpy(a, host, sizeof host, cudaMemcpyHostToDevice));
    printf("copy %p 256\n", (void *)a);
    CHECK(cudaStreamCreate(&stream));
    for (int i = 0; i < 3; i++) {
        add<<<1, 32>>>(a, b, n); // as the compiler of the day launches
        printf("launch add %p %p\n", (void *)a, (void *)b);
    }
    void *arguments[] = {&b, &a, &n}; // as programs did before, and libraries still do
    CHECK(cudaLaunchKernel((const void *)add, dim3(1), dim3(32), arguments, 0, stream));
    printf("launch add %p %p\n", (void *)b, (void *)a);
    Pair pair = {b + 1, a + 2, 5};
    spread<<<1, 32, 0, stream>>>(n, pair);
    printf("launch spread %p %p\n", (void *)(b + 1), (void *)(a + 2));
    CHECK(cudaMallocAsync(&c, 1 << 20, stream));
    printf("alloc %p 1048576\n", (void *)c);
    CHECK(cudaMemsetAsync(c, 0, 1 << 20, stream));
    printf("set %p 1048576\n", (void *)c);
    CHECK(cudaFreeAsync(c, stream));
    printf("free %p\n", (void *)c);
    CHECK(cudaMallocHost(&pinned, 5000));
    printf("host_alloc %p 5000\n", (void *)pinned);
    CHECK(cudaFreeHost(pinned));
    printf("host_free %p\n", (void *)pinned);
    if (cudaMalloc(&c, (size_t)1 << 50) == cudaErrorMemoryAllocation)
        printf("alloc_failed %zu\n", (size_t)1 << 50);
    CHECK(cudaFree(b));
    printf("free %p\n", (void *)b);
    CHECK(cudaFree(a));
    printf("free %p\n", (void *)a);
    return 0;
}
