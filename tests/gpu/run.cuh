// For programs that foretell their events: a call that fails ends the program, and functions of the
// driver are linked or (-DBY_DLSYM) looked up.
#ifndef RUN_CUH
#define RUN_CUH

#include <cstdio>
#include <cstdlib>

#define RUN(call)                                                                                  \
    do {                                                                                           \
        int error_ = (int)(call);                                                                  \
        if (error_ != 0) {                                                                         \
            fprintf(stderr, "%s:%d: %s says %d\n", __FILE__, __LINE__, #call, error_);             \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#ifdef BY_DLSYM
#include <dlfcn.h>

inline void *driver_library()
{
    static void *library = dlopen("libcuda.so.1", RTLD_NOW);
    return library;
}
#define CU(name, symbol) ((decltype(&name))dlsym(driver_library(), symbol))
#else
#define CU(name, symbol) name
#endif

#endif
