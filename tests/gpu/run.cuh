// For programs that foretell their events: a call that fails ends the program.
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

#endif
