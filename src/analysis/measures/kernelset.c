#include "analysis/measures/kernelset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fnv.h"
#include "base/grow.h"
#include "symbols/demangle.h"

void mt_kernelset_init(struct mt_kernelset *set, struct mt_trace *trace)
{
    memset(set, 0, sizeof *set);
    set->trace = trace;
}

void mt_kernelset_release(struct mt_kernelset *set)
{
    for (uint32_t i = 0; i < set->size; i++) {
        free(set->kernel[i].mangled);
        free(set->kernel[i].name);
    }
    free(set->kernel);
    mt_dict_release(&set->by_id);
    mt_dict_release(&set->by_name);
}

/* Where the index + 1 of `name` lies, 0 if it is new. Names of one hash lie behind each other. */
static uint64_t *place_of(struct mt_kernelset *set, const char *name)
{
    for (uint64_t key = mt_fnv(MT_FNV_START, name, strlen(name));; key++) {
        uint64_t *place = mt_dict_add(&set->by_name, key);
        if (!place || *place == 0 || strcmp(set->kernel[*place - 1].mangled, name) == 0)
            return place;
    }
}

static bool append(struct mt_kernelset *set, const char *name)
{
    if (!MT_ROOM(set->kernel, set->size, set->room, 64))
        return false;
    struct mt_kernel_name *kernel = &set->kernel[set->size];
    kernel->mangled = strdup(name);
    kernel->name = mt_demangle(name);
    if (!kernel->mangled || !kernel->name) {
        free(kernel->mangled);
        free(kernel->name);
        return false;
    }
    set->size++;
    return true;
}

static uint32_t add(struct mt_kernelset *set, uint64_t id)
{
    char unnamed[48];
    const struct mt_trace_kernel *known = mt_trace_kernel(set->trace, id);
    snprintf(unnamed, sizeof unnamed, "(kernel %llu, name lost)", (unsigned long long)id);
    const char *name = known && known->name ? known->name : unnamed;
    uint64_t *place = place_of(set, name);
    if (!place || (*place == 0 && !append(set, name)))
        return UINT32_MAX;
    if (*place == 0)
        *place = set->size;
    uint32_t index = (uint32_t)(*place - 1);
    if (id < MT_KERNELS_DIRECT) {
        set->direct[id] = index + 1;
        return index;
    }
    uint64_t *by_id = mt_dict_add(&set->by_id, id);
    if (!by_id)
        return UINT32_MAX;
    *by_id = index + 1;
    return index;
}

uint32_t mt_kernelset_index_slowly(struct mt_kernelset *set, uint64_t id)
{
    const uint64_t *known = mt_dict_find(&set->by_id, id);
    return known ? (uint32_t)(*known - 1) : add(set, id);
}

/* ---- the order of reports ---- */

struct weighed {
    uint64_t weight;
    uint32_t kernel;
};

static int compare(const void *a, const void *b, void *data)
{
    const struct weighed *left = a, *right = b;
    const struct mt_kernelset *set = data;
    if (left->weight != right->weight)
        return left->weight > right->weight ? -1 : 1;
    return strcmp(set->kernel[left->kernel].mangled, set->kernel[right->kernel].mangled);
}

int mt_kernelset_tell(const struct mt_kernelset *set, const struct mt_kernel_order *order,
                      void *state)
{
    struct weighed *list = malloc((set->size + 1) * sizeof *list);
    uint32_t n = 0;
    int code = list ? 0 : MT_ERR_MEMORY;
    for (uint32_t i = 0; list && i < set->size; i++) {
        list[n].kernel = i;
        n += order->weigh(state, i, &list[n].weight);
    }
    if (list)
        qsort_r(list, n, sizeof *list, compare, (void *)(uintptr_t)set);
    for (uint32_t i = 0; code == 0 && i < n; i++)
        code = order->put(state, list[i].kernel);
    free(list);
    return code;
}
