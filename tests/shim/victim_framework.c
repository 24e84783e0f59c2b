/* libvictim-framework.so: uses NCCL as a framework does, by symbols that its libraries leave open.
 * It is loaded as Python loads such a thing, where nobody else sees what it brings along. */
#include "simcuda/simnccl.h"

struct function {
    const char *name;
    void *address;
};
__attribute__((visibility("default"))) extern const struct function framework_functions[];
const struct function framework_functions[] = {
#define NCCL(symbol, ...) {#symbol, (void *)symbol},
#include "shim/nccl/nccl.def"
    {NULL, NULL},
};
