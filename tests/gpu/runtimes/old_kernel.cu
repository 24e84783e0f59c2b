// The kernel of old_runtime.c, compiled to a fat binary.
extern "C" __global__ void known_add(float *to, const float *from, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        to[i] += from[i];
}
