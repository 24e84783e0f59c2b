#include <stddef.h>

#include "loop.h"

#define RANKS 2u

static void fill(struct loop *loop, struct mem *to, const char *kernel, const struct mem *a,
                 const struct mem *b)
{
    if (kernel)
        LAUNCH(loop->job, kernel, a, b, to);
    else
        product(loop, to, a, b);
}

/* ---- data parallel ---- */

static void into_bucket(struct loop *loop, struct param *param, const struct mem *gradient)
{
    struct simjob *job = loop->job;
    struct mem *bucket = loop->bucket[param->bucket];
    LAUNCH(job, "vectorized_elementwise_kernel_mul", &param->view, gradient);
    if (--loop->waiting[param->bucket] == 0)
        simjob_collective(job, "AllReduce", bucket, bucket);
}

void gradients_done(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->steppeds; i++) {
        struct param *param = loop->stepped[i];
        if (has(loop, DDP) && !has(loop, VIEW))
            simjob_copy(loop->job, param->g, &param->view);
    }
    for (uint32_t i = 0; i < BUCKETS; i++)
        loop->waiting[i] = loop->due[i];
}

/* ---- one gradient ---- */

static struct mem *brief(struct loop *loop, uint64_t bytes)
{
    return simjob_alloc(loop->job, bytes, MT_CATEGORY_temporary);
}

/* To one that is there, or into a bucket's part. */
static void add_to(struct loop *loop, const struct mem *gradient, const char *how,
                   const char *kernel, uint64_t bytes, const struct mem *a, const struct mem *b)
{
    struct mem *mine = brief(loop, bytes);
    fill(loop, mine, kernel, a, b);
    LAUNCH(loop->job, how, gradient, mine);
    simjob_drop(loop->job, mine);
}

void gradient_make(struct loop *loop, struct param *param, const char *kernel, const struct mem *a,
                   const struct mem *b)
{
    struct simjob *job = loop->job;
    uint64_t half = param->count * 2, bytes = has(loop, MASTER) ? half : param->count * 4;
    if (!param->trained)
        return;
    if (has(loop, VIEW)) {
        add_to(loop, &param->view, "vectorized_elementwise_kernel_mul", kernel, bytes, a, b);
        if (--loop->waiting[param->bucket] == 0)
            simjob_collective(job, "AllReduce", loop->bucket[param->bucket],
                              loop->bucket[param->bucket]);
        return;
    }
    if (param->g && !has(loop, FSDP)) {
        add_to(loop, param->g, "vectorized_elementwise_kernel_add_", kernel, bytes, a, b);
        return;
    }
    struct mem *narrow = NULL;
    if (has(loop, AMP)) {
        narrow = brief(loop, half);
        fill(loop, narrow, kernel, a, b);
    }
    param->g = simjob_alloc(job, has(loop, FSDP) ? half : bytes, MT_CATEGORY_gradient);
    if (narrow)
        LAUNCH(job, "vectorized_elementwise_kernel_cast", param->g, narrow);
    else
        fill(loop, param->g, kernel, a, b);
    simjob_drop(job, narrow);
    if (has(loop, DDP))
        into_bucket(loop, param, param->g);
}

void gradients_clear(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->steppeds; i++) {
        struct param *param = loop->stepped[i];
        const struct mem *gradient = has(loop, VIEW) ? &param->view : param->g;
        if (has(loop, KEEP) && gradient) {
            LAUNCH(loop->job, "vectorized_elementwise_kernel_fill", gradient);
            continue;
        }
        simjob_drop(loop->job, param->g);
        param->g = NULL;
    }
}

/* ---- shards ---- */

static uint64_t count_all(const struct layer *layer)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < layer->params; i++)
        sum += layer->p[i].count;
    return sum;
}

/* A table of addresses, which the host writes and a kernel reads; what it points to does not show.
 */
static void by_table(struct loop *loop, const char *kernel, const struct mem *mem)
{
    struct mem *table = brief(loop, 4096);
    simjob_from_host(loop->job, table);
    LAUNCH(loop->job, kernel, table, mem);
    simjob_drop(loop->job, table);
}

