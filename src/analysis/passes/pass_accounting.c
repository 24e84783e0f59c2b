/* Who has the memory that the driver says the process takes.
 *
 * At each `usage` event what lives is added up by who asked for it. What the driver tells beyond
 * that is its own: the context from the start, modules as kernels are used first. Both show only as
 * growth: what was there at the first sample is the context's, what came between two samples in
 * which kernels were first launched is the modules', the rest nobody's. Two moments are kept: the
 * largest sum, and the last.
 *
 * Stream-ordered pools keep what is freed for as long as they like. Their memory lies in pages that
 * they once handed out; what is beyond everything else is theirs, up to as many such pages as have
 * nothing in them now. */
#include <stdlib.h>
#include <string.h>

#include "analysis/pass.h"
#include "analysis/tables.h"
#include "base/dict.h"
#include "model/words.h"

#define LIBRARIES 64u /* the rest of them together */
#define PAGE_BITS 21  /* what the driver gives out physically */

struct share {
    uint32_t library;
    uint64_t bytes, count;
};

struct moment {
    bool there;
    uint64_t time_ns, total, how;
    uint64_t blocks, blocks_count, slack, segments, pages;
    uint64_t driver; /* sum of the shares */
    struct share share[LIBRARIES];
    uint32_t shares;
    uint64_t pooled; /* of the pages: of stream-ordered pools */
    int64_t context, modules, pools;
};

struct device {
    struct moment peak, end;
    bool seen;
    int64_t context, modules, rest; /* rest: beyond what was asked for, at the last sample */
    struct mt_dict pages;           /* that stream-ordered pools have handed out anything of */
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct device device[MT_DEVICES];
    uint64_t kernels, kernels_seen[MT_DEVICES];
};

/* A walk over driver memory. */
struct sum {
    uint32_t device;
    uint64_t next_page; /* pages below are counted */
    struct moment *moment;
};

static void *accounting_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_accounting);
    return state;
}

static void accounting_free(void *data)
{
    struct state *state = data;
    for (uint32_t i = 0; i < MT_DEVICES; i++)
        mt_dict_release(&state->device[i].pages);
    free(state);
}

static bool is_pooled(const struct mt_block *block)
{
    return block->source == MT_SOURCE_ASYNC || block->source == MT_SOURCE_GRAPH;
}

static int accounting_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    if (!is_pooled(block) || !block->size)
        return 0;
    struct mt_dict *pages = &state->device[block->device].pages;
    uint64_t last = (block->address + block->size - 1) >> PAGE_BITS;
    for (uint64_t page = block->address >> PAGE_BITS; page <= last; page++)
        if (!mt_dict_add(pages, page))
            return MT_ERR_MEMORY;
    return 0;
}

static void add_share(struct moment *moment, uint32_t library, uint64_t bytes)
{
    uint32_t i = 0;
    while (i < moment->shares && moment->share[i].library != library)
        i++;
    if (i == LIBRARIES)
        i--;
    if (i == moment->shares)
        moment->share[moment->shares++] = (struct share){.library = library};
    moment->share[i].bytes += bytes;
    moment->share[i].count++;
    moment->driver += bytes;
}

/* Pages that hold a part of it and were not counted for what lies before it. Of a virtual range,
 * whose memory may lie anywhere in it, only how many they are is known. */
static void add_pages(struct sum *sum, const struct mt_block *block, uint64_t bytes)
{
    uint64_t last = (block->address + bytes - 1) >> PAGE_BITS;
    uint64_t first = block->address >> PAGE_BITS;
    first = first < sum->next_page ? sum->next_page : first;
    if (bytes && last >= first)
        sum->moment->pages += last - first + 1;
    if (bytes && last >= first && is_pooled(block))
        sum->moment->pooled += last - first + 1;
    if (bytes && last >= sum->next_page)
        sum->next_page = last + 1;
}

static int add_driver(void *data, const struct mt_block *block)
{
    struct sum *sum = data;
    uint64_t bytes = mt_model_bytes(block);
    if (block->device != sum->device)
        return 0;
    add_pages(sum, block, bytes);
    if (block->level == MT_LEVEL_SEGMENT) {
        sum->moment->slack += bytes;
        sum->moment->segments++;
    } else {
        add_share(sum->moment, block->library, bytes);
    }
    return 0;
}

static void add_up(struct state *state, uint32_t device, struct moment *moment)
{
    const struct mt_usage *usage = mt_model_usage(state->run->model, device);
    struct sum sum = {.device = device, .moment = moment};
    mt_model_each_driver(state->run->model, add_driver, &sum);
    moment->blocks = usage->allocated - moment->driver;
    moment->blocks_count = usage->blocks;
    for (uint32_t i = 0; i < moment->shares; i++)
        moment->blocks_count -= moment->share[i].count;
    moment->slack -= moment->blocks;
}

static int64_t known_bytes(const struct moment *moment)
{
    return (int64_t)(moment->pages << PAGE_BITS);
}

static int64_t pools_keep(const struct device *device, const struct moment *moment, int64_t rest)
{
    int64_t most = (int64_t)((device->pages.size - moment->pooled) << PAGE_BITS);
    int64_t beyond = rest - device->context - device->modules;
    return !device->seen || beyond < 0 ? 0 : beyond < most ? beyond : most;
}

/* Growth beyond what was asked for goes to whom it can be laid. What a pool kept may hide modules:
 * they can still show later. */
