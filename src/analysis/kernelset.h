/* The kernels of a trace by name: a kernel that is loaded twice, or for two devices, has several
 * ids and one name, and is one kernel to who reads a report. */
#ifndef MT_KERNELSET_H
#define MT_KERNELSET_H

#include <stdint.h>

#include "analysis/dict.h"
#include "memtrace/trace.h"

struct mt_kernel_name {
    char *mangled;
    char *name; /* demangled */
};

struct mt_kernelset {
    struct mt_trace *trace;
    struct mt_dict by_id;   /* index + 1 */
    struct mt_dict by_name; /* hash of the name -> index + 1 */
    struct mt_kernel_name *kernel;
    uint32_t size, room;
};

void mt_kernelset_init(struct mt_kernelset *set, struct mt_trace *trace);
void mt_kernelset_release(struct mt_kernelset *set);

/* Index (below set->size, dense) of the kernel with this id; UINT32_MAX where memory is out. */
uint32_t mt_kernelset_index(struct mt_kernelset *set, uint64_t id);

#endif
