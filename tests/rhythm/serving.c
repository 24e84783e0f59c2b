/* Inference: layers that are all alike, and little else. */
#include <stdlib.h>

#include "event/event.h"
#include "loops.h"

#define TOKENS 16u /* of a request, behind the first */

enum { API_TO_DEVICE = 1, API_TO_HOST };
enum {
    EMBED = 1,
    NORM,
    PRODUCT,
    ATTEND,
    CACHE,
    ACTIVATE,
    ADD,
    SCORE,
    SOFTMAX,
    DRAW,
    PREFILL,
    LAST
};

struct serving {
    const struct loops_options *options;
    enum serving_kind kind;
    uint64_t random, now, event;
    uint32_t iteration, place; /* places are numbered by what stands there */
    uint32_t token;            /* of a request, and so part of the place */
    uint32_t rows, cached;     /* of the batch, and tokens of it so far */
    uint64_t held[2];          /* sizes of a layer's keys and values, before and from now on */
};

static uint32_t below(struct serving *serving, uint32_t n)
{
    uint64_t z = serving->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

static void emit(struct serving *serving, enum mt_kind kind, uint32_t what, uint64_t size)
{
    serving->now += 2000 + below(serving, 3000);
    struct mt_symbol symbol = {
        .event = serving->event++,
        .time_ns = serving->now,
        .size = size,
        .what = what,
        .kind = (uint16_t)kind,
        .input = kind == MT_copy && what == API_TO_DEVICE,
    };
    serving->options->sink(serving->options->context, &symbol, serving->iteration,
                           serving->token << 20 | serving->place);
    serving->place++;
}

static void launch(struct serving *serving, uint32_t kernel)
{
    emit(serving, MT_launch, kernel, 0);
}

static uint64_t bytes(const struct serving *serving, uint32_t width)
{
    return 512ull * serving->rows * width;
}

/* Keys and values of all tokens so far are copied behind each other: the old ones are given back.
 */
static void join_cache(struct serving *serving)
{
    for (uint32_t k = 0; k < 2; k++) {
        emit(serving, MT_block_alloc, 0, serving->held[1]);
        launch(serving, CACHE);
        emit(serving, MT_block_free, 0, serving->held[0]);
    }
}

static void keep_first(struct serving *serving)
{
    for (uint32_t k = 0; k < 2; k++)
        emit(serving, MT_block_alloc, 0, serving->held[1]);
}

static void layer(struct serving *serving, bool prompt)
{
    uint64_t wide = bytes(serving, 16), narrow = bytes(serving, 4);
    emit(serving, MT_block_alloc, 0, narrow);
    launch(serving, NORM);
    emit(serving, MT_block_alloc, 0, wide);
    launch(serving, PRODUCT);
    if ((serving->kind == SERVING_cached || serving->kind == SERVING_answers) && !prompt)
        join_cache(serving);
    if (serving->kind == SERVING_answers && prompt)
        keep_first(serving);
    launch(serving, prompt ? PREFILL : ATTEND);
    emit(serving, MT_block_free, 0, narrow);
    emit(serving, MT_block_alloc, 0, narrow);
    launch(serving, PRODUCT);
    emit(serving, MT_block_free, 0, wide);
    emit(serving, MT_block_alloc, 0, wide);
    launch(serving, NORM);
    launch(serving, PRODUCT);
    launch(serving, ACTIVATE);
    launch(serving, PRODUCT);
    emit(serving, MT_block_free, 0, wide);
    launch(serving, ADD);
    emit(serving, MT_block_free, 0, narrow);
}

/* What is there before the first layer: the input, or the token that was drawn last. */
static void begin(struct serving *serving, bool prompt)
{
    bool copies = prompt || serving->kind == SERVING_forward || serving->kind == SERVING_batches;
    serving->place = 0;
    emit(serving, MT_block_alloc, 0, bytes(serving, 1));
    serving->place = 1;
    if (copies)
        emit(serving, MT_copy, API_TO_DEVICE, bytes(serving, 1));
    if (serving->kind == SERVING_batches) /* where each request's tokens are, and how many */
        for (uint32_t k = 0; k < 2; k++)
            emit(serving, MT_copy, API_TO_DEVICE, 8ull * serving->rows);
    serving->place = 4;
    if (serving->kind != SERVING_forward)
        launch(serving, EMBED);
}

static void end(struct serving *serving, bool prompt)
{
    serving->place = 1 << 16;
    if (serving->kind == SERVING_answers && prompt)
        launch(serving, LAST); /* of the prompt's tokens, only what follows that one is wanted */
    emit(serving, MT_block_alloc, 0, bytes(serving, 100));
    if (serving->kind == SERVING_forward) {
        launch(serving, PRODUCT);
    } else {
        launch(serving, NORM);
        launch(serving, SCORE);
        launch(serving, SOFTMAX);
        launch(serving, DRAW);
    }
    emit(serving, MT_copy, API_TO_HOST,
         serving->kind == SERVING_forward ? bytes(serving, 100) : 8ull * serving->rows);
    serving->now += 30000 + below(serving, 10000);
    emit(serving, MT_block_free, 0, bytes(serving, 100));
    emit(serving, MT_block_free, 0, bytes(serving, 1));
}

static bool is_prompt(struct serving *serving, uint32_t *left)
{
    bool due = serving->kind == SERVING_prompts && (*left)-- == 0;
    if (due)
        *left = 3 + below(serving, 10);
    return due;
}

/* Reads a prompt, or draws a token. */
static void step(struct serving *serving, bool prompt)
{
    if (prompt)
        serving->now += 100000;
    serving->rows = prompt ? 40 + below(serving, 200) : 4;
    serving->cached += serving->kind == SERVING_answers && prompt ? serving->rows : 0;
    if (serving->kind == SERVING_batches)
        serving->rows = 1 + below(serving, 32);
    serving->held[0] = 512ull * (1 + serving->cached / 2);
    serving->held[1] = 512ull * (1 + ++serving->cached / 2);
    begin(serving, prompt);
    for (uint32_t i = 0; i < serving->options->launches; i++) {
        serving->place = 64 * (i + 1);
        layer(serving, prompt);
    }
    end(serving, prompt);
}

/* A prompt is read and tokens are drawn. What is kept of all tokens so far grows, and goes with the
 * request: that is the iteration. */
static void answer(struct serving *serving)
{
    for (serving->token = 0; serving->token <= TOKENS; serving->token++)
        step(serving, serving->token == 0);
    for (uint32_t i = 0; i < 2 * serving->options->launches; i++)
        emit(serving, MT_block_free, 0, serving->held[1]);
    serving->token = serving->cached = 0;
}

uint32_t loops_write_serving(const struct loops_options *options, enum serving_kind kind)
{
    struct serving serving = {.options = options, .kind = kind, .random = options->seed * 7919};
    uint32_t left = 0;
    serving.iteration = NO_ITERATION;
    serving.now = 1000000;
    emit(&serving, MT_alloc, 0, 1 << 28);
    for (uint32_t i = 0; i < options->launches; i++) {
        emit(&serving, MT_block_alloc, 0, 1 << 20);
        emit(&serving, MT_copy, API_TO_DEVICE, 1 << 20);
    }
    for (uint32_t i = 0; i < options->iterations; i++) {
        serving.iteration = i;
        if (kind == SERVING_answers)
            answer(&serving);
        else
            step(&serving, is_prompt(&serving, &left));
    }
    serving.iteration = NO_ITERATION;
    for (uint32_t i = 0; i < options->launches; i++)
        emit(&serving, MT_block_free, 0, 1 << 20);
    return options->iterations;
}