static void attribute(struct state *state, uint32_t index, struct moment *moment)
{
    struct device *device = &state->device[index];
    int64_t rest = (int64_t)moment->total - known_bytes(moment);
    if (moment->how != MT_USAGE_DEVICE)
        rest -= moment->pools = pools_keep(device, moment, rest);
    if (moment->how != MT_USAGE_DEVICE && !device->seen) {
        device->context = rest > 0 ? rest : 0;
        device->seen = true;
    } else if (moment->how != MT_USAGE_DEVICE && rest > device->rest &&
               state->kernels > state->kernels_seen[index]) {
        device->modules += rest - device->rest;
    }
    if (device->seen && device->modules > 0 && rest < device->context + device->modules)
        device->modules = rest > device->context ? rest - device->context : 0; /* gone again */
    if (!moment->pools)
        state->kernels_seen[index] = state->kernels;
    device->rest = rest;
    moment->context = device->context;
    moment->modules = device->modules;
}

static int accounting_event(void *data, const struct mt_record *record, uint32_t thread)
{
    struct state *state = data;
    const struct mt_ev_usage *event = (const void *)record->word;
    (void)thread;
    /* With its first communicator NCCL loads its kernels, before it launches any. */
    if (record->kind == MT_kernel || record->kind == MT_communicator) {
        state->kernels++;
        return 0;
    }
    uint32_t index = mt_model_device(event->device);
    struct device *device = &state->device[index];
    struct moment *moment = &device->end;
    memset(moment, 0, sizeof *moment);
    moment->there = true;
    moment->time_ns = record->time;
    moment->how = event->how;
    moment->total = event->how == MT_USAGE_DEVICE ? event->used_bytes : event->process_bytes;
    add_up(state, index, moment);
    attribute(state, index, moment);
    if (!device->peak.there || moment->total > device->peak.total)
        device->peak = *moment;
    return 0;
}

/* ---- rows ---- */

struct row {
    struct state *state;
    uint32_t device;
    const char *name;
    const struct moment *moment;
};

#define CELL(name) cell[MT_COL_accounting_##name]

static int put(const struct row *row, const char *what, struct mt_value library, int64_t bytes,
               struct mt_value count)
{
    static const char *const known_by[] = {"device", "process", "alone"};
    struct mt_value cell[MT_COLS_accounting];
    struct state *state = row->state;
    CELL(device) = mt_device_value(row->device);
    CELL(moment) = mt_text(row->name);
    CELL(time_ns) = mt_uint(row->moment->time_ns);
    CELL(what) = mt_text(what);
    CELL(library) = library;
    CELL(size_bytes) = mt_int(bytes);
    CELL(count) = count;
    CELL(known_by) = mt_text(row->moment->how < 3 ? known_by[row->moment->how] : "?");
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_accounting, cell);
}

static int put_share(const struct row *row, const struct share *share)
{
    const char *name =
        share->library ? mt_trace_string(row->state->run->trace, share->library) : NULL;
    bool nccl = name && strncmp(name, "libnccl", 7) == 0;
    return put(row, nccl ? "nccl" : "driver", mt_text(name), (int64_t)share->bytes,
               mt_uint(share->count));
}

static int compare(const void *a, const void *b)
{
    const struct share *left = a, *right = b;
    return left->bytes != right->bytes
               ? (left->bytes < right->bytes ? 1 : -1)
               : (left->library > right->library) - (left->library < right->library);
}

static int put_rest(const struct row *row)
{
    const struct moment *m = row->moment;
    int64_t asked = (int64_t)(m->blocks + m->slack + m->driver);
    int64_t rest = (int64_t)m->total - known_bytes(m) - m->context - m->modules - m->pools;
    bool device = m->how == MT_USAGE_DEVICE;
    RETURN_IF_ERROR(put(row, "rounding", mt_null(), known_bytes(m) - asked, mt_null()));
    if (m->pools)
        RETURN_IF_ERROR(put(row, "pools", mt_null(), m->pools, mt_null()));
    if (!device) {
        RETURN_IF_ERROR(put(row, "context", mt_null(), m->context, mt_null()));
        RETURN_IF_ERROR(put(row, "modules", mt_null(), m->modules, mt_null()));
    }
    RETURN_IF_ERROR(put(row, device ? "others" : "unattributed", mt_null(), rest, mt_null()));
    return put(row, "total", mt_null(), (int64_t)m->total, mt_null());
}

static int put_moment(struct state *state, uint32_t device, const char *name, struct moment *moment)
{
    const struct row row = {state, device, name, moment};
    if (!moment->there)
        return 0;
    qsort(moment->share, moment->shares, sizeof moment->share[0], compare);
    RETURN_IF_ERROR(
        put(&row, "blocks", mt_null(), (int64_t)moment->blocks, mt_uint(moment->blocks_count)));
    RETURN_IF_ERROR(
        put(&row, "slack", mt_null(), (int64_t)moment->slack, mt_uint(moment->segments)));
    for (uint32_t i = 0; i < moment->shares; i++)
        RETURN_IF_ERROR(put_share(&row, &moment->share[i]));
    return put_rest(&row);
}

static int accounting_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    for (uint32_t i = 0; i < MT_DEVICES; i++) {
        RETURN_IF_ERROR(put_moment(state, i, "peak", &state->device[i].peak));
        RETURN_IF_ERROR(put_moment(state, i, "end", &state->device[i].end));
    }
    return 0;
}

const struct mt_pass mt_pass_accounting = {
    .name = "accounting",
    .tables = (const struct mt_table *const[]){&mt_table_accounting, NULL},
    .kinds = MT_KIND_BIT(usage) | MT_KIND_BIT(kernel) | MT_KIND_BIT(communicator),
    .new = accounting_new,
    .free = accounting_free,
    .event = accounting_event,
    .birth = accounting_birth,
    .finish = accounting_finish,
};
