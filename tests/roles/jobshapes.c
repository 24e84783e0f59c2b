#include "jobshapes.h"

#include <stddef.h>
#include <stdlib.h>

#include "loop.h"

#define BATCHES 3u /* of an evaluation */

/* ---- setting up ---- */

static void add_param(struct loop *loop, struct param *param, uint64_t count, bool trained)
{
    struct simjob *job = loop->job;
    uint64_t bytes = count * (has(loop, MASTER) ? 2 : 4);
    param->count = count;
    param->trained = trained && !has(loop, INFER);
    if (has(loop, FLAT)) /* a part of its layer's */
        return;
    param->w = simjob_alloc(job, has(loop, FSDP) ? bytes / 2 : bytes, MT_CATEGORY_parameter);
    if (simjob_below(job, 2))
        simjob_from_host(job, param->w);
    else
        LAUNCH(job, "distribution_elementwise_grid_stride_kernel_normal", param->w);
    if (param->trained)
        loop->stepped[loop->steppeds++] = param;
}

static void make_flat(struct loop *loop, struct layer *layer)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < layer->params; i++)
        count += layer->p[i].count;
    layer->flat.count = count;
    layer->flat.trained = true;
    layer->flat.w = simjob_alloc(loop->job, count * 4 / 2, MT_CATEGORY_parameter);
    simjob_from_host(loop->job, layer->flat.w);
    loop->stepped[loop->steppeds++] = &layer->flat;
}

static void make_layer(struct loop *loop, struct layer *layer)
{
    bool frozen = has(loop, FROZEN);
    struct param *p = layer->p;
    if (has(loop, CONV)) { /* norm, convolution, running mean and variance */
        add_param(loop, &p[0], loop->width, true);
        add_param(loop, &p[1], loop->width, true);
        add_param(loop, &p[2], loop->width * 9 * 64, true);
        add_param(loop, &p[3], loop->width, false);
        add_param(loop, &p[4], loop->width, false);
        layer->params = 5;
        return;
    }
    add_param(loop, &p[0], loop->width, !frozen);
    add_param(loop, &p[1], loop->width, !frozen);
    add_param(loop, &p[2], loop->width * loop->hidden, !frozen);
    add_param(loop, &p[3], loop->width * loop->hidden, !frozen);
    layer->params = 4;
    if (frozen) {
        add_param(loop, &p[4], loop->width * 16, true);
        add_param(loop, &p[5], loop->width * 16, true);
        layer->params = 6;
    }
    for (uint32_t i = 0; has(loop, EXPERTS) && i < 4; i++)
        add_param(loop, &p[6 + i], loop->width * loop->hidden, true);
    layer->params = has(loop, EXPERTS) ? 10 : layer->params;
}

/* From the last gradient on, as the backward pass makes them. */
static void make_buckets(struct loop *loop)
{
    uint64_t bytes[BUCKETS] = {0};
    for (uint32_t i = 0; i < loop->steppeds; i++) {
        struct param *param = loop->stepped[loop->steppeds - 1 - i];
        param->bucket = i * BUCKETS / loop->steppeds;
        param->view = simjob_view(&(struct mem){0}, bytes[param->bucket], param->count * 4);
        bytes[param->bucket] += param->count * 4;
        loop->due[param->bucket]++;
    }
    for (uint32_t i = 0; i < BUCKETS; i++) {
        loop->bucket[i] = simjob_alloc(loop->job, bytes[i], MT_CATEGORY_gradient);
        loop->waiting[i] = loop->due[i];
        simjob_set(loop->job, loop->bucket[i]);
    }
    for (uint32_t i = 0; i < loop->steppeds; i++)
        loop->stepped[i]->view.address += loop->bucket[loop->stepped[i]->bucket]->address;
}

static void set_up(struct loop *loop)
{
    struct simjob *job = loop->job;
    bool conv = has(loop, CONV);
    loop->element = has(loop, MASTER | FSDP) ? 2 : 4;
    loop->layers = 3 + simjob_below(job, 4);
    loop->width = conv ? 64 + 16 * simjob_below(job, 8) : 128 + 64 * simjob_below(job, 6);
    loop->hidden = loop->width * 4;
    loop->rows = conv ? 4096 + 512 * simjob_below(job, 8) : 256 + 64 * simjob_below(job, 16);
    loop->words = 1000 + 100 * simjob_below(job, 40);
    for (uint32_t i = 0; i < loop->layers; i++) {
        make_layer(loop, &loop->layer[i]);
        if (has(loop, FLAT))
            make_flat(loop, &loop->layer[i]);
    }
    loop->top.params = 1;
    add_param(loop, &loop->top.p[0], loop->width * loop->words, !has(loop, FROZEN));
    if (has(loop, FLAT))
        make_flat(loop, &loop->top);
    if (has(loop, DDP))
        make_buckets(loop);
}

/* ---- a batch ---- */

/* What the program's variables held is given back when they get something else. */
static struct mem *assign(struct loop *loop, struct mem **variable, struct mem *mem)
{
    simjob_drop(loop->job, *variable);
    return *variable = mem;
}

static void load(struct loop *loop)
{
    struct simjob *job = loop->job;
    uint64_t count = loop->rows * loop->width;
    struct mem *raw = simjob_alloc(job, count * 4, MT_CATEGORY_input);
    simjob_from_host(job, raw);
    if (loop->element == 2 || (has(loop, CONV) && has(loop, AMP))) {
        struct mem *half = simjob_alloc(job, count * 2, MT_CATEGORY_input);
        LAUNCH(job, "vectorized_elementwise_kernel_cast", half, raw);
        simjob_drop(job, raw);
        raw = half;
    }
    assign(loop, &loop->input, raw);
    assign(loop, &loop->labels, simjob_alloc(job, loop->rows * 8, MT_CATEGORY_input));
    simjob_from_host(job, loop->labels);
}

