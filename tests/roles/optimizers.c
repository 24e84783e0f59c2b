#include <stddef.h>
#include <string.h>

#include "loop.h"

#define CHUNK 15u /* tensors of a list that one kernel takes */

static const struct mem *gradient_of(const struct loop *loop, const struct param *param)
{
    return has(loop, VIEW | FSDP) ? &param->view : param->g;
}

/* Lists of tensors, a chunk of each at a time: list[k][i] is tensor i of list k. */
static void by_lists(struct loop *loop, const char *kernel, uint32_t lists, uint32_t n,
                     const struct mem *const (*list)[STEPPED_MAX])
{
    const struct mem *all[64];
    uint32_t chunk = has(loop, SINGLE) ? 1 : CHUNK;
    for (uint32_t i = 0; i < n; i += chunk) {
        uint32_t words = 0;
        for (uint32_t k = 0; k < lists; k++)
            for (uint32_t at = i; at < n && at < i + chunk && words < 64; at++)
                all[words++] = list[k][at];
        simjob_launch(loop->job, kernel, all, words);
    }
}

static uint64_t numbers(const struct loop *loop, const struct param *param)
{
    return has(loop, FSDP) ? param->count / 2 : param->count;
}

static struct mem *state(struct loop *loop, const struct param *param)
{
    struct mem *mem =
        simjob_alloc(loop->job, numbers(loop, param) * 4, MT_CATEGORY_optimizer_state);
    LAUNCH(loop->job, "vectorized_elementwise_kernel_fill", mem);
    return mem;
}

static void make_state(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->steppeds; i++) {
        struct param *param = loop->stepped[i];
        if (has(loop, MASTER)) {
            param->master = simjob_alloc(loop->job, param->count * 4, MT_CATEGORY_optimizer_state);
            LAUNCH(loop->job, "vectorized_elementwise_kernel_cast", param->master, param->w);
        }
        if (has(loop, ADAM | MOMENTUM))
            param->m = state(loop, param);
        if (has(loop, ADAM))
            param->v = state(loop, param);
    }
    loop->stated = true;
}

/* The norm of all gradients, and all gradients scaled by it. */
static void clip(struct loop *loop, uint32_t n, const struct mem *const (*gradient)[STEPPED_MAX])
{
    struct mem *norms = simjob_alloc(loop->job, 4096, MT_CATEGORY_temporary);
    const struct mem *list[2][STEPPED_MAX];
    memcpy(list[0], gradient[0], sizeof list[0]);
    for (uint32_t i = 0; i < n; i++)
        list[1][i] = norms;
    by_lists(loop, "multi_tensor_apply_kernel_lpnorm", 2, n, list);
    LAUNCH(loop->job, "reduce_kernel", norms);
    by_lists(loop, "multi_tensor_apply_kernel_mul", 2, n, list);
    simjob_drop(loop->job, norms);
}

