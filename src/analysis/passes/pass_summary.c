#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"

enum fact {
#define META(key, doc)
#define FACT(key, unit, doc) FACT_##key,
#define DEVICE(key, unit, doc)
#include "analysis/answers/summary.def"
    FACTS,
};

enum device_fact {
#define META(key, doc)
#define FACT(key, unit, doc)
#define DEVICE(key, unit, doc) DEVICE_##key,
#include "analysis/answers/summary.def"
    DEVICE_FACTS,
};

/* Bytes times ns of blocks, by what they did meanwhile. */
struct idle {
    double whole, before, after, never;
};

struct variant {
    char *name;
    uint64_t times;
};

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    uint64_t never_passed; /* events in parts that the reader saw to be damaged before it began */
    uint64_t fact[FACTS];
    struct idle idle;
    struct variant *variant;
    size_t variants;
};

static void *summary_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_summary);
    struct mt_trace_stats stats;
    mt_trace_stats(run->trace, &stats);
    state->never_passed = stats.events_damaged;
    return state;
}

static void summary_free(void *data)
{
    struct state *state = data;
    for (size_t i = 0; i < state->variants; i++)
        free(state->variant[i].name);
    free(state->variant);
    free(state);
}

/* A variant is asked for once a process as a rule, so a list will do. */
static int summary_event(void *data, const struct mt_record *record, uint32_t thread)
{
    struct state *state = data;
    size_t words, i = 0;
    const char *text = (const char *)mt_record_tail(record, &words);
    char *name = strndup(text, words * sizeof(uint64_t));
    (void)thread;
    if (!name)
        return MT_ERR_MEMORY;
    while (i < state->variants && strcmp(state->variant[i].name, name) != 0)
        i++;
    if (i < state->variants) {
        free(name);
    } else {
        struct variant *variant = realloc(state->variant, (i + 1) * sizeof *variant);
        if (!variant) {
            free(name);
            return MT_ERR_MEMORY;
        }
        state->variant = variant;
        state->variant[state->variants++] = (struct variant){name, 0};
    }
    state->variant[i].times++;
    return 0;
}

/* Time of which nothing is known does not count. */
static void add_idle(struct state *state, const struct mt_block *block, uint64_t end)
{
    const struct mt_model *model = state->run->model;
    struct idle *idle = &state->idle;
    double size = (double)block->size;
    double life = size * (double)mt_model_recorded_ns(model, block->birth_ns, end);
    idle->whole += life;
    if (block->accesses == 0) {
        idle->never += life;
        return;
    }
    idle->before +=
        size * (double)mt_model_recorded_ns(model, block->birth_ns, block->first_access_ns);
    idle->after += size * (double)mt_model_recorded_ns(model, block->last_access_ns, end);
}

static int summary_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    bool survived = block->death_ns == UINT64_MAX;
    if (block->level == MT_LEVEL_SEGMENT) {
        state->fact[FACT_segments]++;
        return 0;
    }
    state->fact[FACT_blocks]++;
    state->fact[FACT_blocks_alive_at_end] += survived;
    state->fact[FACT_blocks_never_accessed] += block->accesses == 0;
    if (state->fact[FACT_largest_block_bytes] < block->size)
        state->fact[FACT_largest_block_bytes] = block->size;
    add_idle(state, block, survived ? mt_model_now(state->run->model) : block->death_ns);
    return 0;
}

#define CELL(name) cell[MT_COL_summary_##name]

static int put_text(struct state *state, const char *key, const char *value, enum mt_unit unit,
                    const char *doc)
{
    struct mt_value cell[MT_COLS_summary];
    CELL(key) = mt_text(key);
    CELL(value) = mt_text(value);
    CELL(unit) = mt_text(mt_unit_name(unit));
    CELL(doc) = mt_text(doc);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_summary, cell);
}

static int put_number(struct state *state, const char *key, uint64_t value, enum mt_unit unit,
                      const char *doc)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return put_text(state, key, text, unit, doc);
}

static int put_meta(struct state *state, const char *key, const char *doc)
{
    const char *value = mt_trace_meta(state->run->trace, key);
    return value ? put_text(state, key, value, MT_U_NONE, doc) : 0;
}

/* Shares are kept as a double's bits, so that facts of all units lie in one array. */
static void set_share(struct state *state, enum fact fact, double part)
{
    double share = state->idle.whole > 0 ? part / state->idle.whole : 0;
    memcpy(&state->fact[fact], &share, sizeof share);
}

static int put_fact(struct state *state, const char *key, enum fact fact, enum mt_unit unit,
                    const char *doc)
{
    char text[32];
    double share;
    if (unit != MT_U_SHARE)
        return put_number(state, key, state->fact[fact], unit, doc);
    memcpy(&share, &state->fact[fact], sizeof share);
    snprintf(text, sizeof text, "%.6f", share);
    return put_text(state, key, text, unit, doc);
}

