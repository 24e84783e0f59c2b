/* Who has the memory that the driver says the process takes.
 *
 * At each `usage` event what lives is added up by who asked for it (takings). What the driver tells
 * beyond that is its own, and goes by what happened since the event before (upkeep). Two moments
 * are kept: the largest sum, and the last. */
#include <stdlib.h>
#include <string.h>

#include "analysis/accounting/takings.h"
#include "analysis/accounting/upkeep.h"
#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "model/words.h"

#define PIECES_MAX (UINT64_C(1) << 16) /* of one allocation: 2 TiB */
#define WHYS 8u                        /* MT_UPKEEP_* */

struct moment {
    bool there;
    uint64_t time_ns, how;
    int64_t total;
#define PART(name, basis) int64_t name;
#include "analysis/accounting/parts.def"
    uint64_t blocks_count, segments;
    struct mt_taker taker[MT_TAKERS];
    uint32_t takers;
};

struct device {
    struct moment peak, end;
    struct mt_upkeep upkeep;
    unsigned causes;       /* since the last sample */
    uint64_t contexts;     /* the largest number of one that was seen */
    struct mt_dict pieces; /* of pools: those that ever held anything */
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink, *samples;
    struct device device[MT_DEVICES];
    struct mt_dict fresh;     /* graphs that were not launched since they were made */
    struct mt_dict libraries; /* that asked the driver for memory */
    struct mt_dict under_way; /* calls for which it may take memory of its own, by thread and why */
    uint64_t calls[WHYS];     /* of these */
};

static void *accounting_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_accounting);
    state->samples = run->sink(run, &mt_table_samples);
    return state;
}

static void accounting_free(void *data)
{
    struct state *state = data;
    for (uint32_t i = 0; i < MT_DEVICES; i++)
        mt_dict_release(&state->device[i].pieces);
    mt_dict_release(&state->fresh);
    mt_dict_release(&state->libraries);
    mt_dict_release(&state->under_way);
    free(state);
}

/* ---- what happens between samples ---- */

/* Most causes are of no device in particular. */
static void cause(struct state *state, unsigned what)
{
    for (uint32_t i = 0; i < MT_DEVICES; i++)
        state->device[i].causes |= what;
}

/* A library that asks for memory for the first time begins its work, and has its code loaded. */
static int note_library(struct state *state, uint64_t library)
{
    size_t known = state->libraries.size;
    if (library && !mt_dict_add(&state->libraries, library))
        return MT_ERR_MEMORY;
    if (state->libraries.size != known)
        cause(state, MT_CAUSE(MODULES));
    return 0;
}

static int accounting_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    struct device *device = &state->device[block->device];
    if (mt_source_is_allocator(block->source) || !block->size)
        return 0;
    if (block->context > device->contexts) {
        device->contexts = block->context;
        device->causes |= MT_CAUSE(CONTEXT);
    }
    RETURN_IF_ERROR(note_library(state, block->library));
    if (!mt_is_pooled(block))
        return 0;
    uint64_t first = block->address >> MT_POOL_BITS;
    uint64_t last = (block->address + block->size - 1) >> MT_POOL_BITS;
    if (last - first > PIECES_MAX)
        return 0; /* no device has so much */
    for (uint64_t piece = first; piece <= last; piece++)
        if (!mt_dict_add(&device->pieces, piece))
            return MT_ERR_MEMORY;
    return 0;
}

/* What lives in a context is dead when its end begins, and given back before that is over. */
static unsigned cause_of(uint64_t why)
{
    return why == MT_UPKEEP_MODULE        ? MT_CAUSE(MODULES)
           : why == MT_UPKEEP_PROFILER    ? MT_CAUSE(PROFILERS)
           : why == MT_UPKEEP_CONTEXT_END ? MT_CAUSE(CONTEXT) | MT_CAUSE_CONTEXT_ENDED
                                          : MT_CAUSE(CONTEXT);
}

/* A call that lasts is a cause at every sample until its thread says that it is done. */
static int note_upkeep(struct state *state, const struct mt_ev_upkeep *event, uint32_t thread)
{
    uint64_t why = event->why < WHYS ? event->why : 0, key = thread * WHYS + why;
    cause(state, cause_of(why));
    size_t known = state->under_way.size;
    if (event->begins && !mt_dict_add(&state->under_way, key))
        return MT_ERR_MEMORY;
    state->calls[why] += state->under_way.size - known;
    if (!event->begins && mt_dict_remove(&state->under_way, key))
        state->calls[why]--;
    return 0;
}

static unsigned causes_under_way(const struct state *state)
{
    unsigned causes = 0;
    for (uint64_t why = 0; why < WHYS; why++)
        causes |= state->calls[why] ? cause_of(why) : 0;
    return causes;
}

/* Its memory is taken when it is made, or when it is launched first. */
static int note_graph(struct state *state, uint64_t handle, bool launch)
{
    if (launch && !mt_dict_remove(&state->fresh, handle))
        return 0;
    if (!launch && !mt_dict_add(&state->fresh, handle))
        return MT_ERR_MEMORY;
    cause(state, MT_CAUSE(GRAPHS));
    return 0;
}