static void adam(struct loop *loop, uint32_t n, const struct mem *const (*weight)[STEPPED_MAX],
                 const struct mem *const (*g)[STEPPED_MAX],
                 const struct mem *const (*m)[STEPPED_MAX],
                 const struct mem *const (*v)[STEPPED_MAX])
{
    const struct mem *list[4][STEPPED_MAX];
    struct mem *root[STEPPED_MAX];
    memcpy(list[0], v[0], sizeof list[0]);
    memcpy(list[1], g[0], sizeof list[1]);
    by_lists(loop, "multi_tensor_apply_kernel_addcmul_", 2, n, list);
    memcpy(list[0], m[0], sizeof list[0]);
    by_lists(loop, "multi_tensor_apply_kernel_lerp_", 2, n, list);
    if (has(loop, SINGLE)) { /* one after the other: the root is given back at once */
        for (uint32_t i = 0; i < n; i++) {
            struct mem *one = simjob_alloc(loop->job, v[0][i]->bytes, MT_CATEGORY_temporary);
            LAUNCH(loop->job, "vectorized_elementwise_kernel_sqrt", one, v[0][i]);
            LAUNCH(loop->job, "vectorized_elementwise_kernel_div_", one);
            LAUNCH(loop->job, "vectorized_elementwise_kernel_addcdiv_", weight[0][i], m[0][i], one);
            simjob_drop(loop->job, one);
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        list[0][i] = root[i] = simjob_alloc(loop->job, v[0][i]->bytes, MT_CATEGORY_temporary);
    memcpy(list[1], v[0], sizeof list[1]);
    by_lists(loop, "multi_tensor_apply_kernel_sqrt", 2, n, list);
    by_lists(loop, "multi_tensor_apply_kernel_div_", 1, n, list);
    memcpy(list[1], weight[0], sizeof list[1]);
    memcpy(list[2], m[0], sizeof list[2]);
    by_lists(loop, "multi_tensor_apply_kernel_addcdiv_", 3, n, list);
    for (uint32_t i = 0; i < n; i++)
        simjob_drop(loop->job, root[i]);
}

/* Weights of 16 bits follow their masters. */
static void widen(struct loop *loop, uint32_t n, const struct mem *const (*g)[STEPPED_MAX],
                  struct mem **wide)
{
    for (uint32_t i = 0; i < n; i++) {
        wide[i] = simjob_alloc(loop->job, loop->stepped[i]->count * 4, MT_CATEGORY_temporary);
        LAUNCH(loop->job, "vectorized_elementwise_kernel_cast", wide[i], g[0][i]);
    }
}

static void step(struct loop *loop, uint32_t n, const struct mem *const (*w)[STEPPED_MAX],
                 const struct mem *const (*g)[STEPPED_MAX],
                 const struct mem *const (*m)[STEPPED_MAX],
                 const struct mem *const (*v)[STEPPED_MAX])
{
    const struct mem *list[4][STEPPED_MAX];
    memcpy(list[0], w[0], sizeof list[0]);
    memcpy(list[1], g[0], sizeof list[1]);
    if (has(loop, ADAM) && !has(loop, FUSED)) {
        adam(loop, n, w, g, m, v);
        return;
    }
    if (has(loop, MOMENTUM)) {
        memcpy(list[0], m[0], sizeof list[0]);
        by_lists(loop, "multi_tensor_apply_kernel_momentum", 2, n, list);
        memcpy(list[1], w[0], sizeof list[1]);
        by_lists(loop, "multi_tensor_apply_kernel_add_", 2, n, list);
        return;
    }
    memcpy(list[2], m[0], sizeof list[2]);
    memcpy(list[3], v[0], sizeof list[3]);
    by_lists(loop, "multi_tensor_apply_kernel_fused", has(loop, FUSED) ? 4 : 2, n, list);
}

void optimizer_step(struct loop *loop)
{
    const struct mem *w[1][STEPPED_MAX], *g[1][STEPPED_MAX], *m[1][STEPPED_MAX], *v[1][STEPPED_MAX];
    struct mem *wide[STEPPED_MAX];
    uint32_t n = 0;
    if (!loop->stated)
        make_state(loop);
    for (uint32_t i = 0; i < loop->steppeds; i++) {
        const struct param *param = loop->stepped[i];
        if (!gradient_of(loop, param)) /* of an expert that did not run */
            continue;
        w[0][n] = has(loop, MASTER) ? param->master : param->w;
        g[0][n] = gradient_of(loop, param);
        m[0][n] = param->m;
        v[0][n++] = param->v;
    }
    if (has(loop, CLIP))
        clip(loop, n, g);
    if (has(loop, MASTER)) {
        widen(loop, n, g, wide);
        for (uint32_t i = 0; i < n; i++)
            g[0][i] = wide[i];
    }
    step(loop, n, w, g, m, v);
    for (uint32_t i = 0; has(loop, MASTER) && i < n; i++) {
        LAUNCH(loop->job, "vectorized_elementwise_kernel_cast", loop->stepped[i]->w, w[0][i]);
        simjob_drop(loop->job, wide[i]);
    }
}