static struct mem *forward(struct loop *loop, enum keeping keeping)
{
    struct mem *x = loop->input;
    for (uint32_t i = 0; i < loop->layers; i++) {
        struct layer *layer = &loop->layer[i];
        bool inplace = has(loop, CONV) && has(loop, INPLACE);
        layer->owns_x = i > 0 && !inplace;
        layer->owns_y = inplace;
        struct mem *y = layer_forward(loop, layer, x, keeping);
        if (!loop->training && i > 0)
            simjob_drop(loop->job, x);
        x = y;
    }
    return x;
}

/* The results of the last layer, and the loss. */
static void judge(struct loop *loop, const struct mem *x)
{
    struct simjob *job = loop->job;
    bool training = loop->training;
    enum mt_category kept = training ? MT_CATEGORY_activation : MT_CATEGORY_temporary;
    struct layer *top = &loop->top;
    loop->inner = kept;
    layer_gather(loop, top);
    struct mem *logits = simjob_alloc(job, loop->rows * loop->words * loop->element, kept);
    product(loop, logits, x, weight(loop, top, &top->p[0]));
    layer_scatter(loop, top);
    assign(loop, &loop->logits, logits);
    if (has(loop, INFER)) {
        simjob_to_host(job, logits);
        return;
    }
    loop->probabilities = simjob_alloc(job, loop->rows * loop->words * 4, kept);
    LAUNCH(job, "cunn_SoftMaxForward", loop->probabilities, logits);
    assign(loop, &loop->loss, simjob_alloc(job, 512, kept));
    LAUNCH(job, "nll_loss_forward_reduce_cuda_kernel_2d", loop->loss, loop->probabilities,
           loop->labels);
    if (!training)
        simjob_drop(job, loop->probabilities);
}

static void backward(struct loop *loop, struct mem *x)
{
    struct simjob *job = loop->job;
    struct layer *top = &loop->top;
    uint64_t bytes = loop->rows * loop->words * loop->element;
    loop->thread = has(loop, ALONE) ? 0 : 1;
    simjob_thread(job, loop->thread);
    struct mem *one = simjob_alloc(job, 512, MT_CATEGORY_temporary);
    LAUNCH(job, "vectorized_elementwise_kernel_fill", one);
    struct mem *g = simjob_alloc(job, bytes, MT_CATEGORY_temporary);
    LAUNCH(job, "nll_loss_backward_reduce_cuda_kernel_2d", g, one, loop->labels);
    LAUNCH(job, "cunn_SoftMaxBackward", g, loop->probabilities);
    simjob_drop(job, one);
    simjob_drop(job, loop->probabilities);
    layer_gather(loop, top);
    struct mem *gx =
        simjob_alloc(job, loop->rows * loop->width * loop->element, MT_CATEGORY_temporary);
    product(loop, gx, g, weight(loop, top, &top->p[0]));
    gradient_make(loop, &top->p[0], NULL, x, g);
    simjob_drop(job, g);
    while (top->keeps)
        simjob_drop(job, top->kept[--top->keeps]);
    top->p[0].cast = NULL;
    if (!loop->layer[loop->layers - 1].owns_y)
        simjob_drop(job, x);
    layer_scatter(loop, top);
    layer_reduce(loop, top);
    for (uint32_t i = loop->layers; i-- > 0;)
        gx = layer_backward(loop, &loop->layer[i], gx);
    simjob_drop(job, gx);
    gradients_done(loop);
    loop->thread = 0;
    simjob_thread(job, 0);
}

static void clear(struct loop *loop)
{
    if (!has(loop, FSDP)) {
        gradients_clear(loop);
        return;
    }
    for (uint32_t i = 0; i <= loop->layers; i++) {
        struct layer *layer = i < loop->layers ? &loop->layer[i] : &loop->top;
        simjob_drop(loop->job, layer->reduced);
        layer->reduced = NULL;
    }
}

static void train(struct loop *loop)
{
    loop->training = true;
    for (uint32_t i = 0; i < (has(loop, ACCUMULATE) ? 4 : 1); i++) {
        load(loop);
        struct mem *x = forward(loop, has(loop, RECOMPUTE) ? KEEP_NOTHING : KEEP_ALL);
        judge(loop, x);
        if (i == 0)
            clear(loop);
        backward(loop, x);
    }
    optimizer_step(loop);
    simjob_to_host(loop->job, loop->loss);
}

static void infer(struct loop *loop)
{
    loop->training = false;
    load(loop);
    struct mem *x = forward(loop, KEEP_NOTHING);
    judge(loop, x);
    while (loop->top.keeps)
        simjob_drop(loop->job, loop->top.kept[--loop->top.keeps]);
    simjob_drop(loop->job, x);
    simjob_to_host(loop->job, has(loop, INFER) ? loop->logits : loop->loss);
}

void shape_run(struct simjob *job, uint32_t flags, uint32_t iterations)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        abort();
    loop->job = job;
    loop->flags = flags;
    set_up(loop);
    for (uint32_t i = 0; i < iterations; i++) {
        if (has(loop, INFER))
            infer(loop);
        else
            train(loop);
        for (uint32_t k = 0; has(loop, EVALUATE) && i % 4 == 3 && k < BATCHES; k++)
            infer(loop);
    }
    free(loop);
}