static int note(struct state *state, const struct mt_record *record, uint32_t thread)
{
#define AS(name) ((const struct mt_ev_##name *)(const void *)record->word)
    switch (record->kind) {
    case MT_kernel:
    case MT_global:
        cause(state, MT_CAUSE(MODULES));
        return 0;
    case MT_communicator: /* NCCL loads its kernels with the first, before it launches any */
        if (AS(communicator)->ranks)
            cause(state, MT_CAUSE(MODULES));
        return 0;
    case MT_create:
        return note_library(state, AS(create)->library);
    case MT_context_end:
        state->device[mt_model_device(AS(context_end)->device)].causes |= MT_CAUSE_CONTEXT_ENDED;
        return 0;
    case MT_graph:
        return note_graph(state, AS(graph)->graph, false);
    case MT_graph_launch:
        return note_graph(state, AS(graph_launch)->graph, true);
    default:
        return note_upkeep(state, AS(upkeep), thread);
    }
#undef AS
}

/* ---- a sample ---- */

static void take_recorded(struct moment *moment, const struct mt_takings *takings)
{
    moment->blocks = (int64_t)takings->blocks;
    moment->blocks_count = takings->blocks_count;
    moment->slack = (int64_t)takings->slack;
    moment->segments = takings->segments;
    moment->driver = (int64_t)takings->driver;
    moment->unmapped = (int64_t)takings->unmapped;
    moment->rounding = (int64_t)((takings->plain_pages << MT_PAGE_BITS) - takings->plain);
    memcpy(moment->taker, takings->taker, sizeof moment->taker);
    moment->takers = takings->takers;
}

/* What is known of this process alone: what it takes beyond what it asked for. */
static void lay(struct device *device, struct moment *moment, const struct mt_takings *takings)
{
    struct mt_upkeep *upkeep = &device->upkeep;
    bool first = !upkeep->seen;
    int64_t before = mt_upkeep_sum_before(upkeep);
    int64_t rest = moment->total - mt_takings_certain(takings);
    int64_t pools = mt_takings_pools(takings, rest, before, device->pieces.size, first);
    int64_t managed = first ? 0 : mt_takings_managed(takings, rest - pools, before);
    mt_upkeep_set(upkeep, rest - pools - managed, device->causes);
    device->causes = 0;
    moment->pools = pools - (int64_t)takings->pooled;
    moment->managed = managed - (int64_t)takings->managed;
    moment->context = upkeep->part[MT_OWN_CONTEXT];
    moment->modules = upkeep->part[MT_OWN_MODULES];
    moment->graphs = upkeep->part[MT_OWN_GRAPHS];
    moment->profilers = upkeep->part[MT_OWN_PROFILERS];
}

static int64_t sum(const struct moment *moment)
{
    int64_t bytes = 0;
#define PART(name, basis) bytes += moment->name;
#include "analysis/accounting/parts.def"
    return bytes;
}

/* Where only the device's sum is known, pools and managed memory count with what lives in them. */
static void look(struct state *state, uint32_t index, const struct mt_ev_usage *event,
                 struct moment *moment)
{
    struct mt_takings takings = {0};
    mt_takings_add(&takings, state->run->model, index);
    take_recorded(moment, &takings);
    bool device = event->how == MT_USAGE_DEVICE;
    moment->total = (int64_t)(device ? event->used_bytes : event->process_bytes);
    if (!device)
        lay(&state->device[index], moment, &takings);
    *(device ? &moment->others : &moment->unattributed) = moment->total - sum(moment);
}

/* Samples that tell what this process takes and such that tell of all are not compared. */
static bool is_better(const struct moment *moment, const struct moment *than)
{
    bool own = moment->how != MT_USAGE_DEVICE;
    return !than->there || own > (than->how != MT_USAGE_DEVICE);
}

static bool is_worse(const struct moment *moment, const struct moment *than)
{
    return than->there && is_better(than, moment);
}

static int put_sample(struct state *state, uint32_t index, const struct moment *moment);

static int sample(struct state *state, const struct mt_record *record)
{
    const struct mt_ev_usage *event = (const void *)record->word;
    uint32_t index = mt_model_device(event->device);
    struct device *device = &state->device[index];
    struct moment now = {.there = true, .time_ns = record->time, .how = event->how};
    device->causes |= causes_under_way(state);
    look(state, index, event, &now);
    if (!is_worse(&now, &device->end))
        device->end = now;
    if (is_better(&now, &device->peak) ||
        (!is_worse(&now, &device->peak) && now.total > device->peak.total))
        device->peak = now;
    return state->samples ? put_sample(state, index, &now) : 0;
}

static int accounting_event(void *data, const struct mt_record *record, uint32_t thread)
{
    return record->kind == MT_usage ? sample(data, record) : note(data, record, thread);
}

/* ---- rows ---- */

static struct mt_value known_by(const struct moment *moment)
{
    static const char *const names[] = {"device", "process", "alone"};
    return mt_text(moment->how < 3 ? names[moment->how] : "?");
}