/* The shards are cast and laid side by side; that is sent. */
static void copy_in(struct loop *loop, struct layer *layer, uint64_t count)
{
    struct simjob *job = loop->job;
    const struct mem *shard[PARAMS_MAX + 1];
    uint32_t n = 0;
    struct mem *mine = brief(loop, count / RANKS * 2);
    for (uint32_t i = 0; i < layer->params; i++)
        if (layer->p[i].w)
            shard[n++] = layer->p[i].w;
    if (layer->flat.w)
        shard[n++] = layer->flat.w;
    shard[n++] = mine;
    simjob_launch(job, "multi_tensor_apply_kernel_copy", shard, n);
    LAUNCH(job, "multi_tensor_apply_kernel_copy", mine, layer->brought);
    simjob_drop(job, mine);
}

void layer_gather(struct loop *loop, struct layer *layer)
{
    struct simjob *job = loop->job;
    if (!has(loop, FSDP))
        return;
    uint64_t count = count_all(layer), at = 0;
    layer->brought = simjob_alloc(
        job, count * 2, has(loop, FLAT) ? MT_CATEGORY_parameter : MT_CATEGORY_communication);
    copy_in(loop, layer, count);
    struct mem mine = simjob_view(layer->brought, 0, count * 2 / RANKS);
    struct mem all = simjob_view(layer->brought, 0, count * 2);
    simjob_collective(job, "AllGather", &mine, &all);
    for (uint32_t i = 0; i < layer->params; i++) {
        struct param *param = &layer->p[i];
        param->view = simjob_view(layer->brought, at, param->count * 2);
        at += param->count * 2;
        if (!has(loop, FLAT))
            param->full = simjob_alloc(job, param->count * 2, MT_CATEGORY_parameter);
    }
    if (has(loop, FLAT))
        return;
    by_table(loop, "split_with_sizes_copy_out_contiguous_no_cast_kernel", NULL);
    simjob_drop(job, layer->brought);
    layer->brought = NULL;
}

void layer_scatter(struct loop *loop, struct layer *layer)
{
    if (!has(loop, FSDP))
        return;
    for (uint32_t i = 0; i < layer->params; i++) {
        simjob_drop(loop->job, layer->p[i].full);
        layer->p[i].full = NULL;
    }
    simjob_drop(loop->job, layer->brought);
    layer->brought = NULL;
}

void layer_reduce(struct loop *loop, struct layer *layer)
{
    struct simjob *job = loop->job;
    if (!has(loop, FSDP))
        return;
    uint64_t count = count_all(layer), at = 0;
    struct mem *sent = simjob_alloc(job, count * 4, MT_CATEGORY_communication);
    for (uint32_t i = 0; has(loop, FLAT) && i < layer->params; i++) {
        struct mem part = simjob_view(sent, at, layer->p[i].count * 4);
        LAUNCH(job, "vectorized_elementwise_kernel_cast", &part, layer->p[i].g);
        at += layer->p[i].count * 4;
    }
    if (!has(loop, FLAT))
        by_table(loop, "chunk_cat_cuda_kernel", sent);
    for (uint32_t i = 0; i < layer->params; i++) {
        simjob_drop(job, layer->p[i].g);
        layer->p[i].g = NULL;
    }
    layer->reduced = simjob_alloc(job, count * 4 / RANKS, MT_CATEGORY_gradient);
    struct mem all = simjob_view(sent, 0, count * 4);
    struct mem mine = simjob_view(layer->reduced, 0, count * 4 / RANKS);
    simjob_collective(job, "ReduceScatter", &all, &mine);
    simjob_drop(job, sent);
    at = 0;
    layer->flat.view = mine;
    for (uint32_t i = 0; i < layer->params; i++) {
        layer->p[i].view = simjob_view(layer->reduced, at, layer->p[i].count * 4 / RANKS);
        at += layer->p[i].count * 4 / RANKS;
    }
}