static void fill_facts(struct state *state, uint64_t end_ns)
{
    const struct idle *idle = &state->idle;
    struct mt_trace_stats stats;
    mt_trace_stats(state->run->trace, &stats);
    uint64_t *fact = state->fact;
    fact[FACT_duration_ns] = end_ns;
    fact[FACT_recorded_ns] = mt_model_recorded_ns(state->run->model, 0, end_ns);
    fact[FACT_recorded_from_ns] = mt_model_recorded_from_ns(state->run->model);
    fact[FACT_first_event_ns] = stats.first_ns;
    fact[FACT_events] = stats.events;
    fact[FACT_events_read] =
        mt_trace_position(state->run->trace) - (stats.events_damaged - state->never_passed);
    fact[FACT_events_lost] = stats.events_lost;
    fact[FACT_events_damaged] = stats.events_damaged;
    fact[FACT_events_salvaged] = stats.events_salvaged;
    fact[FACT_threads] = stats.threads;
    fact[FACT_complete] = stats.complete;
    fact[FACT_time_resolution_ns] = stats.quantum_ns;
    fact[FACT_file_bytes] = stats.file_bytes;
    fact[FACT_chunks] = stats.chunks;
    fact[FACT_chunks_damaged] = stats.chunks_damaged;
    fact[FACT_bytes_skipped] = stats.bytes_skipped;
    set_share(state, FACT_share_before_first, idle->before);
    set_share(state, FACT_share_after_last, idle->after);
    set_share(state, FACT_share_never_accessed, idle->never);
    set_share(state, FACT_share_in_use, idle->whole - idle->before - idle->after - idle->never);
}

static void fill_device(struct state *state, uint32_t device, uint64_t fact[DEVICE_FACTS])
{
    const struct mt_usage *usage = mt_model_usage(state->run->model, device);
    char key[48];
    snprintf(key, sizeof key, "device.%u.total_bytes", device);
    const char *total = mt_trace_meta(state->run->trace, key);
    fact[DEVICE_total_bytes] = total ? strtoull(total, NULL, 10) : 0;
    fact[DEVICE_peak_reserved_bytes] = usage->peak_reserved;
    fact[DEVICE_peak_reserved_ns] = usage->peak_reserved_ns;
    fact[DEVICE_peak_allocated_bytes] = usage->peak_allocated;
    fact[DEVICE_peak_allocated_ns] = usage->peak_allocated_ns;
    fact[DEVICE_end_reserved_bytes] = usage->reserved;
    fact[DEVICE_end_allocated_bytes] = usage->allocated;
    fact[DEVICE_end_blocks] = usage->blocks;
    fact[DEVICE_end_segments] = usage->segments;
    fact[DEVICE_allocator_peak_allocated_bytes] = usage->peak_told_allocated;
    fact[DEVICE_allocator_peak_reserved_bytes] = usage->peak_told_reserved;
    fact[DEVICE_allocator_unknown_bytes] = usage->unknown;
}

static int put_device_fact(struct state *state, uint32_t device, const char *name, uint64_t value,
                           enum mt_unit unit, const char *doc)
{
    char key[80];
    if (device == MT_DEVICES - 1)
        snprintf(key, sizeof key, "device.unknown.%s", name);
    else
        snprintf(key, sizeof key, "device.%u.%s", device, name);
    return put_number(state, key, value, unit, doc);
}

static int put_device(struct state *state, uint32_t device)
{
    uint64_t fact[DEVICE_FACTS];
    char key[48];
    fill_device(state, device, fact);
    snprintf(key, sizeof key, "device.%u.name", device);
    RETURN_IF_ERROR(put_meta(state, key, "name of the device"));
#define META(key, doc)
#define FACT(key, unit, doc)
#define DEVICE(name, unit, doc)                                                                    \
    if (DEVICE_##name != DEVICE_total_bytes || fact[DEVICE_##name])                                \
        RETURN_IF_ERROR(                                                                           \
            put_device_fact(state, device, #name, fact[DEVICE_##name], MT_U_##unit, doc));
#include "analysis/answers/summary.def"
    return 0;
}

static int put_counts(struct state *state)
{
    const struct mt_counts *counts = mt_model_counts(state->run->model);
#define COUNT(name, unit, doc)                                                                     \
    RETURN_IF_ERROR(put_number(state, #name, counts->name, MT_U_##unit, doc));
#include "model/counts.def"
    return 0;
}

static int put_variants(struct state *state)
{
    for (size_t i = 0; i < state->variants; i++) {
        char key[128];
        snprintf(key, sizeof key, "variant.%s", state->variant[i].name);
        RETURN_IF_ERROR(put_number(state, key, state->variant[i].times, MT_U_COUNT,
                                   "asked for and not known: its calls are not in the trace"));
    }
    return 0;
}

static int summary_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    fill_facts(state, end_ns);
#define META(key, doc) RETURN_IF_ERROR(put_meta(state, #key, doc));
#define FACT(key, unit, doc) RETURN_IF_ERROR(put_fact(state, #key, FACT_##key, MT_U_##unit, doc));
#define DEVICE(key, unit, doc)
#include "analysis/answers/summary.def"
    for (uint32_t device = 0; device < MT_DEVICES; device++)
        if (mt_model_usage(state->run->model, device)->used)
            RETURN_IF_ERROR(put_device(state, device));
    RETURN_IF_ERROR(put_counts(state));
    return put_variants(state);
}

const struct mt_pass mt_pass_summary = {
    .name = "summary",
    .tables = (const struct mt_table *const[]){&mt_table_summary, NULL},
    .kinds = MT_KIND_BIT(variant),
    .new = summary_new,
    .free = summary_free,
    .event = summary_event,
    .death = summary_death,
    .finish = summary_finish,
};
