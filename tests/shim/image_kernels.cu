// Kernels with parameters of all kinds, for check_images.py.
#include <cstdint>

struct Mixed { double x; char c[3]; };
struct alignas(16) Wide { float f[12]; };
struct Large { uint64_t word[400]; };

template <typename T> __global__ void templated(T *out, Mixed by_value, int n)
{
    if (n)
        out[0] = (T)by_value.x;
}
template __global__ void templated<float>(float *, Mixed, int);
template __global__ void templated<char>(char *, Mixed, int);

extern "C" __global__ void scalars(char a, short b, char c, double d, float e, long f, bool g)
{
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g;
}

extern "C" __global__ void structures(char a, Wide b, char c, Mixed d, const float *__restrict__ e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
}

extern "C" __global__ void large(Large block, const void *last)
{
    if (last)
        *(uint64_t *)last = block.word[7];
}

extern "C" __global__ void nothing() {}
