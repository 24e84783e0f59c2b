/* Graphs: a definition is kept as the records of its nodes, and a launch replays them, in order and
 * at the time of the launch.
 *
 * Most graphs are launched again and again while what they touch lives on. So a launch that changes
 * nothing in the address space leaves a trail: what it did to which blocks, and what it added to
 * the counts. As long as nothing was born or has died since, or at least every block of the trail
 * is still the same one, the next launch follows the trail and looks nothing up. */
#include "model/model_state.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX (1u << 24)

/* ---- definitions ---- */

static void free_graph(struct mt_graph *graph)
{
    for (uint32_t i = 0; i < graph->told; i++)
        free(graph->node[i]);
    free(graph->node);
    free(graph->disabled);
    free(graph->trail.step);
    free(graph);
}

void mt_graphs_release(struct mt_graphs *graphs)
{
    for (uint32_t i = 0; i < graphs->size; i++)
        if (graphs->graph[i])
            free_graph(graphs->graph[i]);
    free(graphs->graph);
    mt_dict_release(&graphs->by_handle);
}

static struct mt_graph *find(struct mt_model *model, uint64_t handle)
{
    const uint64_t *place = mt_dict_find(&model->graphs.by_handle, handle);
    return place ? model->graphs.graph[*place - 1] : NULL;
}

static void close_opening(struct mt_graphs *graphs, uint32_t i)
{
    graphs->opening[i] = graphs->opening[--graphs->openings];
}

static void drop(struct mt_model *model, uint64_t handle)
{
    struct mt_graphs *graphs = &model->graphs;
    const uint64_t *place = mt_dict_find(&graphs->by_handle, handle);
    if (!place)
        return;
    struct mt_graph *graph = graphs->graph[*place - 1];
    for (uint32_t i = graphs->openings; i-- > 0;)
        if (graphs->opening[i].graph == graph)
            close_opening(graphs, i);
    graphs->graph[*place - 1] = NULL;
    mt_dict_remove(&graphs->by_handle, handle);
    free_graph(graph);
}

/* A free place; UINT32_MAX where memory is out. */
static uint32_t place_for(struct mt_graphs *graphs)
{
    for (uint32_t i = 0; i < graphs->size; i++)
        if (!graphs->graph[i])
            return i;
    if (graphs->size == graphs->room) {
        uint32_t room = graphs->room ? graphs->room * 2 : 16;
        struct mt_graph **graph = realloc(graphs->graph, room * sizeof(struct mt_graph *));
        if (!graph)
            return UINT32_MAX;
        graphs->graph = graph;
        graphs->room = room;
    }
    return graphs->size++;
}

static struct mt_graph *add(struct mt_model *model, uint64_t handle)
{
    struct mt_graphs *graphs = &model->graphs;
    struct mt_graph *graph = calloc(1, sizeof *graph);
    uint32_t place = graph ? place_for(graphs) : UINT32_MAX;
    if (place == UINT32_MAX) {
        free(graph);
        return NULL;
    }
    graphs->graph[place] = NULL; /* stays free, should the next step fail */
    uint64_t *known = mt_dict_add(&graphs->by_handle, handle);
    if (!known) {
        free(graph);
        return NULL;
    }
    *known = place + 1;
    graphs->graph[place] = graph;
    return graph;
}

static void open(struct mt_model *model, struct mt_graph *graph, uint32_t first, uint64_t n,
                 uint32_t thread)
{
    struct mt_graphs *graphs = &model->graphs;
    if (n == 0)
        return;
    if (graphs->openings == MT_OPENINGS_MAX)
        close_opening(graphs, 0);
    graphs->opening[graphs->openings++] = (struct mt_opening){thread, graph, first, (uint32_t)n};
}

static void abandon(struct mt_model *model, uint32_t i)
{
    model->counts.graphs_partial += !(model->graphs.opening[i].graph->flags & MT_GRAPH_PARTIAL);
    model->graphs.opening[i].graph->flags |= MT_GRAPH_PARTIAL;
    close_opening(&model->graphs, i);
}

/* A definition that this thread did not bring to its end. */
static void abandon_open(struct mt_model *model, uint32_t thread)
{
    for (uint32_t i = model->graphs.openings; i-- > 0;)
        if (model->graphs.opening[i].thread == thread)
            abandon(model, i);
}

