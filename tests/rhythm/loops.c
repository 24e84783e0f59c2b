#include "loops.h"

#include <stdlib.h>
#include <string.h>

#include "event/event.h"

#define LAYERS_MAX 64u
#define OUT 0xffffffu /* place of what belongs to no iteration */

enum { API_ALLOC, API_TO_DEVICE, API_TO_HOST, API_SET };

struct layer {
    uint32_t forward[4], backward[4], evaluate; /* kernels */
    uint32_t launches;
    uint64_t bytes, parameter;
};

struct network {
    struct layer layer[LAYERS_MAX];
    uint32_t layers, optimizer[3], loss;
};

struct loops {
    const struct loops_options *options;
    uint64_t random, now, event;
    uint32_t iteration, place, micro;
    uint64_t held[LAYERS_MAX]; /* sizes of activations that are alive */
    uint32_t experts[LAYERS_MAX];
    double stretch;
    uint64_t odd;
    uint32_t written, aside; /* of the four events of the second stream: done */
    uint64_t skip, left; /* events to leave out at the begin; UINT64_MAX: all are written */
};

static uint64_t next_random(struct loops *loops)
{
    uint64_t z = loops->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t below(struct loops *loops, uint32_t n)
{
    return (uint32_t)((next_random(loops) >> 32) * n >> 32);
}

static bool has(const struct loops *loops, enum difficulty difficulty)
{
    return loops->options->difficulties >> difficulty & 1;
}
#define IF(name) has(loops, DIFFICULTY_##name)

static void emit(struct loops *loops, uint16_t thread, enum mt_kind kind, uint32_t what,
                 uint64_t size)
{
    loops->now += 2000 + below(loops, 3000);
    if (loops->skip) {
        loops->skip--;
        return;
    }
    if (loops->left == 0)
        return;
    loops->left--;
    struct mt_symbol symbol = {
        .event = loops->event++,
        .time_ns = loops->now,
        .size = size,
        .what = what,
        .kind = (uint16_t)kind,
        .thread = IF(threads) ? thread : 0,
        .input = kind == MT_copy && what == API_TO_DEVICE,
    };
    loops->options->sink(loops->options->context, &symbol, loops->iteration, loops->place);
    loops->written++;
}

/* Places are numbered by what stands there, so that what comes between does not shift them. */
static void at(struct loops *loops, uint32_t phase, uint32_t layer, uint32_t step)
{
    if (loops->iteration != NO_ITERATION)
        loops->place = phase << 16 | loops->micro << 13 | layer << 6 | step;
}

static void maybe_odd(struct loops *loops)
{
    if (!IF(noise) || below(loops, 20))
        return;
    if (loops->odd)
        emit(loops, 0, MT_block_free, 0, loops->odd);
    loops->odd = 512ull * (1 + below(loops, 5000));
    emit(loops, 0, MT_block_alloc, 0, loops->odd);
}

static uint32_t kernel(const struct loops *loops, uint32_t id, bool late)
{
    return late && IF(recompile) && id % 4 ? id + 5000 : id;
}

static bool is_late(const struct loops *loops)
{
    return loops->iteration != NO_ITERATION && loops->iteration >= loops->options->iterations / 2;
}

static void launch(struct loops *loops, uint16_t thread, uint32_t id)
{
    maybe_odd(loops);
    emit(loops, thread, MT_launch, kernel(loops, id, is_late(loops)), 0);
}

static void make_network(struct loops *loops, struct network *network, uint32_t first)
{
    uint32_t id = first, per_layer = 8;
    network->layers = loops->options->launches / per_layer;
    network->layers = network->layers < 3            ? 3
                      : network->layers > LAYERS_MAX ? LAYERS_MAX
                                                     : network->layers;
    uint32_t scale = loops->options->launches / (network->layers * per_layer);
    for (uint32_t i = 0; i < network->layers; i++) {
        struct layer *layer = &network->layer[i];
        uint32_t kinds = IF(layers) ? 1 : 6, kind = below(loops, kinds);
        for (uint32_t k = 0; k < 4; k++) {
            layer->forward[k] = id + 20 * kind + k;
            layer->backward[k] = id + 20 * kind + 4 + k;
        }
        layer->evaluate = id + 20 * kind + 9;
        layer->launches = scale ? scale : 1;
        layer->bytes = IF(layers) ? 1 << 20 : 4096ull * (1 + below(loops, 400));
        layer->parameter = IF(layers) ? 1 << 18 : 2048ull * (1 + below(loops, 300));
    }
    for (uint32_t k = 0; k < 3; k++)
        network->optimizer[k] = id + 200 + k;
    network->loss = id + 210;
}

static void aside(struct loops *loops)
{
    at(loops, 9, 0, loops->aside);
    switch (loops->aside++) {
    case 0:
        emit(loops, 0, MT_block_alloc, 0, 8192);
        break;
    case 1:
        emit(loops, 0, MT_launch, 980, 0);
        break;
    case 2:
        emit(loops, 0, MT_copy, API_TO_HOST, 8192);
        break;
    default:
        emit(loops, 0, MT_block_free, 0, 8192);
    }
}

/* One after the other, before layers that are drawn; all are done before the last layer. */
static void maybe_aside(struct loops *loops, uint32_t layers_left)
{
    while (IF(streams) && loops->aside < 4 && below(loops, layers_left) < 4 - loops->aside &&
           loops->iteration != NO_ITERATION)
        aside(loops);
}

static uint64_t size_of(const struct loops *loops, uint64_t bytes)
{
    uint64_t size = (uint64_t)((double)bytes * loops->stretch);
    return (size + 511) / 512 * 512;
}

static void input(struct loops *loops)
{
    uint16_t thread = IF(threads) ? 2 : 0;
    at(loops, 1, 0, 0);
    if (loops->micro == 0)
        loops->place = loops->iteration == NO_ITERATION ? OUT : 0;
    emit(loops, 0, MT_block_alloc, 0, size_of(loops, 602112));
    at(loops, 1, 0, 1);
    if (IF(devicedata))
        launch(loops, 0, 900);
    else
        emit(loops, thread, MT_copy, API_TO_DEVICE, size_of(loops, 602112));
    at(loops, 1, 0, 2);
    emit(loops, 0, MT_block_alloc, 0, 512);
    at(loops, 1, 0, 3);
    emit(loops, 0, MT_copy, IF(devicedata) ? API_TO_HOST : API_TO_DEVICE, 256);
}

static void try_out(struct loops *loops, const struct layer *layer)
{
    if (!IF(warmup) || loops->iteration > 2 || loops->iteration == NO_ITERATION)
        return;
    for (uint32_t k = 0; k < 3 - loops->iteration; k++) {
        emit(loops, 0, MT_block_alloc, 0, 1ull << (22 + k));
        emit(loops, 0, MT_launch, layer->forward[0] + 3000 + k, 0);
        emit(loops, 0, MT_block_free, 0, 1ull << (22 + k));
    }
}

static void forward(struct loops *loops, const struct network *network, bool evaluation)
{
    for (uint32_t i = 0; i < network->layers; i++) {
        const struct layer *layer = &network->layer[i];
        uint32_t counts = IF(lengths) && loops->stretch > 1.2 ? 2 : 1;
        maybe_aside(loops, network->layers - i);
        loops->held[i] = size_of(loops, layer->bytes);
        at(loops, 2, i, 0);
        emit(loops, 0, MT_block_alloc, 0, loops->held[i]);
        at(loops, 2, i, 1);
        try_out(loops, layer);
        for (uint32_t k = 0; k < layer->launches * (i % 8 == 3 ? counts : 1); k++)
            launch(loops, 0, layer->forward[k % 3]);
        at(loops, 2, i, 2);
        if (evaluation && i % 3 == 0)
            launch(loops, 0, layer->evaluate);
        loops->experts[i] = IF(experts) && i % 4 == 1 ? below(loops, 6) : 0;
        for (uint32_t k = 0; k < loops->experts[i]; k++) {
            uint64_t bytes = 512ull * (1 + below(loops, 64));
            emit(loops, 0, MT_block_alloc, 0, bytes);
            launch(loops, 0, 800 + below(loops, 8));
            emit(loops, 0, MT_block_free, 0, bytes);
        }
        at(loops, 2, i, 3);
        launch(loops, 0, layer->forward[3]);
        if (evaluation && i)
            emit(loops, 0, MT_block_free, 0, loops->held[i - 1]);
    }
    at(loops, 3, 0, 0);
    launch(loops, 0, evaluation ? network->loss + 1 : network->loss);
}

static void backward(struct loops *loops, const struct network *network)
{
    bool first = loops->micro == 0 && !(IF(keep) && loops->iteration > 0);
    for (uint32_t i = network->layers; i-- > 0;) {
        const struct layer *layer = &network->layer[i];
        at(loops, 4, i, 0);
        if (first) /* gradients are made by the first micro-batch, the others add to them */
            emit(loops, 1, MT_block_alloc, 0, layer->parameter);
        at(loops, 4, i, 1);
        for (uint32_t k = 0; k < layer->launches; k++)
            launch(loops, 1, layer->backward[k % 3]);
        at(loops, 4, i, 2);
        for (uint32_t k = 0; k < loops->experts[i]; k++)
            launch(loops, 1, 850 + below(loops, 8));
        at(loops, 4, i, 3);
        launch(loops, 1, first ? layer->backward[3] : layer->backward[3] + 1);
        at(loops, 4, i, 4);
        emit(loops, IF(threads) && below(loops, 4) == 0 ? 1 : 1, MT_block_free, 0, loops->held[i]);
    }
    at(loops, 5, 0, 0);
    emit(loops, 0, MT_block_free, 0, size_of(loops, 602112));
    at(loops, 5, 0, 1);
    emit(loops, 0, MT_block_free, 0, 512);
}

static void optimize(struct loops *loops, const struct network *network)
{
    loops->micro = 0;
    for (uint32_t i = 0; i < network->layers; i += 2) {
        at(loops, 6, i, 0);
        launch(loops, 0, network->optimizer[0]);
        at(loops, 6, i, 1);
        launch(loops, 0, network->optimizer[1]);
    }
    at(loops, 6, 63, 0);
    launch(loops, 0, network->optimizer[2]);
    for (uint32_t i = 0; i < network->layers && !IF(keep); i++) {
        at(loops, 7, i, 0);
        emit(loops, 0, MT_block_free, 0, network->layer[i].parameter);
    }
    at(loops, 8, 0, 0);
    emit(loops, 0, MT_copy, API_TO_HOST, 4);
    loops->now += 200000 + below(loops, 100000); /* the loss is waited for */
}

static void new_lengths(struct loops *loops)
{
    loops->stretch = IF(lengths) ? 0.6 + below(loops, 1000) / 1000.0 : 1;
}

static void step(struct loops *loops, const struct network *network, uint32_t phase)
{
    uint32_t micros = IF(accumulate) ? 4 : 1;
    for (uint32_t m = 0; m < micros; m++) {
        loops->micro = m;
        new_lengths(loops);
        loops->aside = 0;
        if (phase == 0)
            input(loops);
        forward(loops, network, false);
        if (phase)
            loops->held[0] = loops->held[0];
        backward(loops, network);
    }
    optimize(loops, network);
}

static void outside(struct loops *loops)
{
    loops->iteration = NO_ITERATION;
    loops->place = OUT;
    loops->micro = 0;
}

static void evaluate(struct loops *loops, const struct network *network, uint32_t batches)
{
    outside(loops);
    for (uint32_t b = 0; b < batches; b++) {
        new_lengths(loops);
        input(loops);
        forward(loops, network, true);
        emit(loops, 0, MT_block_free, 0, loops->held[network->layers - 1]);
        emit(loops, 0, MT_block_free, 0, size_of(loops, 602112));
        emit(loops, 0, MT_block_free, 0, 512);
        launch(loops, 0, 960);
        emit(loops, 0, MT_copy, API_TO_HOST, 8);
        loops->now += 100000;
    }
}

static void save(struct loops *loops, const struct network *network)
{
    outside(loops);
    for (uint32_t i = 0; i < network->layers; i++)
        emit(loops, 0, MT_copy, API_TO_HOST, network->layer[i].parameter);
    loops->now += 50000000;
}

static void set_up(struct loops *loops, const struct network *network)
{
    outside(loops);
    emit(loops, 0, MT_alloc, API_ALLOC, 1 << 28);
    for (uint32_t i = 0; i < network->layers; i++) {
        emit(loops, 0, MT_block_alloc, 0, network->layer[i].parameter);
        emit(loops, 0, MT_set, API_SET, network->layer[i].parameter);
        emit(loops, 0, MT_copy, API_TO_DEVICE, network->layer[i].parameter);
        if (below(loops, 3) == 0)
            emit(loops, 0, MT_launch, 970, 0);
    }
}

static void init(struct loops *loops, const struct loops_options *options)
{
    memset(loops, 0, sizeof *loops);
    loops->options = options;
    loops->random = options->seed * 7919 + options->difficulties;
    loops->now = 1000000;
    loops->left = UINT64_MAX;
    loops->stretch = 1;
    outside(loops);
}

uint32_t loops_write(const struct loops_options *options)
{
    static struct network one, other;
    struct loops *loops = malloc(sizeof *loops);
    if (!loops)
        abort();
    init(loops, options);
    make_network(loops, &one, 1);
    make_network(loops, &other, 1000);
    uint32_t every = 3 + below(loops, 8), batches = 2 + below(loops, 6),
             whole = options->iterations;
    if (IF(cut))
        loops->skip = UINT64_MAX;
    set_up(loops, &one);
    for (uint32_t i = 0; i < options->iterations; i++) {
        loops->iteration = i;
        if (IF(cut) && i == 0)
            loops->skip = options->launches / 3 + below(loops, options->launches / 3);
        if (IF(cut) && i + 1 == options->iterations)
            loops->left = options->launches / 3 + below(loops, options->launches / 3);
        if (IF(pauses) && below(loops, 5) == 0)
            loops->now += 1000000 + below(loops, 30000000);
        step(loops, &one, 0);
        if (IF(gan))
            step(loops, &other, 1);
        if (IF(checkpoint) && i % (2 * every) == every)
            save(loops, &one);
        if (IF(evaluate) && (i + 1) % every == 0)
            evaluate(loops, &one, batches);
    }
    if (IF(cut))
        whole -= 2;
    outside(loops);
    for (uint32_t i = 0; i < one.layers; i++)
        emit(loops, 0, MT_block_free, 0, one.layer[i].parameter);
    free(loops);
    return whole;
}

/* ---- no rhythm ---- */

static void random_event(struct loops *loops, uint32_t what)
{
    if (what % 3 == 0)
        emit(loops, 0, MT_launch, what, 0);
    else
        emit(loops, 0, what % 3 == 1 ? MT_block_alloc : MT_block_free, 0, 512ull * (1 + what));
}

uint32_t loops_write_tiny(const struct loops_options *options)
{
    struct loops *loops = malloc(sizeof *loops);
    uint32_t events = options->launches;
    if (!loops)
        abort();
    init(loops, options);
    for (uint32_t i = 0; i < options->before; i++)
        random_event(loops, 100 + below(loops, 60));
    for (uint32_t i = 0; i < options->iterations; i++) {
        loops->iteration = i;
        for (uint32_t k = 0; k < events; k++) {
            bool pairs = events > 2 && k + 2 < events;
            loops->place = k;
            emit(loops, 0, MT_launch, (pairs ? 17 : 7) + k % 2, 0);
        }
    }
    free(loops);
    return options->iterations;
}

static uint32_t draw(struct loops *loops, enum negative kind, uint32_t kinds, uint32_t before)
{
    if (kind == NEGATIVE_zipf) {
        uint32_t most = below(loops, kinds) + 1;
        return below(loops, below(loops, most) + 1);
    }
    if (kind == NEGATIVE_markov && below(loops, 3))
        return (before * 7 + 3 + below(loops, 3)) % kinds;
    if (kind == NEGATIVE_sizes)
        return 1 + 3 * below(loops, 1u << 20) + below(loops, 2);
    return below(loops, kinds);
}

static void write_requests(struct loops *loops, uint32_t events)
{
    uint32_t routine[40][12];
    for (uint32_t i = 0; i < 40; i++)
        for (uint32_t k = 0; k < 12; k++)
            routine[i][k] = below(loops, 60);
    while (loops->event < events) {
        uint32_t i = below(loops, 40), length = 2 + i % 11;
        for (uint32_t k = 0; k < length; k++)
            random_event(loops, routine[i][k]);
    }
}

static void write_loading(struct loops *loops, uint32_t events)
{
    while (loops->event < events) {
        emit(loops, 0, MT_block_alloc, 0, 1 << 21);
        emit(loops, 0, MT_set, API_SET, 1 << 21);
        emit(loops, 0, MT_copy, API_TO_DEVICE, 1 << 21);
    }
    for (uint32_t i = 0; i < 12; i++)
        emit(loops, 0, MT_launch, 100 + i, 0);
}

void loops_write_negative(const struct loops_options *options, enum negative kind)
{
    struct loops_options few = *options;
    few.iterations = kind == NEGATIVE_once ? 1 : 2;
    if (kind == NEGATIVE_once || kind == NEGATIVE_twice) {
        loops_write(&few);
        return;
    }
    struct loops *loops = malloc(sizeof *loops);
    if (!loops)
        abort();
    init(loops, options);
    uint32_t events = options->iterations * options->launches;
    uint32_t kinds = 2 + below(loops, 200), before = 0;
    events = kind == NEGATIVE_few ? below(loops, 10) : events;
    if (kind == NEGATIVE_requests)
        write_requests(loops, events);
    else if (kind == NEGATIVE_loading)
        write_loading(loops, events);
    else
        for (uint32_t i = 0; i < events; i++)
            random_event(loops, before = draw(loops, kind, kinds, before));
    free(loops);
}
