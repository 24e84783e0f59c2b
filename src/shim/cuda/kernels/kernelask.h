/* What the driver says of a kernel, by its handle. Its functions are called, so no lock of the
 * recorder may be held. */
#ifndef MT_KERNELASK_H
#define MT_KERNELASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/cuda/resolve.h"

#define MT_PARAMETERS_MAX 4096 /* of 4 bytes they fill the largest block of 32,764 bytes twice */
#define MT_NAME_MAX_BYTES 16384

/* With whom the handle ends. */
enum mt_owned {
    MT_OWNED_UNKNOWN,
    MT_OWNED_MODULE,  /* a CUfunction: with its module, or with the library that has the module */
    MT_OWNED_LIBRARY, /* a CUkernel */
};

/* Too large for the stacks of a job's threads. */
struct mt_answer {
    uint32_t params; /* MT_PARAMS_UNKNOWN */
    enum mt_owned owned;
    uintptr_t owner; /* CUmodule or CUlibrary */
    char name[MT_NAME_MAX_BYTES];
    uint16_t layout[2 * MT_PARAMETERS_MAX]; /* offset and size of each parameter */
    char spare[MT_NAME_MAX_BYTES];          /* for a name that is known already */
};

/* NULL: no memory. Give it back; one is kept for the next who asks. */
struct mt_answer *mt_answer_take(void);
void mt_answer_give(struct mt_answer *answer);

void mt_answer_ask(struct mt_answer *answer, CUfunction handle);

/* Name and layout as one number: two kernels that differ have, for all that can happen, two. */
uint64_t mt_answer_content(const struct mt_answer *answer);

/* Bytes of the layout. */
size_t mt_answer_layout_size(const struct mt_answer *answer);

/* Whether the driver tells no parameters of kernels (before 12.4). */
bool mt_driver_is_old(void);

#endif
