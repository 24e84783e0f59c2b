// A plain CUDA program: the runtime is linked statically, as nvcc does by itself, and nothing else is
// there. Each step loads a row of samples, smooths it by a window that stays, and adds up.
//
//     nvcc -o smooth smooth.cu && memtrace ./smooth [STEPS]
#include <cstdio>
#include <cstdlib>

static const int SAMPLES = 1 << 20, TAPS = 64;

__global__ void smooth(float *out, const float *in, const float *window)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int tap = 0; tap < TAPS && i + tap < SAMPLES; tap++)
        sum += in[i + tap] * window[tap];
    if (i < SAMPLES)
        out[i] = sum;
}

__global__ void add_up(float *total, const float *values)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < SAMPLES && i % 1024 == 0)
        atomicAdd(total, values[i]);
}

static void check(cudaError_t error)
{
    if (error == cudaSuccess)
        return;
    fprintf(stderr, "smooth: %s\n", cudaGetErrorString(error));
    exit(1);
}

static float *on_device(size_t count)
{
    void *memory;
    check(cudaMalloc(&memory, count * sizeof(float)));
    return (float *)memory;
}

static float step(float *total, const float *window, const float *samples)
{
    float result;
    float *in = on_device(SAMPLES), *out = on_device(SAMPLES);
    check(cudaMemcpy(in, samples, SAMPLES * sizeof(float), cudaMemcpyHostToDevice));
    check(cudaMemset(total, 0, sizeof *total));
    smooth<<<SAMPLES / 256, 256>>>(out, in, window);
    check(cudaFree(in));
    add_up<<<SAMPLES / 256, 256>>>(total, out);
    check(cudaMemcpy(&result, total, sizeof result, cudaMemcpyDeviceToHost));
    check(cudaFree(out));
    return result;
}

int main(int argc, char **argv)
{
    int steps = argc > 1 ? atoi(argv[1]) : 20;
    float weights[TAPS], result = 0;
    float *samples = (float *)malloc(SAMPLES * sizeof(float));
    for (int i = 0; i < TAPS; i++)
        weights[i] = 1.0f / TAPS;
    for (int i = 0; i < SAMPLES; i++)
        samples[i] = 1;
    float *window = on_device(TAPS), *total = on_device(1);
    check(cudaMemcpy(window, weights, sizeof weights, cudaMemcpyHostToDevice));
    for (int i = 0; i < steps; i++)
        result = step(total, window, samples);
    check(cudaFree(total));
    check(cudaFree(window));
    free(samples);
    printf("smooth: %d steps, the sum is %.0f\n", steps, result);
    return 0;
}
