/* Blocks by who asked for them. The site of a stack is found when its first block is born: a
 * line's most bytes at a time cannot be had from those of its stacks afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/answers/tables.h"
#include "analysis/engine/pass.h"
#include "analysis/measures/sitebook.h"
#include "analysis/measures/stackset.h"
#include "model/words.h"

struct state {
    const struct mt_run *run;
    struct mt_sink *sink;
    struct mt_stackset stacks;
    struct mt_groups *groups;        /* by stack */
    uint32_t known;                  /* stacks whose groups are known */
    uint32_t last_stack, last_index; /* of the last birth, if any is known */
    uint32_t *site_of_module;        /* a site of each module */
    uint32_t modules;
    struct mt_sitebook book;
};

/* Driver memory without a stack goes by the library that asked for it, where that is known: as if
 * each had one stack, of a number that no stack has. */
#define OF_LIBRARY (UINT32_C(1) << 31)

static uint32_t stack_of(const struct mt_block *block)
{
    return block->stack || !block->library ? block->stack : OF_LIBRARY | block->library;
}

static bool is_stackless(uint32_t stack)
{
    return stack == 0 || stack & OF_LIBRARY;
}

/* A row before it is written. */
struct row {
    const struct mt_tally *tally;
    enum mt_grouping by;
    uint32_t device, group;
    uint32_t library; /* string: of blocks without a stack, 0: not known */
};

static void *sites_new(const struct mt_run *run)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->run = run;
    state->sink = run->sink(run, &mt_table_sites);
    return state;
}

static void sites_free(void *data)
{
    struct state *state = data;
    mt_sitebook_release(&state->book);
    mt_stackset_release(&state->stacks);
    free(state->groups);
    free(state->site_of_module);
    free(state);
}

static bool note_module(struct state *state, uint32_t module, uint32_t site)
{
    if (module < state->modules)
        return true;
    uint32_t *more = realloc(state->site_of_module, (module + 1) * sizeof *more);
    if (!more)
        return false;
    state->site_of_module = more;
    more[module] = site;
    state->modules = module + 1;
    return true;
}

static bool find_groups(struct state *state, uint32_t stack, struct mt_groups *groups)
{
    uint32_t site = mt_stacks_site(state->run->stacks, is_stackless(stack) ? 0 : stack);
    if (site == MT_NO_SITE)
        return false;
    uint32_t module = mt_stacks_site_at(state->run->stacks, site)->module_number;
    /* Blocks without a stack are one group in every way. */
    groups->n = is_stackless(stack) ? 1 : MT_BY_GROUPS;
    groups->group[MT_BY_GROUP_LINE] = site;
    groups->group[MT_BY_GROUP_MODULE] = module;
    return note_module(state, module, site);
}

static const struct mt_groups *groups_of(struct state *state, uint32_t stack)
{
    if (state->known && state->last_stack == stack)
        return &state->groups[state->last_index];
    uint32_t index = mt_stackset_index(&state->stacks, stack);
    if (index == UINT32_MAX)
        return NULL;
    state->last_stack = stack;
    state->last_index = index;
    if (index < state->known)
        return &state->groups[index];
    struct mt_groups *more = realloc(state->groups, state->stacks.room * sizeof *more);
    if (!more)
        return NULL;
    state->groups = more;
    more[index].group[MT_BY_GROUP_STACK] = index;
    if (!find_groups(state, stack, &more[index]))
        return NULL;
    state->known = index + 1;
    return &more[index];
}

static int sites_birth(void *data, const struct mt_block *block)
{
    struct state *state = data;
    const struct mt_groups *groups = groups_of(state, stack_of(block));
    return groups ? mt_sitebook_birth(&state->book, block, groups) : MT_ERR_MEMORY;
}

static int sites_resize(void *data, const struct mt_block *block)
{
    struct state *state = data;
    return mt_sitebook_resize(&state->book, block);
}

