"""A small CuPy program: its own pool, an elementwise kernel, cuBLAS and a raw kernel."""
import sys

import cupy

KERNEL = cupy.RawKernel(r'''
extern "C" __global__ void twice(float *x, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        x[i] *= 2;
}''', "twice")

a = cupy.arange(1 << 16, dtype=cupy.float32).reshape(256, 256) % 7
for _ in range(20):
    b = a @ a + 1
    KERNEL((256,), (256,), (b, b.size))
print("sum", int(b.sum()), "pool", cupy.get_default_memory_pool().used_bytes() > 0)
sys.exit(3)