static int put_sample(struct state *state, uint32_t index, const struct moment *moment)
{
    struct mt_value cell[MT_COLS_samples];
#define CELL(name) cell[MT_COL_samples_##name]
    CELL(time_ns) = mt_uint(moment->time_ns);
    CELL(device) = mt_device_value(index);
#define PART(name, basis) CELL(name##_bytes) = mt_int(moment->name);
#include "analysis/accounting/parts.def"
    CELL(total_bytes) = mt_int(moment->total);
    CELL(known_by) = known_by(moment);
    CELL(trace) = mt_uint(state->run->trace_index);
#undef CELL
    return state->samples->row(state->samples, &mt_table_samples, cell);
}

struct row {
    struct state *state;
    uint32_t device;
    const char *name;
    const struct moment *moment;
};

struct cells {
    const char *what, *basis, *library;
    int64_t bytes;
    struct mt_value count;
};

static int put(const struct row *row, const struct cells *is)
{
    struct mt_value cell[MT_COLS_accounting];
    struct state *state = row->state;
#define CELL(name) cell[MT_COL_accounting_##name]
    CELL(device) = mt_device_value(row->device);
    CELL(moment) = mt_text(row->name);
    CELL(time_ns) = mt_uint(row->moment->time_ns);
    CELL(what) = mt_text(is->what);
    CELL(library) = mt_text(is->library);
    CELL(size_bytes) = mt_int(is->bytes);
    CELL(count) = is->count;
    CELL(known_by) = known_by(row->moment);
    CELL(basis) = mt_text(is->basis);
    CELL(trace) = mt_uint(state->run->trace_index);
#undef CELL
    return state->sink->row(state->sink, &mt_table_accounting, cell);
}

static int put_taker(const struct row *row, const struct mt_taker *taker)
{
    const char *name =
        taker->library ? mt_trace_string(row->state->run->trace, taker->library) : NULL;
    bool nccl = name && strncmp(name, "libnccl", 7) == 0;
    return put(row, &(struct cells){nccl ? "nccl" : "driver", "recorded", name,
                                    (int64_t)taker->bytes, mt_uint(taker->count)});
}

static int compare(const void *a, const void *b)
{
    const struct mt_taker *left = a, *right = b;
    return left->bytes != right->bytes
               ? (left->bytes < right->bytes ? 1 : -1)
               : (left->library > right->library) - (left->library < right->library);
}

static int put_takers(const struct row *row)
{
    for (uint32_t i = 0; i < row->moment->takers; i++)
        RETURN_IF_ERROR(put_taker(row, &row->moment->taker[i]));
    return 0;
}

/* These are there whatever they are; others where they are not nothing. */
static bool is_always(const char *what, uint64_t how)
{
    static const char *const own[] = {"context", "modules", "unattributed"};
    if (strcmp(what, "blocks") == 0 || strcmp(what, "slack") == 0 || strcmp(what, "rounding") == 0)
        return true;
    if (how == MT_USAGE_DEVICE)
        return strcmp(what, "others") == 0;
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(what, own[i]) == 0)
            return true;
    return false;
}

static int put_part(const struct row *row, const char *what, const char *basis, int64_t bytes)
{
    const struct moment *m = row->moment;
    struct mt_value count = strcmp(what, "blocks") == 0  ? mt_uint(m->blocks_count)
                            : strcmp(what, "slack") == 0 ? mt_uint(m->segments)
                                                         : mt_null();
    if (strcmp(what, "driver") == 0)
        return put_takers(row);
    if (bytes == 0 && !is_always(what, m->how))
        return 0;
    return put(row, &(struct cells){what, basis, NULL, bytes, count});
}

static int put_moment(struct state *state, uint32_t device, const char *name, struct moment *moment)
{
    const struct row row = {state, device, name, moment};
    if (!moment->there)
        return 0;
    qsort(moment->taker, moment->takers, sizeof moment->taker[0], compare);
#define PART(name, basis) RETURN_IF_ERROR(put_part(&row, #name, #basis, moment->name));
#include "analysis/accounting/parts.def"
    return put(&row, &(struct cells){"total", "measured", NULL, moment->total, mt_null()});
}

static int accounting_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    (void)end_ns;
    for (uint32_t i = 0; state->sink && i < MT_DEVICES; i++) {
        RETURN_IF_ERROR(put_moment(state, i, "peak", &state->device[i].peak));
        RETURN_IF_ERROR(put_moment(state, i, "end", &state->device[i].end));
    }
    return 0;
}

const struct mt_pass mt_pass_accounting = {
    .name = "accounting",
    .tables = (const struct mt_table *const[]){&mt_table_accounting, &mt_table_samples, NULL},
    .kinds = MT_KIND_BIT(usage) | MT_KIND_BIT(kernel) | MT_KIND_BIT(communicator) |
             MT_KIND_BIT(create) | MT_KIND_BIT(context_end) | MT_KIND_BIT(graph) |
             MT_KIND_BIT(graph_launch) | MT_KIND_BIT(upkeep) | MT_KIND_BIT(global),
    .new = accounting_new,
    .free = accounting_free,
    .event = accounting_event,
    .birth = accounting_birth,
    .finish = accounting_finish,
};