void mt_graph_define(struct mt_model *model, const struct mt_ev_graph *event, uint32_t thread)
{
    abandon_open(model, thread);
    drop(model, event->graph);
    if (event->nodes > NODES_MAX) {
        model->counts.invalid_records++;
        return;
    }
    struct mt_graph *graph = add(model, event->graph);
    if (!graph) {
        mt_model_note(model, MT_ERR_MEMORY);
        return;
    }
    graph->handle = event->graph;
    graph->id = event->id;
    graph->flags = event->flags;
    graph->nodes = (uint32_t)event->nodes;
    model->counts.graphs++;
    model->counts.graph_nodes += event->nodes;
    model->counts.graphs_partial += (event->flags & MT_GRAPH_PARTIAL) != 0;
    model->counts.graphs_device += (event->flags & MT_GRAPH_DEVICE) != 0;
    open(model, graph, 0, event->nodes, thread);
}

void mt_graph_update(struct mt_model *model, const struct mt_ev_graph_update *event,
                     uint32_t thread)
{
    struct mt_graph *graph = find(model, event->graph);
    abandon_open(model, thread);
    model->counts.graph_updates++;
    if (!graph || event->first >= graph->nodes || event->nodes > graph->nodes - event->first) {
        model->counts.invalid_records += graph != NULL;
        /* They are not done now, whatever they are nodes of. */
        if (!graph && event->nodes <= NODES_MAX)
            open(model, NULL, 0, event->nodes, thread);
        return;
    }
    graph->trail.valid = false;
    if (event->state != MT_NODE_KEEPS && event->first < graph->told)
        graph->disabled[event->first] = event->state == MT_NODE_DISABLED;
    open(model, graph, (uint32_t)event->first, event->nodes, thread);
}

void mt_graph_end(struct mt_model *model, uint64_t handle)
{
    drop(model, handle);
}

/* ---- nodes ---- */

static bool make_room(struct mt_graph *graph)
{
    if (graph->told < graph->room)
        return true;
    uint32_t room = graph->room ? graph->room * 2 : 16;
    struct mt_record **node = realloc(graph->node, room * sizeof(struct mt_record *));
    if (!node)
        return false;
    graph->node = node;
    uint8_t *disabled = realloc(graph->disabled, room);
    if (!disabled)
        return false;
    graph->disabled = disabled;
    graph->room = room;
    return true;
}

/* `record` may be NULL: it was lost. */
static bool put_node(struct mt_graph *graph, uint32_t i, const struct mt_record *record)
{
    size_t size = record ? mt_record_size(record) : 0;
    struct mt_record *node = record ? malloc(size) : NULL;
    if (record && !node)
        return false;
    if (record)
        memcpy(node, record, size);
    if (i < graph->told) {
        free(graph->node[i]);
        graph->node[i] = node;
        return true;
    }
    if (!make_room(graph)) {
        free(node);
        return false;
    }
    graph->disabled[graph->told] = false;
    graph->node[graph->told++] = node;
    return true;
}

#define AS_EVENT(name, record) ((const struct mt_ev_##name *)(const void *)(record)->word)

static bool is_node(const struct mt_record *record)
{
    switch (record->kind) {
    case MT_launch:
        return record->word[2] & MT_LAUNCH_NODE;
    case MT_collective:
        return AS_EVENT(collective, record)->flags & MT_COLLECTIVE_NODE;
    case MT_copy:
    case MT_copy_rect:
    case MT_set:
    case MT_alloc:
    case MT_free:
        return true;
    default:
        return false;
    }
}

/* What the recorder tells of itself may come at any time. */
static bool is_fact(const struct mt_record *record)
{
    return record->kind < MT_alloc && record->kind != MT_lost;
}

static void take_node(struct mt_model *model, struct mt_opening *opening,
                      const struct mt_record *record)
{
    if (opening->graph && !put_node(opening->graph, opening->next, record))
        mt_model_note(model, MT_ERR_MEMORY);
    opening->next++;
    opening->left--;
}

/* Events that were lost in the midst of a definition were nodes, as far as it goes. */
static void lose_nodes(struct mt_model *model, struct mt_opening *opening, uint64_t lost)
{
    struct mt_graph *graph = opening->graph;
    if (graph && lost && !(graph->flags & MT_GRAPH_PARTIAL)) {
        graph->flags |= MT_GRAPH_PARTIAL;
        model->counts.graphs_partial++;
    }
    for (; lost && opening->left; lost--)
        take_node(model, opening, NULL);
}

