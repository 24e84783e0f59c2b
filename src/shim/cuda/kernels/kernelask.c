#include "shim/cuda/kernels/kernelask.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "event/event.h"
#include "shim/image/images.h"

/* An unload makes kernels be asked for again, so one answer's memory is kept. */
static _Atomic(struct mt_answer *) kept;

struct mt_answer *mt_answer_take(void)
{
    struct mt_answer *answer = atomic_exchange(&kept, NULL);
    if (answer)
        return answer;
    answer = mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return (void *)answer == MAP_FAILED ? NULL : answer;
}

void mt_answer_give(struct mt_answer *answer)
{
    answer = atomic_exchange(&kept, answer);
    if (answer)
        munmap(answer, sizeof *answer);
}

typedef CUresult ask_fn(CUfunction handle, size_t i, size_t *offset, size_t *size);

/* A handle is a CUfunction (Triton, cuDNN, JAX) or a CUkernel cast to one (the runtime since 12,
 * cublasLt); only the matching question is answered. Which it is the first parameter tells; where
 * there is none it stays unknown. */
static ask_fn *question_for(struct mt_answer *answer, CUfunction handle)
{
    size_t offset, size;
    ask_fn *function = (ask_fn *)(void *)mt_ask.cuFuncGetParamInfo;
    ask_fn *kernel = (ask_fn *)(void *)mt_ask.cuKernelGetParamInfo;
    answer->owned = MT_OWNED_UNKNOWN;
    if (function && function(handle, 0, &offset, &size) == CUDA_SUCCESS) {
        answer->owned = MT_OWNED_MODULE;
        return function;
    }
    if (kernel) {
        CUresult result = kernel(handle, 0, &offset, &size);
        if (result == CUDA_SUCCESS)
            answer->owned = MT_OWNED_LIBRARY;
        if (result == CUDA_SUCCESS || result == CUDA_ERROR_INVALID_VALUE)
            return kernel;
    }
    return function;
}

static void ask_layout(struct mt_answer *answer, CUfunction handle)
{
    ask_fn *ask = question_for(answer, handle);
    CUresult result = ask ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
    answer->params = 0;
    while (ask && answer->params < MT_PARAMETERS_MAX) {
        size_t offset, size;
        result = ask(handle, answer->params, &offset, &size);
        if (result != CUDA_SUCCESS)
            break;
        answer->layout[2 * answer->params] = (uint16_t)offset;
        answer->layout[2 * answer->params++ + 1] = (uint16_t)size;
    }
    /* A list ends with INVALID_VALUE; any other end means that the driver could not tell. */
    if (result != CUDA_ERROR_INVALID_VALUE)
        answer->params = MT_PARAMS_UNKNOWN;
}

static void ask_owner(struct mt_answer *answer, CUfunction handle)
{
    CUmodule module;
    CUlibrary library;
    if (answer->owned == MT_OWNED_MODULE && mt_ask.cuFuncGetModule &&
        mt_ask.cuFuncGetModule(&module, handle) == CUDA_SUCCESS)
        answer->owner = (uintptr_t)module;
    else if (answer->owned == MT_OWNED_LIBRARY && mt_ask.cuKernelGetLibrary &&
             mt_ask.cuKernelGetLibrary(&library, (CUkernel)handle) == CUDA_SUCCESS)
        answer->owner = (uintptr_t)library;
    else
        answer->owned = MT_OWNED_UNKNOWN;
}

/* Before 12.4 a driver tells no parameters, before 12.3 no names; then what was loaded does. */
bool mt_driver_is_old(void)
{
    static _Atomic int version;
    int now = atomic_load_explicit(&version, memory_order_relaxed);
    if (__builtin_expect(now == 0, 0)) {
        if (!mt_ask.cuDriverGetVersion || mt_ask.cuDriverGetVersion(&now) != CUDA_SUCCESS)
            return false;
        atomic_store_explicit(&version, now, memory_order_relaxed);
    }
    return now < 12040;
}

static void ask_image(struct mt_answer *answer, CUfunction handle)
{
    uint32_t params;
    char *name = strcmp(answer->name, "?") == 0 ? answer->name : answer->spare;
    if (mt_image_tell(handle, name, sizeof answer->name, answer->layout, MT_PARAMETERS_MAX,
                      &params) &&
        params != UINT32_MAX)
        answer->params = params;
}

static void ask_name(struct mt_answer *answer, CUfunction handle)
{
    const char *name = NULL;
    if ((!mt_ask.cuFuncGetName || mt_ask.cuFuncGetName(&name, handle) != CUDA_SUCCESS || !name) &&
        (!mt_ask.cuKernelGetName ||
         mt_ask.cuKernelGetName(&name, (CUkernel)handle) != CUDA_SUCCESS || !name))
        name = "?";
    size_t length = strnlen(name, sizeof answer->name - 1);
    memcpy(answer->name, name, length);
    answer->name[length] = 0;
}

void mt_answer_ask(struct mt_answer *answer, CUfunction handle)
{
    ask_layout(answer, handle);
    ask_name(answer, handle);
    ask_owner(answer, handle);
    if (answer->params == MT_PARAMS_UNKNOWN)
        ask_image(answer, handle);
}

size_t mt_answer_layout_size(const struct mt_answer *answer)
{
    return answer->params == MT_PARAMS_UNKNOWN ? 0 : 2 * sizeof(uint16_t) * answer->params;
}

static uint64_t mix(uint64_t sum, const void *bytes, size_t size)
{
    const char *from = bytes;
    uint64_t word;
    for (; size > 0; from += word, size -= word) {
        uint64_t piece = 0;
        word = size < sizeof piece ? size : sizeof piece;
        memcpy(&piece, from, word);
        sum = (sum ^ piece) * UINT64_C(0xff51afd7ed558ccd);
        sum ^= sum >> 32;
    }
    return sum;
}

uint64_t mt_answer_content(const struct mt_answer *answer)
{
    size_t name = strlen(answer->name);
    uint64_t sum = mix(((uint64_t)answer->params << 32 | name) * UINT64_C(0x9e3779b97f4a7c15),
                       answer->name, name);
    return mix(sum, answer->layout, mt_answer_layout_size(answer));
}