static int sites_death(void *data, const struct mt_block *block)
{
    struct state *state = data;
    return mt_sitebook_death(&state->book, block,
                             block->death_ns != UINT64_MAX ? block->death_ns
                                                           : mt_model_now(state->run->model));
}

static int sites_usage(void *data, uint32_t device, const struct mt_usage *usage, uint64_t time_ns)
{
    struct state *state = data;
    (void)time_ns;
    mt_sitebook_usage(&state->book, device, usage);
    return 0;
}

/* ---- rows ---- */

#define CELL(name) cell[MT_COL_sites_##name]
#define LIBRARY_BYTES 256

static const char *grouping_word(enum mt_grouping by)
{
#define WORD(suffix, name, doc) [MT_BY_GROUP_##suffix] = name,
    static const char *const words[] = {MT_GROUPINGS(WORD)};
#undef WORD
    return words[by];
}

static const struct mt_site *site_of(const struct state *state, const struct row *row)
{
    uint32_t site = row->by == MT_BY_GROUP_STACK ? state->groups[row->group].group[MT_BY_GROUP_LINE]
                    : row->by == MT_BY_GROUP_LINE ? row->group
                                                  : state->site_of_module[row->group];
    return mt_stacks_site_at(state->run->stacks, site);
}

/* Of a library nothing but its name is known; `text` holds it as long as the row is written. */
static void fill_library(const struct state *state, const struct row *row, struct mt_value *cell,
                         char text[LIBRARY_BYTES])
{
    const char *library = mt_trace_string(state->run->trace, row->library);
    bool module = row->by == MT_BY_GROUP_MODULE;
    library = library ? library : "(name lost)";
    snprintf(text, LIBRARY_BYTES, "%s%s", library, module ? "" : " (no stack)");
    CELL(site) = mt_text(text);
    CELL(module) = mt_text(library);
    CELL(stack_id) = CELL(function) = CELL(file) = CELL(line) = mt_null();
}

static void fill_site(const struct state *state, const struct row *row, struct mt_value *cell)
{
    const struct mt_site *site = site_of(state, row);
    bool module = row->by == MT_BY_GROUP_MODULE;
    const char *slash = site->module ? strrchr(site->module, '/') : NULL;
    CELL(site) = mt_text(!module || !site->module ? site->text : slash ? slash + 1 : site->module);
    CELL(stack_id) =
        row->by == MT_BY_GROUP_STACK ? mt_stack_value(state->stacks.id[row->group]) : mt_null();
    CELL(function) = mt_text(module ? NULL : site->function);
    CELL(file) = mt_text(module ? NULL : site->file);
    CELL(line) = module || !site->line ? mt_null() : mt_uint(site->line);
    CELL(module) = mt_text(site->module);
}

static int put_row(const struct state *state, const struct row *row)
{
    struct mt_value cell[MT_COLS_sites];
    const struct mt_tally *tally = row->tally;
    char text[LIBRARY_BYTES];
    CELL(by) = mt_text(grouping_word(row->by));
    if (row->library)
        fill_library(state, row, cell, text);
    else
        fill_site(state, row, cell);
    CELL(device) = mt_device_value(row->device);
    CELL(at_peak_bytes) = mt_uint(tally->at_peak_bytes);
    CELL(at_peak_blocks) = mt_uint(tally->at_peak);
    CELL(peak_bytes) = mt_uint(tally->peak_bytes);
    CELL(blocks) = mt_uint(tally->blocks);
    CELL(allocated_bytes) = mt_uint(tally->allocated_bytes);
    CELL(mean_lifetime_ns) =
        tally->blocks ? mt_uint((uint64_t)(tally->lifetime_ns / (double)tally->blocks)) : mt_null();
    CELL(accesses) = mt_uint(tally->accesses);
    CELL(alive_at_end) = mt_uint(tally->survivors);
    CELL(trace) = mt_uint(state->run->trace_index);
    return state->sink->row(state->sink, &mt_table_sites, cell);
}

