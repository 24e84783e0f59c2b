/* What exports what an interpreter exports, and says of itself what FAKE_PYTHON says; its thread
 * state leads nowhere. Preloaded by odd_stacks.py. */
#include <stdint.h>
#include <stdlib.h>

#include "shim/python/pyfind.h"

#define EXPORT __attribute__((visibility("default")))
#define Py_GetVersion Py_GetVersion_
#define Py_IsInitialized Py_IsInitialized_
#define PyGILState_GetThisThreadState PyGILState_GetThisThreadState_
#define FUNCTION(name)                                                                             \
    EXPORT void name(void);                                                                        \
    void name(void)                                                                                \
    {                                                                                              \
        abort(); /* none of them may be called */                                                  \
    }
MT_PYTHON_SYMBOLS(FUNCTION)
#undef Py_GetVersion
#undef Py_IsInitialized
#undef PyGILState_GetThisThreadState

EXPORT const char *Py_GetVersion(void);
EXPORT int Py_IsInitialized(void);
EXPORT void *PyGILState_GetThisThreadState(void);

const char *Py_GetVersion(void)
{
    return getenv("FAKE_PYTHON");
}

int Py_IsInitialized(void)
{
    return 1;
}

void *PyGILState_GetThisThreadState(void)
{
    static uintptr_t state[64];
    for (unsigned i = 0; i < 64; i++)
        state[i] = i % 2 ? (uintptr_t)state : 0x10;
    return state;
}