bool mt_graph_take(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    struct mt_graphs *graphs = &model->graphs;
    uint32_t i = 0;
    while (i < graphs->openings && graphs->opening[i].thread != thread)
        i++;
    if (i == graphs->openings || is_fact(record))
        return false;
    struct mt_opening *opening = &graphs->opening[i];
    bool taken = is_node(record);
    if (taken)
        take_node(model, opening, record);
    else if (record->kind == MT_lost)
        lose_nodes(model, opening, record->word[0]);
    else if (opening->graph)
        abandon(model, i);
    else
        close_opening(graphs, i);
    if (i < graphs->openings && graphs->opening[i].thread == thread && graphs->opening[i].left == 0)
        close_opening(graphs, i);
    return taken;
}

/* ---- launches ---- */

static void add_step(struct mt_model *model, const struct mt_trail_step *step)
{
    struct mt_trail *trail = model->graphs.trail;
    if (trail->steps == trail->room) {
        size_t room = trail->room ? trail->room * 2 : 64;
        struct mt_trail_step *steps = realloc(trail->step, room * sizeof *steps);
        if (!steps) {
            mt_model_note(model, MT_ERR_MEMORY);
            return;
        }
        trail->step = steps;
        trail->room = room;
    }
    trail->step[trail->steps] = *step;
    trail->step[trail->steps++].node = model->graphs.node;
}

void mt_trail_access(struct mt_model *model, const struct mt_block *block,
                     const struct mt_access *access)
{
    if (model->graphs.trail)
        add_step(model, &(struct mt_trail_step){.offset = access->offset,
                                                .size = access->size,
                                                .block_id = block->id,
                                                .slot = block->slot,
                                                .what = MT_STEP_ACCESS,
                                                .kind = (uint8_t)access->kind});
}

void mt_trail_stale(struct mt_model *model, uint32_t slot, uint64_t address)
{
    if (model->graphs.trail)
        add_step(model, &(struct mt_trail_step){.block_id = model->block[slot].id,
                                                .address = address,
                                                .slot = slot,
                                                .what = MT_STEP_STALE});
}

void mt_trail_launched(struct mt_model *model)
{
    if (model->graphs.trail)
        add_step(model, &(struct mt_trail_step){.what = MT_STEP_LAUNCHED});
}

void mt_trail_strict(struct mt_model *model)
{
    if (model->graphs.trail)
        model->graphs.trail->strict = true;
}

/* An allocation node whose memory was not freed since frees it by itself, if it may run at all. */
static void do_alloc_node(struct mt_model *model, const struct mt_ev_alloc *event, uint32_t thread)
{
    uint32_t slot = mt_driver_at(model, event->address);
    if (slot && model->block[slot].address == event->address)
        mt_driver_died(model, slot);
    mt_do_alloc(model, event, thread);
}

#define AS(name) ((struct mt_ev_##name *)(void *)node->word)

static void do_node(struct mt_model *model, struct mt_record *node, uint64_t stream,
                    uint32_t thread)
{
    switch (node->kind) {
    case MT_launch:
        AS(launch)->stream = stream;
        mt_touch_launch(model, node, thread);
        break;
    case MT_copy:
        AS(copy)->stream = stream;
        mt_touch_copy(model, AS(copy), thread);
        break;
    case MT_copy_rect:
        AS(copy_rect)->stream = stream;
        mt_touch_copy_rect(model, AS(copy_rect), thread);
        break;
    case MT_set:
        AS(set)->stream = stream;
        mt_touch_set(model, AS(set), thread);
        break;
    case MT_collective:
        AS(collective)->stream = stream;
        mt_touch_collective(model, AS(collective), thread);
        break;
    case MT_alloc:
        AS(alloc)->stream = stream;
        do_alloc_node(model, AS(alloc), thread);
        break;
    default:
        AS(free)->stream = stream;
        mt_do_free(model, AS(free));
        break;
    }
}

/* Counts are words, all of them. */
static void add_counts(struct mt_counts *to, const struct mt_counts *counts, bool negative)
{
    uint64_t *word = (uint64_t *)to;
    const uint64_t *add = (const uint64_t *)counts;
    for (size_t i = 0; i < sizeof *to / sizeof *word; i++)
        word[i] += negative ? 0 - add[i] : add[i];
}

static void do_nodes(struct mt_model *model, struct mt_graph *graph,
                     const struct mt_ev_graph_launch *event, uint32_t thread)
{
    struct mt_trail *trail = &graph->trail;
    struct mt_counts before = model->counts;
    uint64_t generation = model->generation, id = model->next_id;
    trail->steps = 0;
    trail->strict = false;
    model->graphs.now = graph->id;
    model->graphs.trail = trail;
    for (uint32_t i = 0; i < graph->told; i++) {
        model->graphs.node = i;
        if (graph->node[i] && !graph->disabled[i])
            do_node(model, graph->node[i], event->stream, thread);
    }
    model->graphs.trail = NULL;
    model->graphs.now = 0;
    trail->counts = model->counts;
    add_counts(&trail->counts, &before, true);
    trail->generation = generation;
    trail->host_generation = model->host_generation;
    /* What gives out or ends memory does so anew each time. */
    trail->valid = model->generation == generation && model->next_id == id;
}