/* What is left is the order of first sight, so that reports can be compared. */
static int compare(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->tally->at_peak_bytes != right->tally->at_peak_bytes)
        return left->tally->at_peak_bytes > right->tally->at_peak_bytes ? -1 : 1;
    if (left->tally->allocated_bytes != right->tally->allocated_bytes)
        return left->tally->allocated_bytes > right->tally->allocated_bytes ? -1 : 1;
    if (left->device != right->device)
        return left->device < right->device ? -1 : 1;
    if (left->group != right->group)
        return left->group < right->group ? -1 : 1;
    return left->library < right->library ? -1 : left->library > right->library;
}

/* A group if it has blocks; with `rows` NULL it is only counted. */
static size_t add_row(const struct mt_tally *tally, struct row *rows, size_t n, struct row row)
{
    row.tally = tally;
    if (tally && rows)
        rows[n] = row;
    return n + (tally != NULL);
}

/* Blocks without a stack are told as groups of stacks only. */
static size_t add_stackless(struct state *state, enum mt_grouping by, uint32_t device,
                            struct row *rows, size_t n)
{
    for (uint32_t i = 0; i < state->stacks.size; i++)
        if (is_stackless(state->stacks.id[i]))
            n = add_row(mt_sitebook_tally(&state->book, MT_BY_GROUP_STACK, device, i), rows, n,
                        (struct row){NULL, by, device, state->groups[i].group[by],
                                     state->stacks.id[i] & ~OF_LIBRARY});
    return n;
}

static uint32_t library_of(const struct state *state, enum mt_grouping by, uint32_t group)
{
    uint32_t stack = by == MT_BY_GROUP_STACK ? state->stacks.id[group] : 0;
    return stack & OF_LIBRARY ? stack & ~OF_LIBRARY : 0;
}

/* Every group with blocks, on every device. */
static size_t collect(struct state *state, enum mt_grouping by, struct row *rows)
{
    size_t n = 0;
    for (uint32_t device = 0; device < MT_DEVICES; device++) {
        for (uint32_t group = 0; group < state->book.of[by][device].n; group++) {
            const struct mt_tally *tally = mt_sitebook_tally(&state->book, by, device, group);
            struct row row = {NULL, by, device, group, tally ? library_of(state, by, group) : 0};
            n = add_row(tally, rows, n, row);
        }
        if (by != MT_BY_GROUP_STACK)
            n = add_stackless(state, by, device, rows, n);
    }
    return n;
}

static int put_rows(struct state *state, enum mt_grouping by)
{
    size_t n = collect(state, by, NULL);
    struct row *rows = calloc(n + 1, sizeof *rows);
    int code = rows ? 0 : MT_ERR_MEMORY;
    if (rows) {
        collect(state, by, rows);
        qsort(rows, n, sizeof *rows, compare);
    }
    for (size_t i = 0; code == 0 && i < n; i++)
        code = put_row(state, &rows[i]);
    free(rows);
    return code;
}

static int sites_finish(void *data, uint64_t end_ns)
{
    struct state *state = data;
    bool any = false;
    (void)end_ns;
    for (uint32_t i = 0; !any && i < state->stacks.size; i++)
        any = !is_stackless(state->stacks.id[i]);
    for (uint32_t by = 0; any && by < MT_BY_GROUPS; by++)
        RETURN_IF_ERROR(put_rows(state, (enum mt_grouping)by));
    return 0;
}

const struct mt_pass mt_pass_sites = {
    .name = "sites",
    .tables = (const struct mt_table *const[]){&mt_table_sites, NULL},
    .new = sites_new,
    .free = sites_free,
    .birth = sites_birth,
    .resize = sites_resize,
    .death = sites_death,
    .usage = sites_usage,
    .finish = sites_finish,
};
