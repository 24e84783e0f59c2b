/* Products of matrices by cuBLAS. Three matrices are the program's own; what else it takes from the
 * device is cuBLAS's: the trace says by which library each allocation was asked for.
 *
 * cuBLAS is looked for when the program runs, so that nvcc alone builds it:
 *
 *     nvcc -o gemm gemm.c -ldl && memtrace ./gemm [PRODUCTS] */
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 2048, PLAIN = 0 /* CUBLAS_OP_N */ };

static int (*create)(void **handle);
static int (*destroy)(void *handle);
static int (*product)(void *handle, int, int, int m, int n, int k, const float *alpha,
                      const float *a, int lda, const float *b, int ldb, const float *beta, float *c,
                      int ldc);

static void check(int error, const char *what)
{
    if (error == 0)
        return;
    fprintf(stderr, "gemm: %s failed (%d)\n", what, error);
    exit(1);
}

static void *find_cublas(void)
{
    static const char *const name[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so"};
    for (unsigned i = 0; i < sizeof name / sizeof *name; i++) {
        void *library = dlopen(name[i], RTLD_NOW);
        if (library)
            return library;
    }
    fprintf(stderr, "gemm: no cuBLAS: %s\n", dlerror());
    exit(77);
}

static void load(void)
{
    void *library = find_cublas();
    *(void **)&create = dlsym(library, "cublasCreate_v2");
    *(void **)&destroy = dlsym(library, "cublasDestroy_v2");
    *(void **)&product = dlsym(library, "cublasSgemm_v2");
    check(!create || !destroy || !product, "finding cuBLAS's functions");
}

static float *matrix(void)
{
    void *memory;
    size_t bytes = sizeof(float) * SIDE * SIDE;
    check(cudaMalloc(&memory, bytes), "cudaMalloc");
    check(cudaMemset(memory, 0, bytes), "cudaMemset");
    return memory;
}

int main(int argc, char **argv)
{
    int products = argc > 1 ? atoi(argv[1]) : 400;
    float one = 1, zero = 0;
    void *handle;
    load();
    float *a = matrix(), *b = matrix(), *c = matrix();
    check(create(&handle), "cublasCreate");
    for (int i = 0; i < products; i++)
        check(product(handle, PLAIN, PLAIN, SIDE, SIDE, SIDE, &one, a, SIDE, b, SIDE, &zero, c,
                      SIDE),
              "cublasSgemm");
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    check(destroy(handle), "cublasDestroy");
    check(cudaFree(a), "cudaFree");
    check(cudaFree(b), "cudaFree");
    check(cudaFree(c), "cudaFree");
    printf("gemm: %d products of %d x %d\n", products, SIDE, SIDE);
    return 0;
}
