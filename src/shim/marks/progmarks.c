#define MEMTRACE_DEFINES
#pragma GCC visibility push(default)
#include "memtrace/memtrace.h"
#pragma GCC visibility pop

#include <string.h>

#include "shim/cuda/note.h"
#include "shim/marks/marks.h"
#include "shim/record/texts.h"
#include "shim/stack/stack.h"
#include "shim/window/when.h"

static struct mt_text_id id_of(const char *text)
{
    return text && *text ? mt_text_id(text, strnlen(text, MT_TEXT_MAX)) : (struct mt_text_id){0, 0};
}

static bool may_mark(void)
{
    return mt_may_record() && !mt_is_paused() && mt_config.MARKS;
}

/* The numbers of a mark's texts, and a time that is not before they were told. */
struct named {
    uint64_t when, name, domain;
};

static struct named named(const struct mt_mark *mark)
{
    uint64_t when = mt_clock_ticks();
    struct mt_text_id name = id_of(mark->text), domain = id_of(mark->domain);
    when = when > name.told ? when : name.told;
    return (struct named){when > domain.told ? when : domain.told, name.id, domain.id};
}

void mt_mark(const struct mt_mark *mark)
{
    if (!may_mark())
        return;
    struct named n = named(mark);
    MT_NOTE(mark, n.when, .name = n.name, .domain = n.domain);
}

void mt_range_push(const struct mt_mark *mark)
{
    if (!may_mark())
        return;
    struct named n = named(mark);
    MT_NOTE(range_push, n.when, .name = n.name, .domain = n.domain);
}

void mt_range_pop(const char *domain)
{
    if (!may_mark())
        return;
    struct named n = named(&(struct mt_mark){NULL, domain});
    MT_NOTE(range_pop, n.when, .domain = n.domain);
}

void mt_range_start(const struct mt_mark *mark, uint64_t id)
{
    if (!may_mark())
        return;
    struct named n = named(mark);
    MT_NOTE(range_start, n.when, .name = n.name, .id = id, .domain = n.domain);
}

void mt_range_end(uint64_t id)
{
    if (may_mark())
        MT_NOTE(range_end, mt_clock_ticks(), .id = id);
}

/* ---- memtrace.h ---- */

#undef MEMTRACE_WEAK

void memtrace_mark(const char *text)
{
    mt_mark(&(struct mt_mark){text, NULL});
}

void memtrace_range_push(const char *text)
{
    mt_range_push(&(struct mt_mark){text, NULL});
}

void memtrace_range_pop(void)
{
    mt_range_pop(NULL);
}

void memtrace_record(int on)
{
    mt_window_record(on != 0, MT_WHY_PROGRAM);
}

void memtrace_pool_alloc(const void *pool, const void *address, size_t size, const void *stream)
{
    uint64_t when = mt_clock_ticks();
    if (!mt_config.BLOCKS || !mt_may_record())
        return;
    uint32_t stack = mt_stack_here(&when);
    MT_NOTE(pool_alloc, when, .pool = (uintptr_t)pool, .address = (uintptr_t)address, .size = size,
            .stream = (uintptr_t)stream, .stack = stack);
}

void memtrace_pool_free(const void *pool, const void *address)
{
    if (mt_config.BLOCKS && mt_may_record() && address)
        MT_NOTE(pool_free, mt_clock_ticks(), .pool = (uintptr_t)pool,
                .address = (uintptr_t)address);
}
