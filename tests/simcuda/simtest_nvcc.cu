// A program as people write them, to be compiled with nvcc and run on the simulated device: what it
// finds is what the host alone can know, because kernels do nothing.
#include <cstdio>
#include <cstring>

struct Tables {
    float *of[3];
    int n;
};

__device__ int table[10];

__global__ void add(float *a, const float *b, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        a[i] += b[i];
}

template <class T> __global__ void scale(T *x, Tables t, char c, double d)
{
    x[0] = T(t.n + c + d) + table[1];
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
    cudaDeviceProp prop;
    CHECK(cudaGetDeviceProperties(&prop, 0));
    printf("device %s\n", prop.name);
    float *a, *b, host[256] = {1, 2, 3}, back[256];
    CHECK(cudaMalloc(&a, sizeof(host)));
    CHECK(cudaMalloc(&b, sizeof(host)));
    CHECK(cudaMemcpy(b, host, sizeof(host), cudaMemcpyHostToDevice));
    add<<<1, 256>>>(a, b, 256);
    Tables t = {{a, b, a}, 3};
    scale<<<2, 32>>>(a, t, 'x', 1.5);
    scale<<<2, 32>>>((int *)b, t, 'x', 1.5);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(back, b, sizeof(back), cudaMemcpyDeviceToHost));
    int values[10] = {4}, again[10] = {0};
    CHECK(cudaMemcpyToSymbol(table, values, sizeof(values)));
    CHECK(cudaMemcpyFromSymbol(again, table, sizeof(again)));
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaFree(a));
    CHECK(cudaFree(b));
    return memcmp(host, back, sizeof(host)) || memcmp(values, again, sizeof(values));
}