static bool step_holds(struct mt_model *model, const struct mt_trail_step *step)
{
    const struct mt_block *block = &model->block[step->slot];
    if (step->what == MT_STEP_LAUNCHED)
        return true;
    if (block->id != step->block_id || block->state == MT_STATE_FREE)
        return false;
    if (step->what == MT_STEP_ACCESS)
        return block->level != MT_LEVEL_SEGMENT;
    return mt_model_find(model, step->address) == NULL;
}

static bool trail_holds(struct mt_model *model, struct mt_trail *trail)
{
    if (!trail->valid || trail->host_generation != model->host_generation)
        return false;
    if (trail->generation == model->generation)
        return true;
    if (trail->strict)
        return false;
    for (size_t i = 0; i < trail->steps; i++)
        if (!step_holds(model, &trail->step[i]))
            return false;
    trail->generation = model->generation;
    return true;
}

static void again_access(struct mt_model *model, const struct mt_trail_step *step,
                         const struct mt_record *node, struct mt_access *access)
{
    struct mt_block *block = &model->block[step->slot];
    access->offset = step->offset;
    access->size = step->size;
    access->kind = (enum mt_access_kind)step->kind;
    access->kernel = node->word[0]; /* the kernel of a launch, the api of all else */
    access->by = node->kind == MT_launch       ? MT_BY_LAUNCH
                 : node->kind == MT_set        ? MT_BY_SET
                 : node->kind == MT_collective ? MT_BY_NCCL
                                               : MT_BY_COPY;
    mt_touch_add(model, block, access);
}

static void follow_trail(struct mt_model *model, const struct mt_graph *graph,
                         const struct mt_ev_graph_launch *event, uint32_t thread)
{
    struct mt_access access = {
        .time_ns = model->now, .stream = event->stream, .thread = thread, .graph = graph->id};
    uint32_t blocks = 0;
    for (size_t i = 0; i < graph->trail.steps; i++) {
        const struct mt_trail_step *step = &graph->trail.step[i];
        const struct mt_record *node = graph->node[step->node];
        const struct mt_ev_launch *launch = (const struct mt_ev_launch *)(const void *)node->word;
        if (step->what == MT_STEP_STALE) {
            model->block[step->slot].stale_touches++;
        } else if (step->what == MT_STEP_ACCESS) {
            again_access(model, step, node, &access);
            if (step->kind == MT_ACCESS_TOUCH)
                model->touched[blocks++] = &model->block[step->slot];
        } else {
            mt_touch_tell(model, &(struct mt_launch){.time_ns = model->now,
                                                     .kernel = launch->kernel,
                                                     .stream = event->stream,
                                                     .flags = launch->flags,
                                                     .thread = thread,
                                                     .blocks = blocks,
                                                     .block = model->touched,
                                                     .slots = model->slots,
                                                     .graph = graph->id});
            blocks = 0;
        }
    }
}

/* While recording is paused: what else it does was not recorded of other launches either. */
static void do_memory_nodes(struct mt_model *model, const struct mt_graph *graph,
                            const struct mt_ev_graph_launch *event, uint32_t thread)
{
    model->graphs.now = graph->id;
    for (uint32_t i = 0; i < graph->told; i++) {
        struct mt_record *node = graph->node[i];
        if (node && !graph->disabled[i] && (node->kind == MT_alloc || node->kind == MT_free))
            do_node(model, node, event->stream, thread);
    }
    model->graphs.now = 0;
}

void mt_graph_launch(struct mt_model *model, const struct mt_ev_graph_launch *event,
                     uint32_t thread)
{
    struct mt_graph *graph = find(model, event->graph);
    if (model->windows.state == MT_WINDOW_PAUSED) {
        if (graph)
            do_memory_nodes(model, graph, event, thread);
        return;
    }
    model->counts.graph_launches++;
    if (!graph) {
        model->counts.graph_launches_unknown++;
        return;
    }
    if (!trail_holds(model, &graph->trail)) {
        do_nodes(model, graph, event, thread);
        return;
    }
    follow_trail(model, graph, event, thread);
    add_counts(&model->counts, &graph->trail.counts, false);
}
