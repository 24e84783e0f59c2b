#include "reader/stackframes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/grow.h"

/* A struct of `size` bytes and behind it both texts of a tail; *first and *second say where. */
static void *make(size_t size, const struct mt_record *record, const char **first,
                  const char **second)
{
    size_t words;
    const char *tail = (const char *)mt_record_tail(record, &words);
    size_t bytes = words * sizeof(uint64_t), one = strnlen(tail, bytes);
    size_t two = one < bytes ? strnlen(tail + one + 1, bytes - one - 1) : 0;
    char *made = calloc(1, size + one + two + 2);
    if (!made)
        return NULL;
    memcpy(made + size, tail, one);
    if (two)
        memcpy(made + size + one + 1, tail + one + 1, two);
    *first = made + size;
    *second = made + size + one + 1;
    return made;
}

static int add_code(struct mt_stackframes *stacks, const struct mt_record *record)
{
    const struct mt_ev_code *event = (const void *)record->word;
    const char *file, *name;
    if (event->id >= MT_CODES_MAX || mt_stackframes_code(stacks, event->id))
        return 0;
    struct mt_trace_code *code = make(sizeof *code, record, &file, &name);
    if (!code || !MT_ROOM_AT(stacks->code, event->id, stacks->codes, 64)) {
        free(code);
        return MT_ERR_MEMORY;
    }
    *code = (struct mt_trace_code){.file = file, .name = name, .first_line = event->first_line};
    stacks->code[event->id] = code;
    return 0;
}

static int add_module(struct mt_stackframes *stacks, const struct mt_record *record)
{
    const struct mt_ev_module *event = (const void *)record->word;
    const char *path, *build_id;
    if (event->id >= MT_MODULES_MAX || mt_stackframes_module(stacks, event->id))
        return 0;
    struct mt_trace_module *module = make(sizeof *module, record, &path, &build_id);
    if (!module || !MT_ROOM_AT(stacks->module, event->id, stacks->modules, 64)) {
        free(module);
        return MT_ERR_MEMORY;
    }
    *module = (struct mt_trace_module){
        .path = path, .build_id = build_id, .base = event->base, .size = event->size};
    stacks->module[event->id] = module;
    return 0;
}

/* The caller's smaller id is what makes every walk outwards end. */
static int add_frame(struct mt_stackframes *stacks, const struct mt_record *record)
{
    const struct mt_ev_frame *event = (const void *)record->word;
    if (event->id >= MT_FRAMES_MAX || event->caller >= event->id)
        return 0;
    struct mt_trace_frame **page = &stacks->page[event->id / MT_FRAME_PAGE];
    if (!*page && !(*page = calloc(MT_FRAME_PAGE, sizeof **page)))
        return MT_ERR_MEMORY;
    struct mt_trace_frame *frame = &(*page)[event->id % MT_FRAME_PAGE];
    if (frame->id)
        return 0;
    *frame = (struct mt_trace_frame){.id = (uint32_t)event->id,
                                     .caller = (uint32_t)event->caller,
                                     .code = (uint32_t)event->code,
                                     .module = (uint32_t)event->module,
                                     .where = event->where};
    return 0;
}

int mt_stackframes_add(struct mt_stackframes *stacks, const struct mt_record *record)
{
    if (record->kind == MT_frame)
        return add_frame(stacks, record);
    return record->kind == MT_code ? add_code(stacks, record) : add_module(stacks, record);
}

const struct mt_trace_frame *mt_stackframes_frame(const struct mt_stackframes *stacks, uint64_t id)
{
    const struct mt_trace_frame *page =
        id < MT_FRAMES_MAX ? stacks->page[id / MT_FRAME_PAGE] : NULL;
    return page && page[id % MT_FRAME_PAGE].id ? &page[id % MT_FRAME_PAGE] : NULL;
}

void mt_stackframes_release(struct mt_stackframes *stacks)
{
    for (uint32_t i = 0; i < MT_FRAMES_MAX / MT_FRAME_PAGE; i++)
        free(stacks->page[i]);
    for (uint32_t i = 0; i < stacks->codes; i++)
        free(stacks->code[i]);
    for (uint32_t i = 0; i < stacks->modules; i++)
        free(stacks->module[i]);
    free(stacks->code);
    free(stacks->module);
    memset(stacks, 0, sizeof *stacks);
}
