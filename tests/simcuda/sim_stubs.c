/* Every export of the list that no other file implements answers CUDA_ERROR_NOT_SUPPORTED. These
 * definitions are weak: an implementation replaces them. Their C names are other than the exported
 * ones, because a stub takes whatever arguments come. */
#include "sim_core.h"

static CUresult stub(enum sim_id id)
{
    CUresult refused = sim_enter(sim_thread(), id);
    return refused != CUDA_SUCCESS ? refused : CUDA_ERROR_NOT_SUPPORTED;
}

#define STUB(c_name, text, id)                                                                     \
    CUresult c_name(void) __asm__(text) __attribute__((weak, visibility("default")));              \
    CUresult c_name(void)                                                                          \
    {                                                                                              \
        return stub(id);                                                                           \
    }
#define FN(base, version, name) STUB(sim_stub_##name, #name, SIM_ID_##name)
#define PT(base, version, name, suffix, pt_version)                                                \
    STUB(sim_stub_##name, #name, SIM_ID_##name)                                                    \
    STUB(sim_stub_##name##suffix, #name #suffix, SIM_ID_##name##suffix)
#include "sim_functions.def"
