#include "reader/kernelnames.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"
#include "format/layout.h"

/* One allocation: the struct, the layout, the name. A tail that is too short for the layout it
 * should have gives a kernel without one. */
static struct mt_trace_kernel *make(const char *tail, size_t size, uint64_t params)
{
    size_t name = strnlen(tail, size), pairs = name < size ? (size - name - 1) / 4 : 0;
    size_t layout = params <= pairs ? params * 4 : 0;
    struct mt_trace_kernel *kernel = malloc(sizeof *kernel + layout + name + 1);
    if (!kernel)
        return NULL;
    uint16_t *at = (uint16_t *)(kernel + 1);
    char *text = (char *)at + layout;
    memcpy(text, tail, name);
    text[name] = 0;
    if (layout)
        memcpy(at, tail + name + 1, layout);
    kernel->name = text;
    kernel->layout = at;
    kernel->params = params <= pairs ? (uint32_t)params : MT_PARAMS_UNKNOWN;
    return kernel;
}

int mt_kernels_add(struct mt_kernels *kernels, const struct mt_record *record)
{
    size_t words;
    const struct mt_ev_kernel *event = (const void *)record->word;
    const uint64_t *tail = mt_record_tail(record, &words);
    if (event->id >= MT_KERNELS_MAX || mt_kernels_get(kernels, event->id))
        return 0;
    if (!MT_ROOM_AT(kernels->kernel, event->id, kernels->room, 256))
        return MT_ERR_MEMORY;
    kernels->kernel[event->id] = make((const char *)tail, words * sizeof *tail, event->params);
    return kernels->kernel[event->id] ? 0 : MT_ERR_MEMORY;
}

void mt_kernels_release(struct mt_kernels *kernels)
{
    for (uint32_t i = 0; i < kernels->room; i++)
        free(kernels->kernel[i]);
    free(kernels->kernel);
    *kernels = (struct mt_kernels){0};
}
