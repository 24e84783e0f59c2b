/* The kernels of a trace by name: a kernel that is loaded twice, or for two devices, has several
 * ids and one name, and is one kernel to who reads a report. */
#ifndef MT_KERNELSET_H
#define MT_KERNELSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/dict.h"
#include "memtrace/trace.h"

#define MT_KERNELS_DIRECT 4096u

struct mt_kernel_name {
    char *mangled;
    char *name; /* demangled */
};

struct mt_kernelset {
    struct mt_trace *trace;
    uint32_t direct[MT_KERNELS_DIRECT]; /* index + 1 of small ids, which most are */
    struct mt_dict by_id;               /* of the others */
    struct mt_dict by_name;             /* hash of the name -> index + 1 */
    struct mt_kernel_name *kernel;
    uint32_t size, room;
};

void mt_kernelset_init(struct mt_kernelset *set, struct mt_trace *trace);
void mt_kernelset_release(struct mt_kernelset *set);

uint32_t mt_kernelset_index_slowly(struct mt_kernelset *set, uint64_t id);

/* Index (below set->size, dense) of the kernel with this id; UINT32_MAX where memory is out. */
static inline uint32_t mt_kernelset_index(struct mt_kernelset *set, uint64_t id)
{
    if (id < MT_KERNELS_DIRECT && set->direct[id])
        return set->direct[id] - 1;
    return mt_kernelset_index_slowly(set, id);
}

/* How a report tells kernels: the heaviest first, and where they weigh the same by name, so that
 * reports can be compared. */
struct mt_kernel_order {
    /* False: it is left out. */
    bool (*weigh)(const void *state, uint32_t kernel, uint64_t *weight);
    int (*put)(void *state, uint32_t kernel); /* a negative result ends it and is returned */
};

int mt_kernelset_tell(const struct mt_kernelset *set, const struct mt_kernel_order *order,
                      void *state);

#endif
